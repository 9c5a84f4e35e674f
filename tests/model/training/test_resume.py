"""A stopped or killed training, resumed, ends with the weights of an uninterrupted one."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from flickr_emotion.commands.main import app
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.training.training import resume, train
from tests import commands
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.runs.test_workplace import killed_at_step

# 40 posts in batches of 8: five steps per epoch.
CONFIG = dataclasses.replace(TINY, epochs=3, batch_size=8)
OPTIONS = [
    *("--image-encoder", "squeezenet1_1", "--image-weights", "none", "--learning-rate", "0.003"),
    *("--epochs", "3", "--batch-size", "8", "--device", "cpu"),
]
IN_THE_SECOND_EPOCH = 7


def run(
    signal_name: str, step: int, *arguments: str | Path, code: int
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.model.stopping_training", signal_name, str(step)]
    done = subprocess.run(
        [*command, "train", *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def results(run_folder: Path) -> tuple[Any, Any]:
    metrics = json.loads((run_folder / "metrics.json").read_text())
    history = [json.loads(line) for line in (run_folder / "history.jsonl").read_text().splitlines()]
    for epoch in history:
        del epoch["seconds"]
    return metrics, history


def assert_same_end(found: Path, expected: Path) -> None:
    assert results(found) == results(expected)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (found, expected))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert {path.name for path in found.iterdir() if ".tfevents." not in path.name} == {
        path.name for path in expected.iterdir() if ".tfevents." not in path.name
    }


@pytest.fixture(scope="module")
def whole(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(CONFIG, dataset=dataset_folder, out=out)
    assert not (out / "checkpoint.safetensors").exists()
    return out


class TestStopped:
    def test_it_says_how_to_resume_and_resumes(
        self, dataset_folder: Path, whole: Path, tmp_path: Path
    ) -> None:
        out, at = tmp_path / "run", IN_THE_SECOND_EPOCH
        stopped = run("SIGTERM", at, dataset_folder, "--out", out, *OPTIONS, code=130)
        assert stopped.stderr.splitlines()[-1] == (
            f"stopped; resume with `python cli.py train --resume {out}`"
        )
        assert not (out / "metrics.json").exists()
        assert commands.run("train", "--resume", out).code == 0
        assert_same_end(out, whole)

    def test_killed(self, dataset_folder: Path, whole: Path, tmp_path: Path) -> None:
        """It resumes from the end of the last epoch."""
        out = tmp_path / "run"
        run("SIGKILL", IN_THE_SECOND_EPOCH, dataset_folder, "--out", out, *OPTIONS, code=-9)
        resume(out)
        assert_same_end(out, whole)

    @pytest.mark.slow
    def test_among_repeats(self, dataset_folder: Path, whole: Path, tmp_path: Path) -> None:
        """Finished seeds are kept, the stopped one is resumed, and the next is begun."""
        out = tmp_path / "run"
        repeats = [*OPTIONS, "--repeats", "3"]
        run("SIGTERM", 15 + 7, dataset_folder, "--out", out, *repeats, code=130)
        assert_same_end(out / "seed-0", whole)
        kept = (out / "seed-0" / "metrics.json").stat().st_mtime_ns
        resume(out)
        assert (out / "seed-0" / "metrics.json").stat().st_mtime_ns == kept
        config = dataclasses.replace(CONFIG, repeats=3)
        train(config, dataset=dataset_folder, out=tmp_path / "whole")
        assert_same_end(out, tmp_path / "whole")
        for seed in (1, 2):
            assert_same_end(out / f"seed-{seed}", tmp_path / "whole" / f"seed-{seed}")

    def test_an_older_run_stays_until_the_new_one_is_whole(
        self, dataset_folder: Path, run_folder: Path, whole: Path, tmp_path: Path
    ) -> None:
        """After a kill nothing is cleaned up; training resumes beside the run and replaces it."""
        out = tmp_path / "runs" / "run"
        shutil.copytree(run_folder, out)
        run("SIGKILL", IN_THE_SECOND_EPOCH, dataset_folder, "--out", out, *OPTIONS, code=-9)
        assert_same_end(out, run_folder)
        resume(out)
        assert_same_end(out, whole)
        assert [entry.name for entry in out.parent.iterdir()] == ["run"]

    def test_in_the_first_epoch(self, dataset_folder: Path, whole: Path, tmp_path: Path) -> None:
        """It can be resumed too, and a new training replaces it like any run."""
        out, new = tmp_path / "run", tmp_path / "new"
        run("SIGINT", 2, dataset_folder, "--out", out, *OPTIONS, code=130)
        shutil.copytree(out, new)
        resume(out)
        assert_same_end(out, whole)
        train(CONFIG, dataset=dataset_folder, out=new)
        assert_same_end(new, whole)


def test_a_run_at_its_end_has_its_metrics(run_folder: Path) -> None:
    assert resume(run_folder) == json.loads((run_folder / "metrics.json").read_text())


@pytest.fixture
def stopped(run_folder: Path, tmp_path: Path) -> Path:
    """A run with a checkpoint, as a killed training leaves it."""
    out = Path(shutil.copytree(run_folder, tmp_path / "stopped"))
    (out / "metrics.json").unlink()
    return out


@pytest.fixture(scope="module")
def begun(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, word vectors, and a run of two seeds killed in its first one."""
    place = tmp_path_factory.mktemp("begun")
    shutil.copytree(dataset_folder, place / "set")
    (place / "vectors.txt").write_text("mountain " + "0.5 " * 300 + "\n")
    with_vectors = dataclasses.replace(
        CONFIG, epochs=2, repeats=2, word_vectors=place / "vectors.txt"
    )
    with killed_at_step(IN_THE_SECOND_EPOCH):
        train(with_vectors, dataset=place / "set", out=place / "run")
    return place


