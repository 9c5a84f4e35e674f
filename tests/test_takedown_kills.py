"""A takedown that is killed at any system call has not begun, or goes on at the next call."""

import shutil
from pathlib import Path

import pytest

from flickr_emotion.common.replacing import standing
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.verification.folders import verify_dataset
from flickr_emotion.datasets.verification.harvest import verify_harvest
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import takedown_is_unfinished
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.training.training import train
from tests.byte_scan import traces
from tests.commands import run
from tests.killing import killed_at_every_call
from tests.takedown_world import OTHERS, WITHDRAWN, build, crawl_list, make_list, traces_of
from tests.test_takedown_runs import SHORT

GONE = WITHDRAWN.photo_id
TRACES = traces_of(WITHDRAWN)
NAMES = ("harvest", "dataset", "run")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "place"
    crawl_list(make_list(folder / "list"), folder / "harvest")
    build(folder / "harvest", folder / "dataset", min_count=1)
    train(SHORT, dataset=folder / "dataset", out=folder / "run")
    return folder


def fill(before: Path, empty: Path) -> None:
    shutil.copytree(before, empty, dirs_exist_ok=True)


def takedown(folder: Path, *names: str) -> list[object]:
    return ["cli.py", "takedown", GONE, "--in", *(folder / name for name in names)]


@pytest.mark.slow
def test_data_set_and_run(before: Path, tmp_path: Path) -> None:
    """Each is the old one or the new one at any moment, and whole."""
    for name in ("dataset", "run"):
        names = ("dataset", name) if name == "run" else (name,)
        outcomes = set()
        (tmp_path / name).mkdir()
        for _, folder in killed_at_every_call(
            lambda place, names=names: takedown(place, *names),  # type: ignore[misc]
            lambda empty: fill(before, empty),
            tmp_path / name,
            writes=2 if name == "dataset" else 1,
            most=6 if name == "dataset" else 3,
            below=True,
        ):
            dataset = standing(folder / "dataset")
            assert verify_dataset(dataset, deep=False).damaged == []
            assert verify_run(standing(folder / "run")) == []
            outcomes.add(len(open_dataset(dataset).tombstones))
            assert run(*takedown(folder, *names)[1:]).code == 0
            assert traces([folder / it for it in names], TRACES) == []
            assert verify_dataset(folder / "dataset", deep=False).damaged == []
            assert verify_run(folder / "run") == []
            left = {path.name for path in folder.iterdir()}
            assert left == {path.name for path in before.iterdir()}
        assert outcomes == {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("goes_on_with", ["takedown", "crawl"])
def test_harvest(before: Path, tmp_path: Path, goes_on_with: str) -> None:
    """Once its tombstone is there, the post goes with the next takedown or crawl."""
    begun = set()
    for _, folder in killed_at_every_call(
        lambda place: takedown(place, "harvest"),
        lambda empty: fill(before, empty),
        tmp_path,
        only=("pwrite64", "fsync", "unlink", "unlinkat", "ftruncate"),
        writes=8,
        most=8,
        below=True,
    ):
        with Ledger(folder / "harvest" / FILE_NAME) as ledger:
            count = len(ledger.query("SELECT * FROM photos"))
            begun.add((takedown_is_unfinished(ledger), count))
            stones = ledger.query("SELECT * FROM tombstones")
        if goes_on_with == "takedown" or not stones:
            assert run(*takedown(folder, "harvest")[1:]).code == 0
        else:
            crawl_list(folder / "list", folder / "harvest")
        assert traces([folder / "harvest"], TRACES) == []
        assert verify_harvest(folder / "harvest", mend=False).damaged == []
        with Ledger(folder / "harvest" / FILE_NAME) as ledger:
            assert len(ledger.query("SELECT * FROM photos")) == len(OTHERS)
            assert not takedown_is_unfinished(ledger)
    assert (False, len(OTHERS) + 1) in begun
    assert (True, len(OTHERS)) in begun
