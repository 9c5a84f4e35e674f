"""A training has its place to itself, and an older run stays until the new one is finished."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.runs.files import TAKES_PLACE
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.runs.workplace import Workplace
from flickr_emotion.model.training.training import resume, train
from tests.model.conftest import TINY

CPU = torch.device("cpu")
# 40 posts in batches of 8: five steps per epoch.
CONFIG = dataclasses.replace(TINY, epochs=2, batch_size=8, seed=1)


@pytest.fixture
def older(run_folder: Path, tmp_path: Path) -> Path:
    """A run in the place of the next one, with kept features."""
    out = Path(shutil.copytree(run_folder, tmp_path / "runs" / "run"))
    (out / "features" / "kept").mkdir(parents=True)
    (out / "features" / "kept" / "test.npy").write_text("of hours")
    return out


@pytest.fixture(scope="module")
def newer(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of these tests' training."""
    out = tmp_path_factory.mktemp("newer") / "run"
    train(CONFIG, dataset=dataset_folder, out=out)
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_newer(out: Path, newer: Path) -> bool:
    return (out / "model.safetensors").read_bytes() == (newer / "model.safetensors").read_bytes()


class KilledError(Exception):
    """Stands for the end of a process, where a test wants it."""


@contextmanager
def killed_at_step(step: int) -> Iterator[None]:
    steps = 0

    def after_a_step(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise KilledError

    hook = register_optimizer_step_post_hook(after_a_step)
    try:
        with pytest.raises(KilledError):
            yield
    finally:
        hook.remove()


class TestReplacing:
    def test_the_older_run_stays_until_the_new_one_is_whole(
        self,
        dataset_folder: Path,
        older: Path,
        newer: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        before = content(older)
        with killed_at_step(7):
            train(CONFIG, dataset=dataset_folder, out=older)
        assert content(older) == before
        load_run(older, CPU)
        beside = older.with_name(".run.training") / "run"
        assert f"until then the new one is in {beside}" in capsys.readouterr().err
        assert (beside / "checkpoint.safetensors").exists()
        resume(older)
        assert is_newer(older, newer)
        assert (older / "features" / "kept" / "test.npy").read_text() == "of hours"
        assert verify_run(older) == []
        assert [entry.name for entry in older.parent.iterdir()] == ["run"]

    def test_stopped_in_the_first_epoch_it_leaves_nothing(
        self, dataset_folder: Path, older: Path, newer: Path
    ) -> None:
        before = content(older)
        with killed_at_step(2):
            train(CONFIG, dataset=dataset_folder, out=older)
        assert content(older) == before
        assert [entry.name for entry in older.parent.iterdir()] == ["run"]
        train(CONFIG, dataset=dataset_folder, out=older)
        assert is_newer(older, newer)

    def test_killed_in_its_first_epoch_it_says_so(self, older: Path) -> None:
        """Resuming the older run instead would be mistaken for resuming the new one."""
        beside = older.with_name(".run.training") / "run"
        beside.mkdir(parents=True)
        (beside.parent / "lock").touch()
        (beside / TAKES_PLACE).touch()
        with pytest.raises(ModelError, match="left nothing to resume from: train again"):
            resume(older)

    def test_a_foreign_file_that_appears_during_training(
        self, dataset_folder: Path, older: Path, newer: Path
    ) -> None:
        """The new run waits beside until the file is gone; nothing is trained again."""
        with killed_at_step(7):
            train(CONFIG, dataset=dataset_folder, out=older)
        (older / "notes.txt").write_text("mine")
        with pytest.raises(ModelError, match=r"holds 'notes\.txt'"):
            resume(older)
        assert (older / "notes.txt").read_text() == "mine"
        (older / "notes.txt").unlink()
        resume(older)
        assert is_newer(older, newer)

    def test_a_folder_behind_a_link(
        self, dataset_folder: Path, older: Path, newer: Path, tmp_path: Path
    ) -> None:
        """The link's target is replaced, and the link stays a link."""
        (tmp_path / "link").symlink_to(older)
        train(CONFIG, dataset=dataset_folder, out=tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert is_newer(older, newer)


class TestKilledAtTheEnd:
    """Between the last epoch and the end of the clean-up."""

    @pytest.fixture
    def beside(self, older: Path, newer: Path) -> Path:
        """A finished run that is not yet in its place."""
        beside = Path(shutil.copytree(newer, older.with_name(".run.training") / "run"))
        (beside.parent / "lock").touch()
        (beside / TAKES_PLACE).touch()
        return beside

    def whole(self, out: Path, newer: Path) -> None:
        assert is_newer(out, newer)
        assert (out / "features" / "kept" / "test.npy").read_text() == "of hours"
        assert [entry.name for entry in out.parent.iterdir()] == ["run"]
        assert not (out / TAKES_PLACE).exists()
        assert verify_run(out) == []

    def test_before_the_exchange(self, older: Path, newer: Path, beside: Path) -> None:
        resume(older)
        self.whole(older, newer)

    def test_when_the_features_had_moved(self, older: Path, newer: Path, beside: Path) -> None:
        (older / "features").rename(beside / "features")
        resume(older)
        self.whole(older, newer)

    def test_after_the_exchange(self, older: Path, newer: Path, beside: Path) -> None:
        """The run beside is now the older one, and must not come back."""
        (older / "features").rename(beside / "features")
        beside.rename(older.with_name("aside"))
        older.rename(beside)
        older.with_name("aside").rename(older)
        resume(older)
        self.whole(older, newer)

    def test_during_the_clean_up(self, older: Path, newer: Path, beside: Path) -> None:
        (older / "features").rename(beside / "features")
        beside.rename(older.with_name("aside"))
        older.rename(beside)
        older.with_name("aside").rename(older)
        for name in ("model.safetensors", "metrics.json", "history.jsonl"):
            (beside / name).unlink()
        resume(older)
        self.whole(older, newer)

    def test_without_an_exchange_of_names(self, older: Path, newer: Path, beside: Path) -> None:
        """The older run is aside for a moment: a reader finds it, and the next training resumes."""
        aside = older.with_name(".run.building")
        aside.mkdir()
        (aside / ".flickr-emotion-workspace").touch()
        (older / "features").rename(beside / "features")
        before = content(older)
        older.rename(aside / "previous")
        load_run(older, CPU)
        assert content(aside / "previous") == before
        resume(older)
        self.whole(older, newer)


class TestLock:
    def test_one_training_at_a_time(self, dataset_folder: Path, older: Path) -> None:
        before = content(older)
        with Workplace(older).claimed():
            with pytest.raises(ModelError, match="another training is writing"):
                train(CONFIG, dataset=dataset_folder, out=older)
            with pytest.raises(ModelError, match="another training is writing"):
                resume(older)
        assert content(older) == before
        resume(older)

    def test_against_another_process(self, dataset_folder: Path, tmp_path: Path) -> None:
        """The lock lasts as long as the process that holds it, however it ends."""
        out, lock = tmp_path / "runs" / "run", tmp_path / "runs" / ".run.training" / "lock"
        lock.parent.mkdir(parents=True)
        holder = subprocess.Popen(
            [
                *(sys.executable, "-c"),
                "import sys; from filelock import FileLock\n"
                "with FileLock(sys.argv[1]): print('held', flush=True); input()",
                str(lock),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout
        assert holder.stdin
        with holder, holder.stdin, holder.stdout:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(ModelError, match="another training is writing"):
                train(CONFIG, dataset=dataset_folder, out=out)
            holder.kill()
        train(dataclasses.replace(CONFIG, epochs=1), dataset=dataset_folder, out=out)
        assert [entry.name for entry in out.parent.iterdir()] == ["run"]

    def test_a_foreign_folder(self, dataset_folder: Path, tmp_path: Path) -> None:
        (tmp_path / ".run.training").mkdir()
        (tmp_path / ".run.training" / "plan.txt").write_text("mine")
        with pytest.raises(ModelError, match="was not made by `train`: move it elsewhere"):
            train(CONFIG, dataset=dataset_folder, out=tmp_path / "run")
        assert content(tmp_path) == {".run.training/plan.txt": b"mine"}


class TestWhatCannotBeWritten:
    @pytest.mark.parametrize(
        "name", ["model.safetensors", "config.json", "features", "seed-0", ".config.json.part"]
    )
    def test_a_link_in_a_run(
        self, dataset_folder: Path, older: Path, tmp_path: Path, name: str
    ) -> None:
        """Nothing is written through it, by a new training or a resumed one."""
        elsewhere = tmp_path / "elsewhere"
        if (older / name).exists():
            (older / name).rename(elsewhere)
        else:
            elsewhere.mkdir()
        (older / name).symlink_to(elsewhere)
        before = content(tmp_path)
        with pytest.raises(ModelError, match=f"{name} is a symbolic link"):
            train(CONFIG, dataset=dataset_folder, out=older)
        with pytest.raises(ModelError, match=f"{name} is a symbolic link"):
            resume(older)
        assert content(tmp_path) == before

    def test_it_is_detected_before_the_work(self, dataset_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for out in (tmp_path / "file" / "run", Path("/proc/run")):
            with pytest.raises(ModelError, match="cannot be written"):
                train(CONFIG, dataset=dataset_folder, out=out)

    def test_no_folder(self, dataset_folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="cannot be a run folder"):
            train(CONFIG, dataset=dataset_folder, out=Path("/"))


def test_parts_and_their_features_are_complete(dataset_folder: Path, older: Path) -> None:
    """Seeds are made beside an older run with all their files, and move with it."""
    train(dataclasses.replace(CONFIG, epochs=1, repeats=2), dataset=dataset_folder, out=older)
    assert sorted(p.name for p in older.iterdir() if p.is_dir()) == ["features", "seed-1", "seed-2"]
    for folder in (older, older / "seed-1", older / "seed-2"):
        digests = json.loads((folder / "digests.json").read_text())["files"]
        assert set(digests) == {
            *("model.safetensors", "config.json", "metrics.json"),
            *("calibration.json", "history.jsonl", "README.md"),
        }
    assert verify_run(older) == []
    (older / "seed-2" / "history.jsonl").write_text("{}\n")
    (damage,) = verify_run(older)
    assert "seed-2/history.jsonl has 3 bytes" in damage
