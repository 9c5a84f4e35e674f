"""Shards, and the spool that sorts posts before they are written."""

import hashlib
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.datasets.build import spool
from flickr_emotion.datasets.build.judged_rows import JUDGED_SCHEMA
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.folder import shards
from flickr_emotion.datasets.folder.shards import SCHEMA, write_shards


def posts(count: int, picture_bytes: int) -> pa.Table:
    random = Random(count)
    return pa.Table.from_pylist(
        [
            {
                "photo_id": str(number),
                "image": {"bytes": random.randbytes(picture_bytes), "path": f"{number}.jpg"},
                "tags": ["a"],
                "label": "awe",
                "modalities": "image+tags",
            }
            for number in range(count)
        ],
        schema=SCHEMA,
    )


class TestWriteShards:
    def test_files_stay_below_the_limit_and_hold_everything_in_order(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shards, "_LARGEST_SHARD", 300_000)
        monkeypatch.setattr(shards, "_ROW_GROUP", 50)
        table = posts(500, 2000)
        write_shards(tmp_path, "train", [table.slice(0, 333), table.slice(333)])
        files = sorted(tmp_path.iterdir())
        assert len(files) == 5
        assert [path.name for path in files] == [
            f"train-{number:05d}-of-00005.parquet" for number in range(5)
        ]
        assert all(path.stat().st_size <= 300_000 for path in files)
        assert pa.concat_tables(map(pq.read_table, files)).equals(table)
        assert pq.ParquetFile(files[0]).metadata.row_group(0).num_rows == 50

    @pytest.mark.parametrize("pieces", [[500], [1, 499], [250, 250], [123, 77, 300]])
    def test_the_same_posts_give_the_same_bytes_in_any_batches(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[int]
    ) -> None:
        monkeypatch.setattr(shards, "_ROW_GROUP", 50)
        table, tables, first = posts(500, 10), [], 0
        for piece in pieces:
            tables.append(table.slice(first, piece))
            first += piece
        for name, given_tables in (("whole", [table]), ("pieces", tables)):
            (tmp_path / name).mkdir()
            write_shards(tmp_path / name, "test", given_tables)
        whole, other = ((tmp_path / name).iterdir() for name in ("whole", "pieces"))
        assert next(whole).read_bytes() == next(other).read_bytes()

    def test_a_split_without_posts_has_a_shard(self, tmp_path: Path) -> None:
        write_shards(tmp_path, "test", [])
        table = pq.read_table(tmp_path / "test-00000-of-00001.parquet")
        assert table.num_rows == 0
        assert table.schema.names == SCHEMA.names


def judged(number: int) -> dict[str, Any]:
    return {
        "place": hashlib.sha256(str(number).encode()).digest(),
        "photo_id": str(number),
        "source": "list.csv:1",
        "image": None if number % 3 == 0 else str(number).encode() * (number % 7 + 1),
        "image_known": False,
        "tags": [],
    }


class TestSpool:
    @given(
        st.lists(st.integers(0, 10_000), unique=True, max_size=200),
        st.integers(1, 50),
        st.integers(1, 60),
        st.integers(1, 40),
    )
    @settings(max_examples=30)
    def test_posts_come_back_whole_in_the_order_of_their_digests(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        numbers: list[int],
        posts_per_bucket: int,
        posts_per_part: int,
        to_a_table: int,
    ) -> None:
        folder = tmp_path_factory.mktemp("spool")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spool, "_POSTS_PER_BUCKET", posts_per_bucket)
            patch.setattr(spool, "_POSTS_PER_PART", posts_per_part)
            kept = Spool(folder / "s", len(numbers))
            for first in range(0, len(numbers), to_a_table):
                rows = [judged(number) for number in numbers[first : first + to_a_table]]
                kept.add(pa.Table.from_pylist(rows, schema=JUDGED_SCHEMA))
            kept.finish()
            rows = [row for table in kept.tables() for row in table.to_pylist()]
        ordered = sorted(numbers, key=lambda number: judged(number)["place"])
        assert [row["photo_id"] for row in rows] == list(map(str, ordered))
        for number, row in zip(ordered, rows, strict=True):
            image = judged(number)["image"]
            if image is None:
                assert row["image_offset"] is None
            else:
                assert kept.picture(row["image_offset"], row["image_size"]) == image
        kept.close()