class TestMoved:
    def test_to_another_place_without_its_word_vectors(self, begun: Path, tmp_path: Path) -> None:
        """The run itself has the vectors that it needs."""
        moved = Path(shutil.copytree(begun, tmp_path / "moved"))
        config = json.loads((moved / "run" / "seed-0" / "config.json").read_text())
        config["dataset"]["folder"] = config["options"]["word_vectors"] = str(tmp_path / "gone")
        out = moved / "run" / "seed-0"
        (out / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match=r"gone, the data set that .* \(train D --resume R\)"):
            resume(out)
        resume(out, dataset=moved / "set")
        ended = json.loads((out / "config.json").read_text())
        assert ended["dataset"]["folder"] == str(moved / "set")
        assert (ended["words_with_vector"], ended["files"]) == (1, config["files"])
        resume(begun / "run")
        assert_same_end(out, begun / "run" / "seed-0")

    def test_what_has_not_begun_needs_the_vectors(self, begun: Path, tmp_path: Path) -> None:
        out = Path(shutil.copytree(begun / "run", tmp_path / "run"))
        shutil.rmtree(out / "seed-1", ignore_errors=True)
        (out / "metrics.json").unlink(missing_ok=True)
        config = json.loads((out / "config.json").read_text())
        config["options"]["word_vectors"] = str(tmp_path / "gone.txt")
        (out / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match=r"gone\.txt is not there, and .*seed-1 has not begun"):
            resume(out)

    def test_another_data_set_in_its_place(self, begun: Path, tmp_path: Path) -> None:
        posts = [separable_post(1, "awe")]
        other = write_dataset(
            tmp_path / "set", {"train": posts, "validation": posts, "test": posts}
        )
        out = Path(shutil.copytree(begun / "run", tmp_path / "run"))
        (out / "metrics.json").unlink(missing_ok=True)
        with pytest.raises(ModelError, match=f"{other} holds another data set than the one"):
            resume(out, dataset=other)


class TestRefusals:
    def test_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="is not a run folder"):
            resume(tmp_path)

    def test_another_data_set(self, stopped: Path, tmp_path: Path) -> None:
        posts = [separable_post(1, "awe")]
        folder = write_dataset(
            tmp_path / "set", {"train": posts, "validation": posts, "test": posts}
        )
        content = json.loads((stopped / "config.json").read_text())
        content["dataset"]["folder"] = str(folder)
        (stopped / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match="another data set"):
            resume(stopped)

    def test_another_min_count(self, dataset_folder: Path, stopped: Path, tmp_path: Path) -> None:
        """The posts are the same, and so is their digest; other words are <UNK>."""
        folder = tmp_path / "set"
        shutil.copytree(dataset_folder, folder)
        vocabulary = json.loads((folder / "vocabulary.json").read_text())
        (folder / "vocabulary.json").write_text(json.dumps(vocabulary | {"min_count": 1}))
        content = json.loads((stopped / "config.json").read_text())
        content["dataset"]["folder"] = str(folder)
        (stopped / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match=r"has another vocabulary .*--min-count"):
            resume(stopped)

    def test_pictures_that_were_prepared_otherwise(
        self, dataset_folder: Path, stopped: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "set"
        shutil.copytree(dataset_folder, folder)
        described = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps(described | {"preparation": 7}))
        content = json.loads((stopped / "config.json").read_text())
        content["dataset"]["folder"] = str(folder)
        (stopped / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match="another data set"):
            resume(stopped)

    def test_other_word_vectors_of_the_same_name(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        out, path = tmp_path / "run", tmp_path / "vectors.txt"
        path.write_text("mountain " + "0.5 " * 300 + "\n")
        config = dataclasses.replace(TINY, epochs=1, word_vectors=path)
        train(config, dataset=dataset_folder, out=out)
        (out / "metrics.json").unlink()
        path.write_text("mountain " + "0.4 " * 300 + "\n")
        with pytest.raises(ModelError, match=r"vectors\.txt differs from the file that"):
            resume(out)
        path.write_text("mountain " + "0.5 " * 300 + "\n")
        assert resume(out)["epochs"] == 1

    def test_a_damaged_checkpoint(self, stopped: Path) -> None:
        (stopped / "checkpoint.safetensors").write_bytes(b"\x00" * 20)
        with pytest.raises(ModelError, match=r"checkpoint\.safetensors cannot be read"):
            resume(stopped)

    def test_damaged_options(self, stopped: Path) -> None:
        content = json.loads((stopped / "config.json").read_text())
        content["options"]["epochs"] = "three"
        (stopped / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match="epochs is not of type int"):
            resume(stopped)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--resume", "run", "--epochs", "9"], "omit --epochs"),
            (["--resume", "run", "--out", "elsewhere"], "omit --out"),
            (["data"], "give D and --out R, or --resume R"),
            (["--out", "run"], "give D and --out R, or --resume R"),
        ],
    )
    def test_options_beside_it(self, arguments: list[str], message: str) -> None:
        done = CliRunner().invoke(app, ["train", *arguments])
        assert done.exit_code == 2
        assert message in " ".join(done.stderr.split())
