"""A run folder is all that evaluation and prediction need; a damaged one gives a one-line error."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.runs.tensor_files import write_tensors
from tests.model.dataset_folder import separable_post, write_dataset

CPU = torch.device("cpu")


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "copy"))


def change(run: Path, **changes: Any) -> None:
    (run / "digests.json").unlink()  # else it would be reported as damaged
    content = json.loads((run / "config.json").read_text())
    content.update(changes)
    (run / "config.json").write_text(json.dumps(content))


class TestLoading:
    def test_what_was_written_comes_back(self, run_folder: Path, dataset_folder: Path) -> None:
        run = load_run(run_folder, CPU)
        assert run.encoding.classes == ("anger", "awe")
        assert run.dataset_digest == open_dataset(dataset_folder).digest
        assert not run.network.training
        config = json.loads((run_folder / "config.json").read_text())
        assert config["options"]["image_encoder"] == "squeezenet1_1"
        assert config["options"]["learning_rate"] == 0.003

    def test_it_says_where_it_comes_from(self, run_folder: Path, dataset_folder: Path) -> None:
        dataset = open_dataset(dataset_folder)
        config = json.loads((run_folder / "config.json").read_text())
        assert config["dataset"] == {
            "folder": str(dataset_folder.resolve()),
            "digest": dataset.digest,
            "kind": "votes",
            "service": "flickr",
            "lists_digest": dataset.described["lists_digest"],
            "options": dataset.options,
            "preparation": dataset.preparation,
        }
        assert config["versions"]["torch"] == torch.__version__

    def test_evaluation_repeats_the_runs_metrics(self, run_folder: Path) -> None:
        found = evaluate(run_folder)
        metrics = json.loads((run_folder / "metrics.json").read_text())
        assert found["same_dataset"]
        names = ("test", "validation", "confusions", "calibration")
        assert {name: found[name] for name in names} == {name: metrics[name] for name in names}
        for split in ("test", "validation"):
            for subset, figures in metrics[split].items():
                confusion = metrics["confusions"][split][subset]
                right = sum(row[number] for number, row in enumerate(confusion))
                assert right / figures["count"] == figures["accuracy"]

    def test_evaluation_elsewhere(self, copy: Path, dataset_folder: Path, tmp_path: Path) -> None:
        """The image backbone is in the run, so another data set's pictures can be read."""
        posts = [separable_post(n, "awe", "image+tags") for n in (900, 901)]
        other = write_dataset(tmp_path / "other", {"train": posts, "validation": [], "test": posts})
        found = evaluate(copy, other)
        assert not found["same_dataset"]
        assert found["test"]["image+tags"]["accuracy"] == 1.0
        assert found["test"]["text"] == {
            "accuracy": None,
            "macro_f1": None,
            "weighted_f1": None,
            "count": 0,
        }
        assert evaluate(copy, dataset_folder)["same_dataset"]

    def test_other_classes(self, copy: Path, tmp_path: Path) -> None:
        posts = [separable_post(1, "awe")]
        other = write_dataset(tmp_path / "other", {"train": posts, "validation": [], "test": posts})
        change(copy, classes=["joy", "grief"])
        with pytest.raises(ModelError, match="photo 1001 has the label 'awe'"):
            evaluate(copy, other)


class TestRefusals:
    def test_no_run_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="is not a run folder"):
            load_run(tmp_path, CPU)

    def test_a_damaged_config(self, copy: Path) -> None:
        (copy / "config.json").write_text('{"format": ')
        with pytest.raises(ModelError, match="cannot be read"):
            load_run(copy, CPU)

    def test_a_newer_format(self, copy: Path) -> None:
        change(copy, version=99)
        with pytest.raises(ModelError, match="update the program"):
            load_run(copy, CPU)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"words": 3}, "'words' is not a list of names"),
            ({"tags": [3]}, "'tags' is not a list of names"),
            ({"dataset": {}}, "lacks 'folder'"),
            ({"dataset": None}, "'dataset' is not an object"),
            ({"finetune_image": "no"}, "'finetune_image' is not true or false"),
            ({"image_encoder": None}, "'image_encoder' is not a string"),
        ],
    )
    def test_an_incomplete_config(self, copy: Path, changes: dict[str, Any], message: str) -> None:
        change(copy, **changes)
        with pytest.raises(ModelError, match=f"{message}: train again"):
            load_run(copy, CPU)

    def test_a_cut_checkpoint(self, copy: Path) -> None:
        path = copy / "model.safetensors"
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ModelError, match="cannot be read"):
            load_run(copy, CPU)

    def test_no_checkpoint(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        with pytest.raises(ModelError, match="does not exist"):
            load_run(copy, CPU)

    def test_a_checkpoint_of_another_network(self, copy: Path) -> None:
        change(copy, words=["only", "these"])
        with pytest.raises(ModelError, match="a different network"):
            load_run(copy, CPU)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class TestReplacing:
    def test_an_older_run_is_removed(self, copy: Path) -> None:
        shutil.copytree(copy, copy / "seed-0")
        (copy / ".model.safetensors.4711").write_text("of a run that was killed")
        (copy / "features").mkdir()
        (copy / "features" / "kept.safetensors").write_text("features")
        run = RunFolder(copy)
        run.check_replaceable()
        run.begin()
        assert tree(copy) == ["features", "features/kept.safetensors"]

    def test_files_added_after_the_check_stay(self, copy: Path) -> None:
        shutil.copytree(copy, copy / "seed-0")
        run = RunFolder(copy)
        run.check_replaceable()
        (copy / "seed-0" / "notes.txt").write_text("mine")
        run.begin()
        assert tree(copy) == ["seed-0", "seed-0/notes.txt"]

    def test_repeats_that_were_interrupted(self, run_folder: Path, tmp_path: Path) -> None:
        shutil.copytree(run_folder, tmp_path / "repeats" / "seed-0")
        run = RunFolder(tmp_path / "repeats")
        run.check_replaceable()
        run.begin()
        assert tree(run.path) == []

    @pytest.mark.parametrize(
        "name",
        [
            "model.safetensors",
            "metrics.json",
            "events.out.tfevents.1.host",
            "seed-7/model.safetensors",
            "seed-7/wheat.csv",
            "seed-bank/config.json",
            "seed-bank",
            ".model.safetensors.backup",
            "config.json/notes",
        ],
    )
    def test_foreign_files(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
        run = RunFolder(tmp_path)
        with pytest.raises(ModelError, match=r"--out a new folder|cannot be read"):
            run.check_replaceable()
        run.begin()
        assert (tmp_path / name).read_text() == "{}"


def test_an_interrupted_run_says_so(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_run(copy, CPU)
    assert capsys.readouterr().err == ""
    (copy / "metrics.json").unlink()
    load_run(copy, CPU)
    (line,) = capsys.readouterr().err.splitlines()
    assert "its training was interrupted" in line


def test_the_umask_decides_who_reads(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_tensors({"a": torch.zeros(2)}, tmp_path / "model.safetensors")
    finally:
        os.umask(before)
    (written,) = tmp_path.iterdir()
    assert written.name == "model.safetensors"
    assert written.stat().st_mode & 0o777 == 0o640
