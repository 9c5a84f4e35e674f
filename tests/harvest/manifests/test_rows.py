"""The rules for the rows of a manifest: one row that breaks one, and all is refused."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests import rows as manifest_rows
from flickr_emotion.harvest.manifests.description import KEY, parse_description
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY
from flickr_emotion.harvest.manifests.file import SCHEMA, schema_of
from tests.harvest.written_manifests import (
    Row,
    anyhow,
    described,
    read_manifest,
    refusal,
    row,
    write_manifest,
)

URL = "https://live.staticflickr.com/3456/3700000001_0000000001.jpg"


class TestNames:
    def test_subsets_are_those_of_the_data_sets(self) -> None:
        assert set(manifest_rows.SUBSETS_BY_BITS.to_pylist()) == {None, *SUBSETS}


class TestRows:
    @pytest.mark.parametrize(
        "fields",
        [
            {"photo_id": "0370000000"},
            {"photo_id": ""},
            {"photo_id": None},
            {"photo_id": "1" * 20},
            {"photo_id": "٣٧"},
            {"photo_id": "3700000001\n"},
            {"photo_id": "../../etc/passwd"},
            {"photo_id": "3700000000"},
            {"photo_id": "36"},
            {"server": "34a"},
            {"server": "../.."},
            {"server": ""},
            {"farm": "1234"},
            {"secret": "ABCDEF0123"},
            {"secret": "abcde"},
            {"secret": "a/../../b1"},
            {"label": "joy"},
            {"label": None},
            {"votes": -1},
            {"votes": 10_001},
            {"votes": None},
            {"sentiment": 0.5},
            {"pair": "happy_dog"},
            {"split": "dev"},
            {"split": None},
            {"modalities": "text+image+tags"},
            {"modalities": "image+text"},
            {"modalities": None},
            {"modalities": ""},
            {"tags_sha256": None},
            {"text_sha256": None, "tags_sha256": None, "image_sha256": None},
        ],
    )
    def test_one_bad_row_and_all_is_refused(self, tmp_path: Path, fields: Row) -> None:
        path = write_manifest(tmp_path / "m", [row(0), row(1, **fields), row(2)])
        line = refusal(path)
        assert "row 2, photo " in line
        assert next(iter(fields)) in line or "modalities" in line

    @pytest.mark.parametrize(
        "fields",
        [
            {"sentiment": math.nan},
            {"sentiment": math.inf},
            {"sentiment": 2.01},
            {"sentiment": None},
            {"votes": 5},
            {"pair": "happy dog"},
            {"pair": "happy_\x1b[31mdog"},
            {"pair": "x" * 101},
            {"pair": ""},
        ],
    )
    def test_pairs_and_their_sentiments(self, tmp_path: Path, fields: Row) -> None:
        good = {"votes": None, "sentiment": 1.0, "pair": "happy_dog"}
        rows = [row(0, **good), row(1, **(good | fields))]
        line = refusal(write_manifest(tmp_path / "m", rows, metadata=described(kind="sentiment")))
        assert "row 2, photo '3700000001'" in line
        assert "\x1b" not in line

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.org/3456/3700000001_0000000001.jpg",
            "http://live.staticflickr.com/3456/3700000001_0000000001.jpg",
            "https://live.staticflickr.com.example.org/3456/3700000001_0000000001.jpg",
            "https://live.staticflickr.com/3456/3700000002_0000000001.jpg",
            "https://live.staticflickr.com/3456/3700000001_0000000002.jpg",
            "file:///etc/passwd",
            "",
            None,
        ],
    )
    def test_a_url_is_that_of_the_rows_photo(self, tmp_path: Path, url: str | None) -> None:
        assert "url" in refusal(write_manifest(tmp_path / "m", [row(1, url=url)]))

    def test_no_url_where_the_place_is_not_known(self, tmp_path: Path) -> None:
        assert "url" in refusal(write_manifest(tmp_path / "m", [row(1, secret=None, url=URL)]))

    def test_doubles_are_found_across_batches(self, tmp_path: Path) -> None:
        rows = [row(number) for number in range(70_000)]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        # The last row of the first batch, repeated.
        doubled = pa.concat_tables([table.slice(0, 65_536), table.slice(65_535)])
        metadata = {KEY: json.dumps(described()), DIGEST_KEY: "0" * 64}
        pq.write_table(doubled.replace_schema_metadata(metadata), tmp_path / "m")
        assert "row 65537, photo '3700065535'" in refusal(tmp_path / "m")

    @anyhow
    @given(data=st.data())
    def test_any_change_is_refused_or_reads_as_it_says(
        self, tmp_path: Path, data: st.DataObject
    ) -> None:
        name = data.draw(st.sampled_from(SCHEMA.names))
        of_type: dict[pa.DataType, st.SearchStrategy[Any]] = {
            pa.string(): st.text(st.characters(codec="utf-8"), max_size=25)
            | st.from_regex(r"\A[0-9a-f]{1,21}\Z")
            | st.sampled_from(["awe", "fear", "test", "image", "image+tags", "1", "0"]),
            pa.int32(): st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 12_000),
            pa.float64(): st.floats(),
            pa.binary(16): st.binary(min_size=16, max_size=16),
        }
        value = data.draw(st.none() | of_type[SCHEMA.field(name).type])
        rows = [row(0), row(1, **{name: value}), row(2)]
        path = write_manifest(tmp_path / "m", rows)
        try:
            found = read_manifest(path)
        except HarvestError:
            line = refusal(path)
            assert rows[1] != row(1)
            assert "row 2" in line or "row 3" in line
        else:
            assert found == rows


class TestDistributions:
    """Version 3 has a column with a share for each class."""

    described = described(version=3)

    def written(self, folder: Path, shares: Any, **changed: Any) -> Path:
        schema = schema_of(parse_description(json.dumps(self.described).encode()))
        rows = [row(1, vote_distribution={"awe": 0.2, "fear": 0.8}), row(2, **changed)]
        rows[1]["vote_distribution"] = shares
        return write_manifest(folder / "m", rows, schema=schema, metadata=self.described)

    def test_shares_and_nulls_are_read(self, tmp_path: Path) -> None:
        rows = read_manifest(self.written(tmp_path, None))
        assert [it["vote_distribution"] for it in rows] == [{"awe": 0.2, "fear": 0.8}, None]

    @pytest.mark.parametrize(
        "shares", [(0.5, 0.4), (1.5, -0.5), (float("nan"), 0.5), (float("inf"), 0.0)]
    )
    def test_what_are_no_shares(self, tmp_path: Path, shares: tuple[float, float]) -> None:
        said = refusal(self.written(tmp_path, dict(zip(("awe", "fear"), shares, strict=True))))
        assert "row 2, photo '3700000002': vote_distribution" in said

    def test_shares_of_other_classes(self, tmp_path: Path) -> None:
        schema = schema_of(parse_description(json.dumps(self.described).encode()))
        path = write_manifest(
            tmp_path / "m",
            [row(1, vote_distribution={"awe": 1.0, "fear": 0.0})],
            schema=schema,
            metadata=described(version=3, classes=["awe", "fear", "joy"]),
        )
        assert "its column vote_distribution is of type" in refusal(path)

    def test_a_changed_share_does_not_match_the_digest(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, {"awe": 0.5, "fear": 0.5})
        table = pq.read_table(path)
        shares = pa.array([{"awe": 0.2, "fear": 0.8}] * 2, table.schema.field(-1).type)
        pq.write_table(
            table.set_column(table.num_columns - 1, table.schema.field(-1), shares), path
        )
        assert "does not match its digest" in refusal(path)

    def test_labels_from_sentiment_have_none(self, tmp_path: Path) -> None:
        said = refusal(
            write_manifest(
                tmp_path / "m", [row(1)], metadata=described(version=3, kind="sentiment")
            )
        )
        assert "version 3, which is not for labels from sentiment" in said
