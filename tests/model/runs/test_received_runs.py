"""Runs and word vectors from others: errors take one line, and no text controls the terminal."""

import json
import tracemalloc
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.word_vectors import read_word_vectors
from tests.commands import refusal, run

HUGE = "9" * 5000
LONG = "9" * 4000
DEEP = "[" * 100_000 + "]" * 100_000
VALUES = (HUGE, LONG, DEEP, "[" * 100 + "]" * 100, "NaN", "1e999", '"\\ud800"')


@pytest.fixture
def received(run_folder: Path, tmp_path: Path) -> Path:
    copy = copytree(run_folder, tmp_path / "R")
    (copy / "digests.json").unlink()  # else a change would be reported as damage
    return copy


def change(path: Path, place: tuple[str, ...], value: str) -> None:
    """Put JSON text in the place of a value."""
    content = json.loads(path.read_text())
    inner: dict[str, Any] = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = "@"
    path.write_text(json.dumps(content).replace('"@"', value))


def predict(folder: Path) -> list[object]:
    return ["predict", folder, "--text", "storm street", "--explain", "--device", "cpu"]


def resume(folder: Path) -> list[object]:
    return ["train", "--resume", folder]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("config.json", ("version",)),
        ("config.json", ("classes",)),
        ("config.json", ("words",)),
        ("config.json", ("image_encoder",)),
        ("config.json", ("options", "seed")),
        ("calibration.json", ("temperatures", "text")),
        ("calibration.json", ("posts",)),
        ("metrics.json", ("test", "text", "accuracy")),
        ("metrics.json", ("validation", "text")),
        ("metrics.json", ("test", "text", "count")),
        ("metrics.json", ("confusions", "test", "text")),
        ("config.json", ("training_posts",)),
    ],
)
def test_no_value_is_a_fault(received: Path, name: str, place: tuple[str, ...]) -> None:
    path = received / name
    good = path.read_text()
    command = resume if name == "metrics.json" else predict
    for value in (*VALUES, "null", "{}", '"x"', "[[]]"):
        path.write_text(good)
        change(path, place, value)
        if value in VALUES or run(*command(received)).code:
            assert str(received) in refusal(*command(received))


def test_metrics_that_lack_a_figure(received: Path) -> None:
    content = json.loads((received / "metrics.json").read_text())
    del content["test"]["image+tags"]["macro_f1"]
    (received / "metrics.json").write_text(json.dumps(content))
    assert "test.image+tags.macro_f1 is not a figure" in refusal(*resume(received))


def test_classes_cannot_steer_the_terminal(received: Path) -> None:
    classes = ["anger\x1b[2J\n0 forged", "awe\u202e\x9b1m"]
    change(received / "config.json", ("classes",), json.dumps(classes))
    done = run(*predict(received))
    assert done.code == 0, done.err
    assert all(line.isprintable() for line in done.out.split("\n"))
    assert not [line for line in done.out.split("\n") if line.startswith("0 forged")]
    assert json.loads(run(*predict(received), "--json").out)["label"] in classes


@pytest.mark.parametrize("name", ["x" * 101, "", " "])
def test_a_class_without_a_name(received: Path, name: str) -> None:
    change(received / "config.json", ("classes",), json.dumps(["anger", name]))
    assert "1 to 100 characters" in refusal(*predict(received))


def test_a_vocabulary_that_the_weights_do_not_hold_takes_no_memory(received: Path) -> None:
    words = json.dumps([str(number) for number in range(200_000)])
    change(received / "config.json", ("words",), words)
    tracemalloc.start()
    assert "names 200,000 words" in refusal(*predict(received))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000_000


class TestVectors:
    def refused(self, folder: Path, content: bytes) -> str:
        (folder / "vectors").write_bytes(content)
        with pytest.raises(ModelError) as refused:
            read_word_vectors(folder / "vectors", ["happy"], 4)
        line = str(refused.value)
        assert str(folder / "vectors") in line
        assert line.isprintable()
        assert len(line) < 500
        return line

    @pytest.mark.parametrize(
        "content",
        [
            f"{HUGE} 4\nhappy 1 2 3 4\n",
            f"1 {HUGE}\nhappy 1 2 3 4\n",
            f"{LONG} 4\nhappy 1 2 3 4\n",
            f"happy 1 2 3 {HUGE}\n",
            "happy 1 2 3 1e999\n",
            "happy 1 2 3 nan\n",
            "1 4\nhappy 1 2 3 -inf\n",
            "sad 1 2 3 4\nhappy 1 2 3 " + "x" * 100_000,
        ],
    )
    def test_numbers(self, tmp_path: Path, content: str) -> None:
        assert ", line " in self.refused(tmp_path, content.encode())

    @pytest.mark.parametrize("start", [b"sad 1 2 3 4\n", b"2 4\nsad 1 2 3 4\n"])
    def test_a_line_without_end_takes_no_memory(self, tmp_path: Path, start: bytes) -> None:
        with (tmp_path / "vectors").open("wb") as file:
            file.write(start + b"happy 1 2 3 ")
            for _ in range(50):
                file.write(b"4" * 2**20)
        tracemalloc.start()
        with pytest.raises(ModelError, match=", line "):
            read_word_vectors(tmp_path / "vectors", ["happy"], 4)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 20_000_000
