"""The data set is the same with every engine, and with or without reused decisions."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.judging import local_engine, post_picture, text_filter
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.errors import HarvestError
from tests.harvest.corpora import crawl_posts, jpeg, post
from tests.harvest.processes import killed, until

POSTS = [
    *(post(number, image=jpeg(number, 400, 300)) for number in range(60)),
    *(post(number, title="", description="") for number in range(60, 70)),
    *(post(number, status="deleted") for number in range(70, 75)),
]


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines")
    crawl_posts(folder, POSTS)
    return folder / "harvest"


def build(harvest: Path, out: Path, **fields: Any) -> dict[str, Any]:
    return build_splits(harvest, out, BuildOptions(**fields), lambda line: None)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def counted(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, size: Callable[..., int]
) -> list[int]:
    """Wrap a function of a module and record its arguments."""
    given: list[int] = []
    function = getattr(module, name)

    def counting(*arguments: Any, **keywords: Any) -> Any:
        given.append(size(*arguments))
        return function(*arguments, **keywords)

    monkeypatch.setattr(module, name, counting)
    return given


class TestLocalEngine:
    def test_several_processes_build_the_same_as_one(
        self, harvest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(harvest, tmp_path / "one")
        monkeypatch.setattr(local_engine, "POSTS_PER_BATCH", 20)
        build(harvest, tmp_path / "several")
        assert files(tmp_path / "several") == files(tmp_path / "one")

    def test_a_build_from_a_broken_ledger_says_so_and_leaves_nothing(
        self, harvest: Path, tmp_path: Path
    ) -> None:
        broken = tmp_path / "harvest"
        shutil.copytree(harvest, broken)
        with (broken / "ledger.sqlite").open("r+b") as file:
            file.seek(40_000)
            file.write(b"\xff" * 60_000)
        with pytest.raises(HarvestError, match="malformed"):
            build(broken, tmp_path / "d")
        assert [path.name for path in tmp_path.iterdir()] == ["harvest"]


class TestRayEngine:
    @pytest.mark.slow  # a cluster takes ten seconds of two cores to start
    def test_it_builds_the_same_as_the_local_engine(self, harvest: Path, tmp_path: Path) -> None:
        build(harvest, tmp_path / "local")
        command = ["build-splits", str(harvest), "--out", str(tmp_path / "ray"), "--engine", "ray"]
        subprocess.run(
            [sys.executable, "cli.py", *command],
            cwd=PROJECT, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        assert files(tmp_path / "ray") == files(tmp_path / "local")

    def test_without_ray_one_line_says_how_to_get_it(self, harvest: Path, tmp_path: Path) -> None:
        # A `ray` module that cannot be imported, as if Ray were not installed.
        (tmp_path / "ray.py").write_text("raise ImportError", encoding="utf-8")
        command = ["build-splits", str(harvest), "--out", str(tmp_path / "d"), "--engine", "ray"]
        done = subprocess.run(
            [sys.executable, "cli.py", *command],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 1
        assert "pip install 'ray[data]'" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_an_unknown_engine(self, harvest: Path, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="--engine 'spark'"):
            build_splits(harvest, tmp_path / "d", BuildOptions(), print, engine="spark")


class TestDecisions:
    def test_unchanged_posts_are_not_judged_again(
        self, harvest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(harvest, tmp_path / "d")
        before = files(tmp_path / "d")
        texts = counted(monkeypatch, text_filter, "detect_languages", len)
        pictures = counted(monkeypatch, post_picture, "prepare_picture", lambda data: 1)
        build(harvest, tmp_path / "d")
        assert sum(texts) == sum(pictures) == 0
        assert files(tmp_path / "d") == before
        build(harvest, tmp_path / "d", short_side=200)
        assert (sum(texts), sum(pictures)) == (0, 70)

    def test_changed_posts_are_judged_again(
        self, harvest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(harvest, tmp_path / "d")
        changed = [
            post(0, title="A title that its owner has changed in the meantime"),
            post(1, image=jpeg(1000, 400, 300)),
            *POSTS[2:],
        ]
        crawl_posts(tmp_path / "again", changed)
        texts = counted(monkeypatch, text_filter, "detect_languages", len)
        pictures = counted(monkeypatch, post_picture, "prepare_picture", lambda data: 1)
        build(tmp_path / "again" / "harvest", tmp_path / "d")
        assert (sum(texts), sum(pictures)) == (1, 2)
        known = files(tmp_path / "d")
        shutil.rmtree(tmp_path / "d")
        build(tmp_path / "again" / "harvest", tmp_path / "d")
        assert files(tmp_path / "d") == known

    def test_posts_that_come_back(self, tmp_path: Path) -> None:
        few, many = tmp_path / "few.parquet", tmp_path / "many.parquet"
        rows = [{"photo_id": str(n), "image": jpeg(n), "label": "a"} for n in range(30)]
        pq.write_table(pa.Table.from_pylist(rows), many)
        pq.write_table(pa.Table.from_pylist(rows[:10]), few)
        for path in (many, few, few, many):
            build(path, tmp_path / "d")
        build(many, tmp_path / "new")
        assert files(tmp_path / "d") == files(tmp_path / "new")

    def test_another_seed_and_damaged_decisions_cost_only_time(
        self, harvest: Path, tmp_path: Path
    ) -> None:
        build(harvest, tmp_path / "new", seed=1)
        build(harvest, tmp_path / "d")
        build(harvest, tmp_path / "d", seed=1)
        assert files(tmp_path / "d") == files(tmp_path / "new")
        (tmp_path / "d" / "decisions.parquet").write_bytes(b"PAR1 and nothing more")
        build(harvest, tmp_path / "d", seed=1)
        assert files(tmp_path / "d") == files(tmp_path / "new")


class TestFeatures:
    def test_features_stay_with_the_same_posts_and_are_removed_with_others(
        self, harvest: Path, tmp_path: Path
    ) -> None:
        build(harvest, tmp_path / "d")
        kept = tmp_path / "d" / "features" / "densenet121-0123456789abcdef"
        kept.mkdir(parents=True)
        (kept / "train.npy").write_bytes(b"numbers")
        build(harvest, tmp_path / "d")
        assert (kept / "train.npy").read_bytes() == b"numbers"
        build(harvest, tmp_path / "d", seed=1)
        assert not (tmp_path / "d" / "features").exists()


class TestInterrupted:
    def test_a_killed_build_leaves_the_previous_data_set_and_the_next_one_cleans_up(
        self, harvest: Path, tmp_path: Path
    ) -> None:
        build(harvest, tmp_path / "d")
        before = files(tmp_path / "d")
        command = ["build-splits", str(harvest), "--out", str(tmp_path / "d"), "--seed", "1"]
        process = subprocess.Popen(
            [sys.executable, "cli.py", *command],
            cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        building = tmp_path / ".d.building"
        until(lambda: (building / "spool").exists(), process)
        assert killed(process)
        assert building.exists()
        assert files(tmp_path / "d") == before
        build(harvest, tmp_path / "d", seed=1)
        assert open_dataset(tmp_path / "d").options["seed"] == 1
        assert [path.name for path in tmp_path.iterdir()] == ["d"]

    def test_the_processes_of_a_killed_build_end_with_it(self, tmp_path: Path) -> None:
        picture = jpeg(0, 250, 250)
        posts = [{"photo_id": str(n), "image": picture, "label": "a"} for n in range(8000)]
        pq.write_table(pa.Table.from_pylist(posts), tmp_path / "p.parquet", row_group_size=1000)
        command = ["build-splits", str(tmp_path / "p.parquet"), "--out", str(tmp_path / "d")]
        process = subprocess.Popen(
            [sys.executable, "cli.py", *command],
            cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        pictures = tmp_path / ".d.building" / "spool" / "pictures"
        try:
            # By then other processes are at work.
            until(lambda: pictures.exists() and pictures.stat().st_size > 0, process)
            process.kill()
            # They keep the pipes open until the last of them ends.
            assert process.communicate(timeout=60)[0] == ""
            assert process.returncode == -9
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def test_a_build_killed_between_its_last_two_steps(self, harvest: Path, tmp_path: Path) -> None:
        build(harvest, tmp_path / "d")
        before = files(tmp_path / "d")
        (tmp_path / ".d.building").mkdir()
        (tmp_path / ".d.building" / ".flickr-emotion-workspace").touch()
        (tmp_path / "d").rename(tmp_path / ".d.building" / "previous")
        assert open_dataset(tmp_path / "d").counts["train"]["total"] > 0
        with pytest.raises(DatasetError, match="no post that fits the options"):
            build(harvest, tmp_path / "d", min_votes=1000)
        assert files(tmp_path / "d") == before


def test_pandas_is_kept_out_of_a_build_alone() -> None:
    program = (
        "import sys, pyarrow as pa\n"
        "from flickr_emotion.datasets.judging.no_pandas import without_pandas\n"
        "with without_pandas():\n"
        "    pa.array(['a', None])\n"
        "    assert 'pandas' not in sys.modules\n"
        "assert len(pa.table({'a': [1, 2]}).to_pandas()) == 2\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROJECT)
