"""Failures of the system during a build: a killed process, a full disk, a read-only place.

Each is a ``DatasetError``, which the command line shows as one line.
"""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.replacing import new_file
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.reduce import reduce_dataset
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.judging import local_engine
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.manifests.verdict_file import verdict_writer
from flickr_emotion.datasets.rules.options import BuildOptions
from tests.datasets.build.test_engines import files
from tests.datasets.manifest_folder import row, write_dataset
from tests.full_disk import files_of_at_most
from tests.harvest.corpora import jpeg


def build(place: Path, out: Path, **fields: Any) -> None:
    build_splits(place / "p.parquet", out, BuildOptions(**fields), lambda line: None)


def inspect(place: Path, out: Path) -> None:
    write_page(inspect_dataset(place / "d"), out)


def export(place: Path, out: Path) -> None:
    export_manifest(place / "m", out, with_urls=False)


def reduce(place: Path, out: Path) -> None:
    reduce_dataset(place / "d", out, fraction=0.5, seed=0)


def judge(place: Path, out: Path) -> None:
    with verdict_writer(out.with_name(f"{out.name}.csv")):
        pass


def own_posts(path: Path, count: int) -> None:
    """Write a file of posts, each with a text and a picture."""
    words = "The house on the hill by the river in the evening"
    rows = [
        {
            "photo_id": str(n),
            "image": jpeg(n, 250, 250),
            "text": f"{words} {n}",
            "label": "ab"[n % 2],
        }
        for n in range(count)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=10)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts ``p.parquet``, their data set ``d``, and one with references ``m``."""
    folder = tmp_path_factory.mktemp("built")
    own_posts(folder / "p.parquet", 40)
    build(folder, folder / "d")
    write_dataset(folder / "m", [row(number) for number in range(1000)])
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "place"))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: the build has one process")
def test_a_killed_process_is_reported_and_the_old_data_set_stays(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(place)
    monkeypatch.setattr(local_engine, "POSTS_PER_BATCH", 10)
    add = Spool.add

    def killing(spool: Spool, judged: pa.Table) -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        add(spool, judged)

    monkeypatch.setattr(Spool, "add", killing)
    # Another seed, so that nothing is reused and there are more batches than processes.
    monkeypatch.setattr(local_engine, "_BATCHES_PER_PROCESS", 1)
    with pytest.raises(DatasetError, match="killed a process of the build"):
        build(place, place / "d", seed=1)
    assert files(place) == before


@pytest.mark.parametrize("make", [build, inspect, export, reduce])
@pytest.mark.parametrize("stood_before", [False, True])
def test_a_full_disk_is_reported_and_the_old_files_stay(
    place: Path, make: Callable[..., None], stood_before: bool
) -> None:
    out = place / "out"
    if stood_before:
        make(place, out)
    before = files(place)
    with files_of_at_most(3000), pytest.raises(DatasetError, match="cannot be written"):
        make(place, out, seed=1) if make is build else make(place, out)
    assert files(place) == before


@pytest.mark.parametrize("make", [build, inspect, export, reduce, judge])
@pytest.mark.parametrize("out", ["/proc/out", "p.parquet/out"])
def test_a_read_only_place_is_reported(built: Path, make: Callable[..., None], out: str) -> None:
    before = files(built)
    with pytest.raises(DatasetError, match="cannot be written"):
        make(built, built / out)
    assert files(built) == before


@pytest.mark.parametrize("make", [inspect, export])
def test_a_file_does_not_replace_a_folder(built: Path, make: Callable[..., None]) -> None:
    before = files(built)
    with pytest.raises(DatasetError, match="it is a folder"):
        make(built, built / "d")
    assert files(built) == before


@pytest.mark.parametrize("make", [inspect, export])
def test_two_commands_do_not_write_the_same_file(place: Path, make: Callable[..., None]) -> None:
    """The second command reports an error, and the file of the first one is complete."""
    with new_file(place / "out") as new:
        new.write_text("the first")
        with pytest.raises(DatasetError, match="another command is writing it"):
            make(place, place / "out")
    assert (place / "out").read_text() == "the first"
    make(place, place / "out")
    assert (place / "out").read_bytes() != b"the first"
    assert not [path for path in place.iterdir() if path.name.startswith(".")]
