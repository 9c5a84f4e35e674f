"""A file that cannot be written to its end: a one-line error, and earlier results are kept.

A limit on file size stands for a full disk; it strikes at the same place in every write.
"""

import shutil
from pathlib import Path

import pytest
import torch

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.feature_files import GrowingFile
from flickr_emotion.model.prediction.file_prediction import predict_file
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.training import training
from flickr_emotion.model.training.training import report_lack_of_memory, resume, train
from tests.full_disk import files_of_at_most
from tests.model.runs.test_workplace import CONFIG, content, killed_at_step


@pytest.mark.parametrize("size", [0, 10, 1500, 100_000])
def test_training(dataset_folder: Path, run_folder: Path, tmp_path: Path, size: int) -> None:
    """At a lock, the configuration, the history, the weights: an older run is unchanged."""
    out = Path(shutil.copytree(run_folder, tmp_path / "run"))
    before = content(out)
    with files_of_at_most(size), pytest.raises(ModelError) as caught:
        train(CONFIG, dataset=dataset_folder, out=out)
    assert "cannot be written" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert content(out) == before
    train(CONFIG, dataset=dataset_folder, out=out)
    assert verify_run(out) == []
    assert content(out) != before


def test_going_on(dataset_folder: Path, tmp_path: Path) -> None:
    """The last checkpoint stays until the next one is complete."""
    out = tmp_path / "run"
    with killed_at_step(7):
        train(CONFIG, dataset=dataset_folder, out=out)
    checkpoint = (out / "checkpoint.safetensors").read_bytes()
    with files_of_at_most(100_000), pytest.raises(ModelError, match="run `train --resume`"):
        resume(out)
    assert (out / "checkpoint.safetensors").read_bytes() == checkpoint
    assert not list(out.glob(".*.part"))
    resume(out)
    assert verify_run(out) == []


def test_answers(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("photo_id,text\n" + "1,storm light\n" * 300)
    for name in ("out.csv", "out.parquet"):
        (tmp_path / name).write_text("older")
        with (
            files_of_at_most(1000),
            pytest.raises(ModelError, match=r"cannot be written \(File too large"),
        ):
            predict_file(run_folder, input=tmp_path / "in.csv", out=tmp_path / name)
        assert (tmp_path / name).read_text() == "older"
        assert sorted(tmp_path.glob(".*")) == []


def test_features(tmp_path: Path) -> None:
    """Complete pieces stay, and are not computed again."""
    path, rows = tmp_path / "test.npy", torch.rand(3000, 4)
    with (
        files_of_at_most(2 * 1024 * 16 + 200),
        pytest.raises(ModelError, match="features cannot be written"),
        GrowingFile(path, (3000, 4)) as file,
    ):
        file.fill([rows])
    with GrowingFile(path, (3000, 4)) as file:
        assert file.rows in (1024, 2048)
        file.fill([rows[file.rows :]])
    assert path.stat().st_size > 3000 * 16


def test_too_little_memory(tmp_path: Path) -> None:
    """The errors of the CPU's allocator and of Python."""
    with (
        pytest.raises(ModelError, match="smaller --batch-size and a larger --accumulate"),
        report_lack_of_memory(tmp_path),
    ):
        torch.empty(10**15)
    for error in (MemoryError(), torch.OutOfMemoryError("CUDA out of memory")):
        with pytest.raises(ModelError, match="out of memory"), report_lack_of_memory(tmp_path):
            raise error


@pytest.mark.parametrize("error", [NotImplementedError("no kernel"), RuntimeError("shapes differ")])
def test_another_fault_is_no_lack_of_memory(tmp_path: Path, error: RuntimeError) -> None:
    with pytest.raises(type(error), match=str(error)), report_lack_of_memory(tmp_path):
        raise error


def test_a_full_disk_is_found_before_the_work(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the lock, which is an empty file; the data set is not even opened."""
    monkeypatch.setattr(training, "open_dataset", None)
    (tmp_path / "run").mkdir()
    with files_of_at_most(100), pytest.raises(ModelError, match="run cannot be written"):
        train(CONFIG, dataset=dataset_folder, out=tmp_path / "run")
    assert [*(tmp_path / "run").iterdir()] == []
