"""The client for browsers answers texts and tags as `predict` does; Node stands for the browser."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.export.export import export
from flickr_emotion.model.recipes import BEST, MINILM
from tests.datasets.rules import test_text as rule
from tests.model.export.client.test_html_text import PIECES
from tests.model.export.client.test_predict import (
    WORDS_AND_TAGS,
    assert_same_answers,
    lines,
    tiny_run,
)
from tests.model.export.raw_posts import raw_posts, write_json_lines
from tests.model.features.texts.test_readers import needs_readers

NODE, NPM = shutil.which("node"), shutil.which("npm")
PACKAGES = ("onnxruntime-web", "@huggingface/tokenizers")
HERE = Path(__file__).parent
RATED = (
    *("not", "very", "GOOD", "bad", "but", "never", "so", "without", "doubt", "kind", "of"),
    *("least", "at", "no", "or", "nor", "isn't", "love", "hate", "SO", "extremely", "the"),
    *("bomb", "to", "die", "for", "!!!", "??", "?", ":-)", ":D", "😀", "💘", "beating", "heart"),
    *("yeah", "right", "this", "great", "sad", "sort", "KILL", "ok"),
)
"""Words that the lexicon's rules are about."""

pytestmark = [
    pytest.mark.slow,
    needs_readers,
    pytest.mark.skipif(NODE is None or NPM is None, reason="node and npm are not installed"),
]


def node(script: Path, *arguments: Path) -> str:
    assert NODE is not None
    done = subprocess.run([NODE, script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a script finds the packages."""
    folder = tmp_path_factory.mktemp("node")
    assert NPM is not None
    (folder / "package.json").write_text("{}")
    command = [NPM, "install", "--no-audit", "--no-fund", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install the client's packages: {done.stderr[-300:]}")
    return folder


@pytest.fixture(scope="module", params=["paper", BEST, "--finetune-text"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export, with its run beside it."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "--finetune-text":
        tiny_run(folder, recipe=BEST, finetune_text=True, text_encoder=MINILM)
    else:
        tiny_run(folder, recipe=request.param)
    export(folder / "run", folder / "export")
    return folder / "export"


def test_it_answers_as_predict_does(exported: Path, packages: Path, tmp_path: Path) -> None:
    posts = raw_posts(60, WORDS_AND_TAGS)
    script = shutil.copy(HERE / "answers_of_node.mjs", packages)
    output = node(Path(script), exported, write_json_lines(posts, tmp_path / "posts.jsonl"))
    found = assert_same_answers(exported.parent / "run", posts, lines(output))
    assert found == {*WORDS_AND_TAGS}


def test_its_rules_are_ours(exported: Path, shared_data: Path, tmp_path: Path) -> None:
    if not (exported / "vader").is_dir():
        pytest.skip("the paper's recipe has no lexicon")
    vader = pytest.importorskip("vaderSentiment.vaderSentiment")

    drawn = random.Random(0)
    made_up = ["".join(drawn.choices(PIECES, k=drawn.randint(1, 9))) for _ in range(1000)]
    texts = [t for _, *pair in rule.real_posts(shared_data) for t in pair]
    texts += [text for text in made_up if "\0" not in text]
    phrases = [" ".join(drawn.choices(RATED, k=drawn.randint(1, 12))) for _ in range(1000)]
    phrases += [clean(text) for text in texts]
    tags = [["Protest!", "Protest", "日本", "x-y"], ["É\u0301", "İ", "☀️", "#New York", "a:b=c"]]
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps({"texts": texts, "tags": tags, "phrases": phrases}))
    found = json.loads(node(HERE / "rules_of_node.mjs", exported, cases))
    assert found["texts"] == [clean(text) for text in texts]
    assert found["words"] == [words(clean(text)) for text in texts]
    assert found["tags"] == [normalise_tags(some) for some in (tags[0], tags[1][:-1])]
    analyser = vader.SentimentIntensityAnalyzer()
    assert found["scores"] == [analyser.polarity_scores(text) for text in phrases]
