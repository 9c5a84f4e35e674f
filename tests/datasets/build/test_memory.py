"""Memory depends on bytes that are held at once, not on the size of pictures or of a file."""

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import reading, shards
from flickr_emotion.datasets.folder.decisions import read_decisions
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.folder.row_groups import full_groups
from flickr_emotion.datasets.judging import judging, local_engine
from flickr_emotion.datasets.judging.judging import Judge, in_batches
from flickr_emotion.datasets.rules.options import BuildOptions


def jpeg(number: int, size: int) -> bytes:
    """A small picture in a file of about ``size`` bytes."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (number * 37 % 256, number * 91 % 256, 90)).save(out, "JPEG")
    whole = out.getvalue()
    comment = b"\xff\xfe" + (65_002).to_bytes(2, "big") + bytes(65_000)
    return whole[:2] + comment * (size // 65_004) + whole[2:]


def judge() -> Judge:
    return Judge(options=BuildOptions(), keep_incomplete=True)


def row(number: int, **picture: Any) -> dict[str, Any]:
    return {"photo_id": str(number), "source": "a", "label": "awe", "tags": ["sea"], **picture}


class TestJudging:
    def test_files_of_pictures_are_read_one_at_a_time(self, tmp_path: Path) -> None:
        """Their 60 MB were in memory at once."""
        rows = []
        for number in range(30):
            path = tmp_path / f"{number}.bin"
            path.write_bytes(bytes(2_000_000))
            rows.append(row(number, image_path=str(path)))
        tracemalloc.start()
        try:
            tables = list(judge().judge(rows, read_decisions(None)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sum(table.num_rows for table in tables) == 30
        assert peak < 20_000_000

    def test_results_are_cut_by_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judging, "MOST_BATCH_BYTES", 200_000)
        rows = [row(number, image_bytes=jpeg(number, 150_000)) for number in range(7)]
        tables = list(judge().judge(rows, read_decisions(None)))
        assert [table.num_rows for table in tables] == [2, 2, 2, 1]
        assert [i for t in tables for i in t.column("photo_id").to_pylist()] == [*"0123456"]

    def test_batches_are_cut_by_posts_and_by_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judging, "MOST_BATCH_BYTES", 10)
        monkeypatch.setattr(judging, "POSTS_PER_BATCH", 3)
        sizes = [4, 4, 4, 20, 0, 0, 0, 0]
        rows = [row(number, image_bytes=bytes(size)) for number, size in enumerate(sizes)]
        assert [len(batch) for batch in in_batches(rows)] == [3, 1, 3, 1]


@pytest.mark.parametrize(
    ("sizes", "ends"),
    [
        ([1] * 7, [3, 6]),
        ([1] * 6, [3, 6]),
        ([5, 5, 5, 50, 1, 1], [2, 3, 4]),
        ([5, 5], []),  # the next row may have no picture
        ([50], []),
        ([], []),
    ],
)
def test_groups_of_three_rows_or_ten_bytes(sizes: list[int], ends: list[int]) -> None:
    assert full_groups(np.array(sizes, np.int64), 3, 10) == ends


class TestBuilding:
    @pytest.fixture
    def posts(self, tmp_path: Path) -> Path:
        path = tmp_path / "posts.parquet"
        table = pa.table(
            {
                "photo_id": [str(number) for number in range(40)],
                "label": ["awe", "fear"] * 20,
                "image": [jpeg(number, 150_000) for number in range(40)],
            }
        )
        pq.write_table(table, path)
        return path

    def test_row_groups_hold_few_bytes_and_are_read_in_few(
        self, posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build_splits(posts, tmp_path / "whole")
        monkeypatch.setattr(shards, "MOST_PICTURE_BYTES", 400_000)
        monkeypatch.setattr(reading, "MOST_PICTURE_BYTES", 400_000)
        described = build_splits(posts, tmp_path / "cut")
        dataset = open_dataset(tmp_path / "cut")
        with pq.ParquetFile(dataset.shards("train")[0]) as file:
            assert file.num_row_groups == -(-described["counts"]["train"]["total"] // 3)
        tables = list(dataset.tables("train", ["photo_id", "image"]))
        assert max(table.num_rows for table in tables) <= 3
        same = list(open_dataset(tmp_path / "whole").tables("train", ["photo_id", "image"]))
        assert pa.concat_tables(tables).to_pylist() == pa.concat_tables(same).to_pylist()

    def test_processes_are_as_many_as_said(
        self, posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With one process the results are not even written to files."""
        monkeypatch.setattr(local_engine, "POSTS_PER_BATCH", 10)
        monkeypatch.setattr(local_engine, "usable_cores", lambda: 1)
        monkeypatch.setattr(local_engine, "ProcessPoolExecutor", None)
        build_splits(posts, tmp_path / "one")
        monkeypatch.setattr(local_engine, "usable_cores", lambda: 8)
        build_splits(posts, tmp_path / "said", processes=1)
        with pytest.raises(TypeError):
            build_splits(posts, tmp_path / "more")

    def test_no_processes_are_refused(self, posts: Path, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="--processes 0: give at least 1"):
            build_splits(posts, tmp_path / "d", processes=0)
        with pytest.raises(DatasetError, match="--processes is for --engine local"):
            build_splits(posts, tmp_path / "d", processes=2, engine="ray")
