"""Parquet files are read in batches of few bytes, whatever their pages are like."""

from pathlib import Path
from random import Random
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.pages import batches
from flickr_emotion.common.pages.batches import small_batches
from flickr_emotion.common.pages.headers import runs

ROWS = 120


def values() -> list[bytes | None]:
    """Nulls, noise that cannot be compressed, and bytes that can."""
    random = Random(0)
    found: list[bytes | None] = []
    for row in range(ROWS - 20):
        size = random.randrange(30_000)
        noise = random.randbytes(size)
        found.append(None if row % 7 == 3 else noise if row % 3 else bytes(size) + b"end")
    return found + found[:20]


COLUMNS = {
    "binary": pa.array(values(), pa.binary()),
    "large_binary": pa.array(values(), pa.large_binary()),
    "struct": pa.array(
        [
            None if row % 5 == 0 else {"bytes": value, "path": f"{row}.jpg"}
            for row, value in enumerate(values())
        ],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    ),
}


def read(path: Path, most_rows: int = 50) -> list[pa.RecordBatch]:
    with pq.ParquetFile(
        path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
    ) as file:
        return list(small_batches(path, file, ["image", "id"], most_rows=most_rows))


class TestTheSameRowsAsPyarrow:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "MOST_BYTES", 50_000)

    @pytest.mark.parametrize("kind", COLUMNS)
    @pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
    @pytest.mark.parametrize("version", ["1.0", "2.0"])
    def test_pages_of_every_kind(
        self, tmp_path: Path, kind: str, compression: str, version: str
    ) -> None:
        table = pa.table({"id": list(range(ROWS)), "image": COLUMNS[kind], "other": ["x"] * ROWS})
        path = tmp_path / "posts.parquet"
        for dictionary in (True, False):
            pq.write_table(
                table,
                path,
                compression=compression,
                data_page_version=version,
                use_dictionary=dictionary,
                row_group_size=90,
                write_page_checksum=True,
            )
            found = read(path)
            assert pa.Table.from_batches(found).equals(table.select(["image", "id"]))
            assert max(batch.num_rows for batch in found) <= 50
            assert max(batch.nbytes for batch in found) < 110_000

    def test_a_column_without_nulls(self, tmp_path: Path) -> None:
        schema = pa.schema([pa.field("image", pa.binary(), nullable=False), ("id", pa.int64())])
        table = pa.table([[value or b"" for value in values()], range(ROWS)], schema=schema)
        pq.write_table(table, tmp_path / "posts.parquet")
        assert pa.Table.from_batches(read(tmp_path / "posts.parquet")).equals(table)

    @pytest.mark.parametrize("writer", ["polars", "duckdb", "pandas"])
    def test_files_of_other_programs(self, tmp_path: Path, writer: str) -> None:
        table = pa.table({"id": list(range(ROWS)), "image": COLUMNS["binary"]})
        path = tmp_path / "posts.parquet"
        if writer == "polars":
            frame = polars.from_arrow(table)
            assert isinstance(frame, polars.DataFrame)
            frame.write_parquet(path, compression="snappy")
        elif writer == "duckdb":
            connection = duckdb.connect()
            connection.register("posts", table)
            connection.execute(f"COPY posts TO '{path}' (FORMAT parquet)")
        else:
            table.to_pandas().to_parquet(path)
        found = pa.Table.from_batches(read(path))
        assert found.column("image").to_pylist() == values()
        assert found.column("id").to_pylist() == list(range(ROWS))

    def test_one_picture_in_many_rows(self, tmp_path: Path) -> None:
        """The file is small; its rows are not."""
        table = pa.table({"id": list(range(ROWS)), "image": [bytes(20_000)] * ROWS})
        pq.write_table(table, tmp_path / "posts.parquet")
        found = read(tmp_path / "posts.parquet")
        assert max(batch.nbytes for batch in found) < 70_000

    def test_a_flipped_bit_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "posts.parquet"
        table = pa.table({"id": list(range(ROWS)), "image": COLUMNS["binary"]})
        pq.write_table(table, path, write_page_checksum=True)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises((OSError, pa.ArrowException)):
            read(path)


def test_a_page_is_never_in_memory_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyarrow alone holds the page of 7.5 MB, compressed and not, while its rows are read."""
    monkeypatch.setattr(batches, "MOST_BYTES", 2**20)
    random = Random(0)
    table = pa.table({"id": list(range(30)), "image": [random.randbytes(2**18) for _ in range(30)]})
    path = tmp_path / "posts.parquet"
    pq.write_table(table, path)
    del table
    before, most = pa.total_allocated_bytes(), 0
    rows = 0
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        for batch in small_batches(path, file, ["image"], most_rows=128):
            rows += batch.num_rows
            most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 30
    assert most < 4 * 2**20


@pytest.mark.parametrize(
    ("data", "width", "expected"),
    [
        (bytes([8, 3]), 2, [3, 3, 3, 3]),
        (bytes([3, 0b11_10_01_00, 0]), 2, [0, 1, 2, 3]),
        (bytes([4, 1, 3, 0b10101010]), 1, [1, 1, 0, 1, 0, 1]),
    ],
)
def test_runs_and_packed_groups(data: bytes, width: int, expected: list[Any]) -> None:
    assert runs(data, width, len(expected)).tolist() == expected
