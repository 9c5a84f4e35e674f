"""Two processes of ``torchrun`` train like one: same steps, same metrics, one writer."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import flickr_emotion.model.networks.encoders
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.model.runs.workplace import Workplace
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset

CONFIG = dataclasses.replace(TINY, epochs=3, batch_size=3, accumulate=2)
OPTIONS = [
    *("--image-encoder", "squeezenet1_1", "--image-weights", "none", "--learning-rate", "0.003"),
    *("--epochs", "3", "--batch-size", "3", "--accumulate", "2", "--device", "cpu"),
]


def torchrun(signal_name: str, step: int, *arguments: str | Path, fails: bool = False) -> str:
    """Run `train` on two processes, without dropout; return standard error."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    script = ["-m", "tests.model.stopping_training", "--no-dropout", signal_name, str(step)]
    done = subprocess.run(
        [*launcher, "--nproc-per-node", "2", *script, "train", *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode == 0) == (signal_name == "none" and not fails), done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def uneven_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Most posts hold one modality, so that a shard of one or two often lacks the others.

    31 posts in passes of three: the last pass has one post, and the second rank none.
    """
    subsets = ["image", "text", "tags"] * 8 + ["image+text", "text+tags"] * 2
    subsets += ["image+text+tags"] * 3
    posts = [
        separable_post(number, ("anger", "awe")[number % 2], subset)
        for number, subset in enumerate(subsets)
    ]
    complete = [separable_post(100 + n, ("anger", "awe")[n % 2]) for n in range(7)]
    return write_dataset(
        tmp_path_factory.mktemp("uneven") / "set",
        {"train": posts, "validation": complete, "test": [*complete, *posts[:5]]},
    )


@pytest.fixture(scope="module")
def alone(uneven_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process, same global batches, no dropout."""
    out = tmp_path_factory.mktemp("alone") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flickr_emotion.model.networks.encoders, "WORD_DROPOUT", 0.0)
        train(CONFIG, dataset=uneven_folder, out=out)
    return out


def history(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


def assert_same_curve(found: Path, expected: Path) -> None:
    for ours, theirs in zip(history(found), history(expected), strict=True):
        for name in ("train_loss", "validation_loss"):
            assert ours[name] == pytest.approx(theirs[name], abs=1e-4)
        assert ours["validation"] == theirs["validation"]
    ours, theirs = (json.loads((run / "metrics.json").read_text()) for run in (found, expected))
    for split in ("test", "validation"):
        assert ours[split] == theirs[split]


@pytest.mark.slow
def test_two_processes_train_as_one(uneven_folder: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = torchrun("none", 0, uneven_folder, "--out", out, *OPTIONS)
    assert_same_curve(out, alone)
    assert [line for line in said.splitlines() if line.startswith("epoch 1 of 3")]
    assert len([line for line in said.splitlines() if line.startswith("epoch ")]) == 3
    assert len(list(out.glob("events.out.tfevents.*"))) == 2


@pytest.mark.slow
def test_they_stop_together_and_resume(uneven_folder: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    torchrun("SIGTERM", 8, uneven_folder, "--out", out, *OPTIONS)
    assert len(history(out)) == 1
    assert not (out / "metrics.json").exists()
    torchrun("none", 0, "--resume", out)
    assert_same_curve(out, alone)


@pytest.mark.slow
def test_a_killed_rank(uneven_folder: Path, alone: Path, tmp_path: Path) -> None:
    """One error line; finished epochs are kept, and the training resumes from there."""
    out = tmp_path / "run"
    said = torchrun("SIGKILL@1", 8, uneven_folder, "--out", out, *OPTIONS)
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [
        "error: another process of this training has ended (killed or out of memory): resume from "
        "the last epoch with `train --resume`"
    ]
    assert len(history(out)) == 1
    torchrun("none", 0, "--resume", out)
    assert_same_curve(out, alone)


@pytest.mark.slow
def test_all_ranks_are_refused_during_another_training(uneven_folder: Path, tmp_path: Path) -> None:
    with Workplace(tmp_path / "run").claimed():
        said = torchrun("none", 0, uneven_folder, "--out", tmp_path / "run", *OPTIONS, fails=True)
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "another training is writing" in line
