"""Commands of ``model/`` killed at system calls: the old or the new state is whole, work resumes.

The calls are sampled, because each kill costs an import of torch.
"""

import dataclasses
import shutil
from pathlib import Path

import pytest

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.export.export import export
from flickr_emotion.model.prediction.file_prediction import predict_file
from flickr_emotion.model.reproduction.cell import Cell
from flickr_emotion.model.reproduction.cells import Cells
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.training.training import resume, train
from tests.killing import killed_at_every_call
from tests.model.conftest import TINY

pytestmark = pytest.mark.slow

# Texts only, so that there is little to compute and to write.
CONFIG = dataclasses.replace(TINY, model="fasttext", image_encoder="", epochs=2)
OPTIONS = [
    *("--model", "fasttext", "--image-weights", "none", "--learning-rate", "0.003"),
    *("--epochs", "2", "--batch-size", "16", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def old(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("old") / "run"
    train(dataclasses.replace(CONFIG, seed=5), dataset=dataset_folder, out=out)
    return out


@pytest.fixture(scope="module")
def new(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("new") / "run"
    train(CONFIG, dataset=dataset_folder, out=out)
    return out


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def test_train(dataset_folder: Path, old: Path, new: Path, tmp_path: Path) -> None:
    def prepared(place: Path) -> None:
        shutil.copytree(old, place / "run")

    moments = killed_at_every_call(
        lambda place: ["cli.py", "train", dataset_folder, "--out", place / "run", *OPTIONS],
        prepared,
        tmp_path,
        writes=1,
        most=3,
        below=True,
    )
    seen = 0
    for number, (moment, place) in enumerate(moments):
        out = place / "run"
        assert verify_run(out) == [], moment
        assert weights(out) in (weights(old), weights(new)), moment
        beside = place / ".run.training" / "run"
        if number % 2 and (beside / "config.json").exists():
            resume(out)
        else:
            train(CONFIG, dataset=dataset_folder, out=out)
        assert verify_run(out) == [], moment
        assert weights(out) == weights(new), moment
        left = {entry.name for entry in place.iterdir()} - {"run"}
        assert left <= {".run.building"}, moment
        seen += 1
    assert seen > 10


def test_predict(old: Path, tmp_path: Path) -> None:
    posts = tmp_path / "posts.csv"
    posts.write_text("photo_id,text\n1,storm light\n2,mountain\n")
    whole = tmp_path / "whole.csv"
    predict_file(old, input=posts, out=whole)

    def prepared(place: Path) -> None:
        (place / "out.csv").write_text("older answers")

    (folder := tmp_path / "killed").mkdir()
    for moment, place in killed_at_every_call(
        lambda place: ["cli.py", "predict", old, "--input", posts, "--out", place / "out.csv"],
        prepared,
        folder,
        writes=1,
        most=1,
        below=True,
    ):
        found = (place / "out.csv").read_text()
        assert found in ("older answers", whole.read_text()), moment
        predict_file(old, input=posts, out=place / "out.csv")
        assert (place / "out.csv").read_text() == whole.read_text()
        assert [entry.name for entry in place.iterdir()] == ["out.csv"], moment


def test_export(old: Path, tmp_path: Path) -> None:
    whole = {path.name for path in export(old, tmp_path / "whole")}

    def prepared(place: Path) -> None:
        (place / "out").mkdir()
        for name in ("tags.onnx", "preprocessing.json"):
            (place / "out" / name).write_text("older")

    (folder := tmp_path / "killed").mkdir()
    for moment, place in killed_at_every_call(
        lambda place: ["cli.py", "export", old, "--out", place / "out"],
        prepared,
        folder,
        writes=1,
        most=1,
        below=True,
    ):
        names = {path.name for path in (place / "out").iterdir()}
        assert names in ({"tags.onnx", "preprocessing.json"}, whole), moment
        assert {path.name for path in export(old, place / "out")} == whole
        assert [entry.name for entry in place.iterdir()] == ["out"], moment


def test_a_cell(dataset_folder: Path, tmp_path: Path) -> None:
    """Whenever the process died, the next one finishes the cell and leaves nothing else."""
    dataset = open_dataset(dataset_folder)
    cell = Cell(system="fasttext", seed=0)
    program = (
        "import sys; from pathlib import Path\n"
        "from flickr_emotion.datasets.folder.reading import open_dataset\n"
        "from flickr_emotion.model.reproduction.cell import Cell\n"
        "from flickr_emotion.model.reproduction.cells import Cells\n"
        "from tests.model.training.test_killing import CONFIG\n"
        "cells = Cells(Path(sys.argv[2]), open_dataset(Path(sys.argv[1])), CONFIG)\n"
        "cells.train([Cell(system='fasttext', seed=0)])"
    )
    for moment, place in killed_at_every_call(
        lambda place: ["-c", program, dataset_folder, place / "cells"],
        lambda place: None,
        tmp_path,
        writes=1,
        most=2,
        below=True,
    ):
        cells = Cells(place / "cells", dataset, CONFIG)
        (done,) = cells.train([cell])
        assert done, moment
        names = {path.name for path in (place / "cells" / cells.name(cell)).iterdir()}
        assert names == {"lock", "cell.json", "answers.parquet"}, moment
