"""What is refused before any work, and a tracker that fails while a training goes on."""

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.tracking import tracking as module
from flickr_emotion.model.tracking.tracker import TrackedRun
from flickr_emotion.model.tracking.tracking import Tracking, check_tracker
from flickr_emotion.model.training.training import train
from tests.commands import run
from tests.model.conftest import TINY
from tests.model.tracking.runs import epoch, tracked


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_package_that_is_missing_is_said_before_any_work(
    dataset_folder: Path,
    run_folder: Path,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not even where such a package has left a folder of its own name.
    (tmp_path / name).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    if find_spec(name).origin is not None:  # type: ignore[union-attr]
        pytest.skip(f"{name} is installed")
    out = tmp_path / "run"
    for what in ((dataset_folder, "--out", out), ("--resume", run_folder)):
        done = run("train", *what, "--log-to", name)
        assert done.code == 1
        (line,) = done.err.splitlines()
        assert f"needs the package {name}: install it with `pip install {name}`" in line
    assert not out.exists()


def test_a_name_that_is_not_known_is_refused(dataset_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--log-to other is not known: give mlflow or wandb"):
        train(TINY, dataset=dataset_folder, out=tmp_path / "run", log_to="other")
    check_tracker(None)


class Failing:
    """A tracker whose server goes away after the first epoch."""

    closed = 0

    def __init__(self, run: TrackedRun) -> None:
        self.told: list[int] = []

    def add(self, scalars: object, epoch: int) -> None:
        if self.told:
            raise ConnectionError("http://me:pa@ss/word@host/api does not answer\nat all")
        self.told.append(epoch)

    def finish(self, figures: object, files: object) -> None:
        raise AssertionError

    def close(self) -> None:
        type(self).closed += 1
        raise ConnectionError


def test_one_that_fails_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(module._TRACKERS, "failing", Failing)
    with Tracking(tracked(tmp_path), "failing") as tracking:
        for number in (1, 2, 3):
            tracking.add(epoch(number))
        tracking.finish({"test_accuracy/text": 0.5}, {})
    assert capsys.readouterr().err.splitlines() == [
        "failing failed, and the training goes on without it: http://host/api does not answer"
    ]
    assert len([*tmp_path.glob("events.out.tfevents.*")]) == 2
    assert Failing.closed == 1


def test_the_first_of_a_training_alone_must_begin(
    dataset_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Seeds that are trained are not lost when a server has gone away since."""
    begun: list[str] = []

    def begin(run: TrackedRun) -> Failing:
        if begun:
            raise ConnectionError("gone")
        begun.append(run.name)
        return Failing(run)

    monkeypatch.setitem(module._TRACKERS, "json", begin)
    config = dataclasses.replace(TINY, model="fasttext", epochs=1, repeats=2)
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run", log_to="json")
    assert metrics["seeds"] == [0, 1]
    assert begun == ["run/seed-0"]
    assert capsys.readouterr().err.count("json failed, and the training goes on") == 3


def test_one_that_cannot_begin_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._TRACKERS, "failing", Failing)
    with (
        pytest.raises(ModelError, match="--log-to failing does not work: http://host/api does not"),
        Tracking(tracked(tmp_path), "failing", [epoch(1), epoch(2)]),
    ):
        pass
