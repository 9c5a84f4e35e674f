"""The file of a manifest: what is read as it stands, and what is refused."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.manifests.description import KEY
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY
from flickr_emotion.harvest.manifests.file import SCHEMA
from tests.harvest.written_manifests import (
    anyhow,
    described,
    read_manifest,
    refusal,
    row,
    write_manifest,
)

URL = "https://live.staticflickr.com/3456/3700000001_0000000001.jpg"


class TestReading:
    def test_rows_are_read_as_they_say(self, tmp_path: Path) -> None:
        rows = [
            row(1),
            row(2, server=None, secret=None, farm=None),
            row(3, modalities="text", tags_sha256=None, image_sha256=None, split="test"),
            row(4, photo_id="9999999999999999999", modalities="image+tags", text_sha256=None),
        ]
        path = write_manifest(tmp_path / "m.parquet", rows)
        assert read_manifest(path) == rows
        assert open_list(path).kind == "votes"

    def test_a_manifest_of_pairs(self, tmp_path: Path) -> None:
        rows = [row(n, votes=None, sentiment=1.5 - n, pair="brave_9-11") for n in range(3)]
        path = write_manifest(tmp_path / "m", rows, metadata=described(kind="sentiment"))
        assert read_manifest(path) == rows

    def test_the_url_is_not_read_as_a_column(self, tmp_path: Path) -> None:
        path = write_manifest(tmp_path / "m", [row(1, url=URL), row(2, server=None, url=None)])
        assert [sorted(it) for it in read_manifest(path)] == [sorted(SCHEMA.names)] * 2

    def test_the_order_is_that_of_numbers(self, tmp_path: Path) -> None:
        rows = [row(1, photo_id=photo_id) for photo_id in ("9", "10", "100")]
        assert read_manifest(write_manifest(tmp_path / "m", rows)) == rows


class TestFile:
    @pytest.mark.parametrize(
        ("schema", "said"),
        [
            (pa.schema(list(SCHEMA)[1:]), "no column photo_id"),
            (pa.schema([*SCHEMA, ("title", pa.string())]), "'title', which no manifest has"),
            (
                SCHEMA.set(5, pa.field("votes", pa.int64())),
                "votes is of type int64, expected int32",
            ),
            (SCHEMA.set(10, pa.field("text_sha256", pa.binary())), "text_sha256 is of type binary"),
            (pa.schema([SCHEMA.field(1), SCHEMA.field(0), *list(SCHEMA)[2:]]), "order"),
        ],
    )
    def test_columns(self, tmp_path: Path, schema: pa.Schema, said: str) -> None:
        rows = [{name: row(1).get(name) for name in schema.names}]
        assert said in refusal(write_manifest(tmp_path / "m", rows, schema=schema))

    def test_nothing_but_the_magic(self, tmp_path: Path) -> None:
        (tmp_path / "m").write_bytes(b"PAR1 and then something else")
        assert "not a Parquet file" in refusal(tmp_path / "m")

    @anyhow
    @given(left=st.floats(0.0, 0.9999))
    def test_a_truncated_file(self, tmp_path: Path, left: float) -> None:
        whole = write_manifest(tmp_path / "whole", [row(1)]).read_bytes()
        (tmp_path / "m").write_bytes(whole[: max(4, int(left * len(whole)))])
        assert "not a Parquet file" in refusal(tmp_path / "m")

    @anyhow
    @given(at=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
    def test_a_damaged_byte_is_refused_or_harmless(
        self, tmp_path: Path, at: float, flipped: int
    ) -> None:
        whole = bytearray(write_manifest(tmp_path / "whole", [row(1)]).read_bytes())
        whole[4 + int(at * (len(whole) - 4))] ^= flipped
        (tmp_path / "m").write_bytes(whole)
        try:
            found = read_manifest(tmp_path / "m")
        except HarvestError:
            refusal(tmp_path / "m")
        else:
            assert len(found) == 1

    def test_no_rows(self, tmp_path: Path) -> None:
        assert "0 rows" in refusal(write_manifest(tmp_path / "m", []))

    def test_no_metadata(self, tmp_path: Path) -> None:
        pq.write_table(pa.Table.from_pylist([row(1)], schema=SCHEMA), tmp_path / "m")
        assert KEY in refusal(tmp_path / "m")

    def test_a_long_value_for_many_rows_is_not_expanded(self, tmp_path: Path) -> None:
        # Each row of the file takes a few bits; expanded, they would be 60 GB.
        label = pa.DictionaryArray.from_arrays(pa.array([0] * 60_000, pa.int32()), ["x" * 10**6])
        table = pa.Table.from_pylist([row(number) for number in range(60_000)], schema=SCHEMA)
        table = table.set_column(4, "label", label)
        with pq.ParquetWriter(tmp_path / "m", table.schema, store_schema=False) as writer:
            writer.add_key_value_metadata({KEY: json.dumps(described()), DIGEST_KEY: "0" * 64})
            writer.write_table(table)
        assert "label has a value of more than 400 bytes" in refusal(tmp_path / "m")

    def test_values_that_build_upon_each_other_are_not_expanded(self, tmp_path: Path) -> None:
        long = [row(number, photo_id=f"{'9' * 50_000}{number:04d}") for number in range(1000)]
        table = pa.Table.from_pylist(long, schema=SCHEMA)
        with pq.ParquetWriter(
            tmp_path / "m",
            table.schema,
            store_schema=False,
            use_dictionary=False,
            column_encoding={"photo_id": "DELTA_BYTE_ARRAY"},
        ) as writer:
            writer.add_key_value_metadata({KEY: json.dumps(described()), DIGEST_KEY: "0" * 64})
            writer.write_table(table)
        assert "rows cannot be read" in refusal(tmp_path / "m")

    def test_a_row_group_of_too_many_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_manifest(tmp_path / "m", [row(number) for number in range(4)])
        assert len(read_manifest(path)) == 4
        monkeypatch.setattr("flickr_emotion.harvest.manifests.file._MOST_ROWS_PER_GROUP", 3)
        assert "row group of 4 rows" in refusal(path)

    def test_more_bytes_than_rows_can_have(self, tmp_path: Path) -> None:
        line = refusal(write_manifest(tmp_path / "m", [row(1, pair="x" * 2_000_000)]))
        assert "bytes for 1 rows" in line
