"""The client as a program of its own: it answers raw posts as `predict` does."""

import dataclasses
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.export.export import export
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.prediction.rows import raw_post
from flickr_emotion.model.recipes import BEST, SENTENCES
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.export.raw_posts import raw_posts, write_csv, write_json_lines
from tests.model.features.texts.test_readers import needs_readers

WORDS_AND_TAGS = ("text", "tags", "text+tags")
PACKAGES = ("numpy", "onnxruntime", "tokenizers", "pillow")

# Runs a program in an interpreter that has neither torch nor this project.
BLOCKED = """
import runpy, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "flickr_emotion", "transformers", "selectolax"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Block())
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def tiny_run(folder: Path, *, recipe: str, **options: Any) -> Path:
    """Train a run that reads words and tags, and no pictures."""
    labels, numbers = cycle(("anger", "awe")), iter(range(1000))
    data = write_dataset(
        folder / "set",
        {
            split: [
                separable_post(next(numbers), next(labels), subset)
                for subset in WORDS_AND_TAGS * times
            ]
            for split, times in (("train", 8), ("validation", 4), ("test", 2))
        },
    )
    config = dataclasses.replace(TINY, recipe=recipe, learning_rate=None, epochs=2, **options)
    train(config, dataset=data, out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def best_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the best recipe without its largest part: words, tags and the lexicon are read."""
    return tiny_run(tmp_path_factory.mktemp("best"), recipe=BEST, without=(SENTENCES,))


@pytest.fixture(scope="module")
def exported(best_run: Path) -> Path:
    out = best_run.parent / "export"
    export(best_run, out)
    return out


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED, str(folder / "predict.py"), *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def assert_same_answers(
    run: Path, posts: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]
) -> set[str]:
    """Compare with `predict`; return the subsets."""
    rows = [raw_post(post, number, Path()) for number, post in enumerate(posts, 1)]
    expected = Predictor(run, device="cpu").predict(rows)
    assert [answer.get("photo_id") for answer in found] == [post["photo_id"] for post in posts]
    for ours, theirs in zip(expected, found, strict=True):
        assert not isinstance(ours, ModelError)
        assert (theirs["subset"], theirs["label"]) == (ours.subset, ours.label)
        assert theirs["probabilities"] == pytest.approx(ours.probabilities, abs=1e-4)
    return {answer["subset"] for answer in found}


@needs_readers
@pytest.mark.slow
class TestProgram:
    def test_it_answers_as_predict_does(
        self, best_run: Path, exported: Path, tmp_path: Path
    ) -> None:
        posts = raw_posts(40, WORDS_AND_TAGS)
        done = program(exported, "--input", str(write_json_lines(posts, tmp_path / "posts.jsonl")))
        assert done.returncode == 0, done.stderr
        assert assert_same_answers(best_run, posts, lines(done.stdout)) == {*WORDS_AND_TAGS}

    def test_csv_with_rows_that_cannot_be_answered(self, exported: Path, tmp_path: Path) -> None:
        posts = [*raw_posts(2, ("text",)), {"photo_id": "3", "text": ":-)"}, {"photo_id": "4"}]
        path = write_csv(posts, tmp_path / "posts.csv")
        with path.open("a") as file:
            file.write("5,,one,two\n")
        path.with_name("gone.jsonl").write_text(
            '{"photo_id": "6", "image": "gone.jpg"}\n[]\n{"text"'
        )
        done = program(exported, "--input", str(path))
        assert done.returncode == 0
        *answered, third, fourth, fifth = lines(done.stdout)
        assert [answer["photo_id"] for answer in answered] == ["1000", "1001"]
        assert "it has no modality" in third["error"]
        assert "it has no modality" in fourth["error"]
        assert f"{path}, line " in fifth["error"]
        assert "not as many cells as the header" in fifth["error"]
        done = program(exported, "--input", str(path.with_name("gone.jsonl")))
        assert done.returncode == 1
        errors = [answer["error"] for answer in lines(done.stdout)]
        assert "the picture of photo 6 cannot be read" in errors[0]
        assert "gone.jpg is not there" in errors[0]
        assert "line 2: not an object" in errors[1]
        assert "line 3: not JSON" in errors[2]

    def test_one_post_and_bad_input(self, exported: Path, tmp_path: Path) -> None:
        done = program(exported, "--text", "a <b>storm</b>", "--tags", "riot, peak")
        (answer,) = lines(done.stdout)
        assert answer["subset"] == "text+tags"
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        (tmp_path / "bytes.csv").write_bytes(b"text\n\xff\xfe\n")
        (tmp_path / "empty.csv").write_text("")
        for path, message in {
            tmp_path / "other.csv": "its header names none of image, text, title",
            tmp_path / "bytes.csv": "is not text in UTF-8",
            tmp_path / "empty.csv": "is empty",
            tmp_path / "absent.csv": "cannot be read (No such file",
            tmp_path: "cannot be read (Is a directory)",
        }.items():
            done = program(exported, "--input", str(path))
            assert done.returncode == 1
            assert message in done.stderr
            assert len(done.stderr.splitlines()) == 1
        assert program(exported).returncode == 2
        damaged = shutil.copytree(exported, tmp_path / "damaged")
        (damaged / "text.onnx").write_bytes(b"no graph")
        done = program(damaged, "--text", "storm")
        assert done.returncode == 1
        assert "text.onnx cannot be opened" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the client's packages and nothing else; return its interpreter."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    wanted = [f"{name}=={version(name)}" for name in PACKAGES]
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"pip cannot install the client's packages: {installed.stderr[-300:]}")
    for name in ("torch", "flickr_emotion"):
        command = [str(python), "-c", f"import {name}"]
        assert subprocess.run(command, capture_output=True, cwd="/").returncode
    return python


@pytest.mark.slow
@needs_readers
@pytest.mark.parametrize("recipe", ["paper", "best"])
def test_in_an_environment_of_its_own(
    recipe: str, run_folder: Path, dataset_folder: Path, own_environment: Path, tmp_path: Path
) -> None:
    """200 raw posts of all seven subsets."""
    run = run_folder
    if recipe == BEST:
        run = tmp_path / "run"
        config = dataclasses.replace(TINY, recipe=BEST, learning_rate=None, epochs=2)
        train(config, dataset=dataset_folder, out=run)
    export(run, tmp_path / "export")
    posts = raw_posts(200)
    path = write_json_lines(posts, tmp_path / "posts.jsonl")
    done = subprocess.run(
        [own_environment, tmp_path / "export" / "predict.py", "--input", path],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    assert assert_same_answers(run, posts, lines(done.stdout)) == {*SUBSETS}
