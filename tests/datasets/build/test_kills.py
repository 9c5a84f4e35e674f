"""A command killed at any system call that renames or writes leaves old or new output complete.

The next command succeeds: what a killed command leaves does not disturb it.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.replacing import standing
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.reduce import reduce_dataset
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.verification.folders import verify_dataset, verify_manifest_file
from tests.datasets.build.test_interruptions import own_posts
from tests.datasets.manifest_folder import row, write_dataset
from tests.killing import killed_at_every_call

FEATURES = "features/densenet121-0123456789abcdef/train.npy"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts ``p.parquet``, what is to be replaced (``d``, ``r``), and sources (``m``)."""
    folder = tmp_path_factory.mktemp("stored") / "place"
    folder.mkdir()
    own_posts(folder / "p.parquet", 20)
    build_splits(folder / "p.parquet", folder / "d", BuildOptions(), lambda line: None)
    reduce_dataset(folder / "d", folder / "r", fraction=0.5, seed=1)
    (folder / "d" / FEATURES).parent.mkdir(parents=True)
    (folder / "d" / FEATURES).write_bytes(b"hours of work")
    write_page(inspect_dataset(folder / "d"), folder / "page.html")
    write_dataset(folder / "m", [row(number) for number in range(30)])
    export_manifest(folder / "m", folder / "m.parquet", with_urls=True)
    return folder


def walk(
    stored: Path,
    tmp_path: Path,
    command: Callable[[Path], Sequence[object]],
    again: Callable[[Path], object],
    whole: Callable[[Path], object],
    **how: Any,
) -> set[str]:
    """Kill a command at every call; return the kinds of calls at which it was killed.

    After each kill ``whole`` looks at what stands in its place, ``again`` does what the command
    does, and nothing is left but what was there before.
    """
    calls = set()
    for moment, folder in killed_at_every_call(
        command, lambda empty: copied(stored, empty), tmp_path, **how
    ):
        calls.add(moment.call)
        whole(folder)
        again(folder)
        whole(folder)
        left = {path.name for path in folder.iterdir()} - {path.name for path in stored.iterdir()}
        assert not left, moment
    return calls


def copied(stored: Path, empty: Path) -> None:
    shutil.copytree(stored, empty, dirs_exist_ok=True)


def build(folder: Path) -> None:
    build_splits(folder / "p.parquet", folder / "d", BuildOptions(), lambda line: None)


def a_data_set(name: str) -> Callable[[Path], None]:
    def whole(folder: Path) -> None:
        assert not verify_dataset(folder / name, deep=False).damaged
        if name == "d":
            assert (standing(folder / name) / FEATURES).read_bytes() == b"hours of work"

    return whole


@pytest.mark.slow
def test_a_build(stored: Path, tmp_path: Path) -> None:
    """The same posts are built again, so that features are kept and pictures are reused."""
    calls = walk(
        stored, tmp_path,
        lambda folder: ["cli.py", "build-splits", folder / "p.parquet", "--out", folder / "d"],
        build, a_data_set("d"),
    )  # fmt: skip
    assert {"rename", "renameat2", "link", "mkdir", "unlink", "rmdir", "write", "fsync"} <= calls


@pytest.mark.slow
def test_a_build_where_names_cannot_be_exchanged(stored: Path, tmp_path: Path) -> None:
    program = (
        "from flickr_emotion.commands.main import main;"
        "from flickr_emotion.common import replacing;"
        "replacing._exchanged = lambda *names: False; main()"
    )
    calls = walk(
        stored, tmp_path,
        lambda folder: ["-c", program, "build-splits", folder / "p.parquet", "--out", folder / "d"],
        build, a_data_set("d"), only=("rename", "unlink", "unlinkat", "rmdir"),
    )  # fmt: skip
    assert "rename" in calls


@pytest.mark.slow
def test_reduce(stored: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from flickr_emotion.datasets.build.reduce import reduce_dataset;"
        "reduce_dataset(Path(sys.argv[1]), Path(sys.argv[2]), fraction=0.25, seed=0)"
    )
    calls = walk(
        stored, tmp_path,
        lambda folder: ["-c", program, folder / "d", folder / "r"],
        lambda folder: reduce_dataset(folder / "d", folder / "r", fraction=0.25, seed=0),
        a_data_set("r"),
    )  # fmt: skip
    assert {"rename", "renameat2", "mkdir", "unlink", "rmdir"} <= calls


@pytest.mark.slow
def test_an_export(stored: Path, tmp_path: Path) -> None:
    def whole(folder: Path) -> None:
        assert not verify_manifest_file(folder / "m.parquet").damaged

    calls = walk(
        stored, tmp_path,
        lambda folder: (
            ["cli.py", "manifest", "export", folder / "m", "--out", folder / "m.parquet"]
        ),
        lambda folder: export_manifest(folder / "m", folder / "m.parquet", with_urls=False),
        whole,
    )  # fmt: skip
    assert {"rename", "mkdir", "unlink", "rmdir"} <= calls


@pytest.mark.slow
def test_a_page(stored: Path, tmp_path: Path) -> None:
    def whole(folder: Path) -> None:
        assert (folder / "page.html").read_text(encoding="utf-8").endswith("</body>\n</html>\n")

    calls = walk(
        stored, tmp_path,
        lambda folder: ["cli.py", "inspect", folder / "d", "--html", folder / "page.html"],
        lambda folder: write_page(inspect_dataset(folder / "d"), folder / "page.html"),
        whole,
    )  # fmt: skip
    assert {"rename", "mkdir", "unlink", "rmdir"} <= calls
