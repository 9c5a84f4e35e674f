"""Manifests in a crawl: what is refused, what is read, and what the ledger contains."""

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME, VERSION
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.manifests import rows as manifest_rows
from flickr_emotion.harvest.manifests.description import KEY, parse_description
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY, RowsDigest
from flickr_emotion.harvest.manifests.file import SCHEMA, open_manifest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY as API_KEY
from tests.harvest.corpora import SECRET, post, url_of, write_votes
from tests.harvest.corpora import options as crawl_options
from tests.harvest.written_manifests import Row, described, options, row, write_manifest

# All examples of a property test share one folder.
anyhow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
URL = "https://live.staticflickr.com/3456/3700000001_0000000001.jpg"


def read(path: Path) -> list[Row]:
    return [it for batch in open_manifest(path).batches() for it in batch.to_pylist()]


def refusal(path: Path) -> str:
    """Return the one line with which a manifest is refused."""
    with pytest.raises(HarvestError) as refused:
        open_list(path)
    line = str(refused.value)
    assert "\n" not in line
    assert str(path) in line
    assert len(line) < 700
    return line


class TestNames:
    def test_subsets_are_those_of_the_data_sets(self) -> None:
        assert set(manifest_rows.SUBSETS_BY_BITS.to_pylist()) == {None, *SUBSETS}


class TestReading:
    def test_rows_are_read_as_they_say(self, tmp_path: Path) -> None:
        rows = [
            row(1),
            row(2, server=None, secret=None, farm=None),
            row(3, modalities="text", tags_sha256=None, image_sha256=None, split="test"),
            row(4, photo_id="9999999999999999999", modalities="image+tags", text_sha256=None),
        ]
        path = write_manifest(tmp_path / "m.parquet", rows)
        assert read(path) == rows
        assert open_list(path).kind == "votes"

    def test_a_manifest_of_pairs(self, tmp_path: Path) -> None:
        rows = [row(n, votes=None, sentiment=1.5 - n, pair="brave_9-11") for n in range(3)]
        path = write_manifest(tmp_path / "m", rows, metadata=described(kind="sentiment"))
        assert read(path) == rows

    def test_the_url_is_not_read_as_a_column(self, tmp_path: Path) -> None:
        path = write_manifest(tmp_path / "m", [row(1, url=URL), row(2, server=None, url=None)])
        assert [sorted(it) for it in read(path)] == [sorted(SCHEMA.names)] * 2

    def test_the_order_is_that_of_numbers(self, tmp_path: Path) -> None:
        rows = [row(1, photo_id=photo_id) for photo_id in ("9", "10", "100")]
        assert read(write_manifest(tmp_path / "m", rows)) == rows


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
            found = read(path)
        except HarvestError:
            line = refusal(path)
            assert rows[1] != row(1)
            assert "row 2" in line or "row 3" in line
        else:
            assert found == rows


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
            found = read(tmp_path / "m")
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
        assert len(read(path)) == 4
        monkeypatch.setattr("flickr_emotion.harvest.manifests.file._MOST_ROWS_PER_GROUP", 3)
        assert "row group of 4 rows" in refusal(path)

    def test_more_bytes_than_rows_can_have(self, tmp_path: Path) -> None:
        line = refusal(write_manifest(tmp_path / "m", [row(1, pair="x" * 2_000_000)]))
        assert "bytes for 1 rows" in line


class TestMetadata:
    @pytest.mark.parametrize(
        ("metadata", "said"),
        [
            ("no json", "is not JSON"),
            ("[" * 50_000, "is not JSON"),
            ('{"version": NaN}', "version"),
            ("[1]", "version"),
            (described(version=3), "update the program"),
            (described(version=10**4000), "update the program"),
            (described(version=1), "image_size"),
            (described(image_size=...), "image_size"),
            (described(image_size="k"), "image_size"),
            (described(image_size=["b"]), "image_size"),
            (described(version="1"), "version"),
            (described(version=True), "version"),
            (described(version=0), "version"),
            (described(classes=...), "'classes'"),
            (described(owner="somebody"), "'owner'"),
            (described(kind="own"), "kind"),
            (described(kind=["votes"]), "kind"),
            (described(service="example.org"), "service"),
            (described(dataset_digest="0" * 63), "dataset_digest"),
            (described(dataset_digest=7), "dataset_digest"),
            (described(classes=[]), "classes"),
            (described(classes="awe"), "classes"),
            (described(classes=["awe", "fear", "awe"]), "duplicates"),
            (described(classes=["awe", "fear", "\x1b[31m"]), "printable"),
            (described(classes=["awe", "fear", "x" * 101]), "1 to 100 characters"),
            (described(classes=["awe", "fear", 7]), "printable"),
            (described(classes=["awe"]), "not one of the classes"),
            (described(options=[]), "options"),
            (described(options=options(min_votes="3")), "min_votes"),
            (described(options=options(min_votes=True)), "min_votes"),
            (described(options=options(max_words=10**7)), "max_words"),
            (described(options=options(min_words=200)), "min_words is more"),
            (described(options=options(short_side=1)), "short_side"),
            (described(options=options(seed=-1)), "seed"),
            (described(options=options(seed=...)), "seed"),
            (described(options=options(language="../en")), "language"),
            (described(options=options(language="english please")), "language"),
            (described(options=options(incomplete="maybe")), "incomplete"),
            (described(options=options(**{"rm -rf": 1})), "rm -rf"),
            (described(options=options(group_by={"a": 1})), "group_by"),
            (described(options=options(group_by="x" * 41)), "group_by"),
            (described(options=options(**{f"o{n}": 1 for n in range(60)})), "options"),
            (described(classes=["x" * 100 + str(n) for n in range(999)]), "bytes"),
        ],
    )
    def test_what_is_not_as_it_should_be(
        self, tmp_path: Path, metadata: dict[str, Any] | str, said: str
    ) -> None:
        line = refusal(write_manifest(tmp_path / "m", [row(1)], metadata=metadata))
        assert said in line
        assert line.isprintable()

    def test_options_of_later_builds_are_kept(self) -> None:
        later = options(group_by=["owner", "near-duplicate"], fold="2/5", engine=None)
        assert parse_description(json.dumps(described(options=later)).encode()).options == later

    @anyhow
    @given(
        name=st.sampled_from(sorted(described())),
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
            lambda inner: (
                st.lists(inner, max_size=5)
                | st.dictionaries(st.text(max_size=10), inner, max_size=5)
            ),
            max_leaves=10,
        ),
    )
    def test_any_value_is_refused_or_kept(self, name: str, value: Any) -> None:
        content = described(**{name: value})
        said, found = "", None
        try:
            found = parse_description(json.dumps(content).encode())
        except ValueError as error:
            said = str(error)
        assert said.isprintable()
        assert len(said) < 400
        assert said or (found and json.loads(found.to_json()) == content)


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger(tmp_path / FILE_NAME, create=True) as opened:
        yield opened


def add(ledger: Ledger, path: Path) -> None:
    add_list(ledger, open_list(path), lambda line: None)


def contents(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("photos", "listed", "manifest_posts", "files", "meta")
    return {name: [tuple(it) for it in ledger.query(f"SELECT * FROM {name}")] for name in tables}


class TestIntoTheLedger:
    def test_votes(self, tmp_path: Path, ledger: Ledger) -> None:
        rows = [row(0), row(1, server=None, secret=None), row(2, split="test", votes=4)]
        add(ledger, write_manifest(tmp_path / "m.bin", rows))
        posts = ledger.query("SELECT * FROM manifest_posts ORDER BY photo_id")
        assert [tuple(it) for it in posts] == [
            (it["photo_id"], it["label"], it["votes"], None, it["split"], it["modalities"])
            for it in rows
        ]
        listed = ledger.query("SELECT file, row, photo_id, emotion, pair FROM listed")
        assert [tuple(it) for it in listed] == [
            ("m.bin", number, it["photo_id"], it["label"], None)
            for number, it in enumerate(rows, start=1)
        ]
        due = ledger.query("SELECT photo_id FROM photos WHERE image_next_try IS NOT NULL")
        assert {it["photo_id"] for it in due} == {rows[0]["photo_id"], rows[2]["photo_id"]}
        assert ledger.left("api") == 3
        assert ledger.meta("kind") == "votes"
        assert json.loads(ledger.meta("manifest") or "") == described()

    def test_photos_are_asked_for_pair_by_pair(self, tmp_path: Path, ledger: Ledger) -> None:
        pairs = ["old_house", "cute_dog", None, "old_house", "cute_dog"]
        rows = [row(n, votes=None, sentiment=1.0, pair=pair) for n, pair in enumerate(pairs)]
        path = write_manifest(tmp_path / "m", rows, metadata=described(kind="sentiment"))
        add(ledger, path)
        asked = ledger.query(
            "SELECT pair FROM photos JOIN listed USING (photo_id) ORDER BY photos.rowid"
        )
        assert [it["pair"] for it in asked] == [
            None, "cute_dog", "cute_dog", "old_house", "old_house",
        ]  # fmt: skip

    def test_the_same_again_changes_nothing(self, tmp_path: Path, ledger: Ledger) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2)])
        add(ledger, path)
        ledger.record_final_post(row(1)["photo_id"], "gone", "1")
        before = contents(ledger)
        add(ledger, path.rename(tmp_path / "another name"))
        assert contents(ledger) == before

    def test_another_manifest_is_refused(self, tmp_path: Path, ledger: Ledger) -> None:
        add(ledger, write_manifest(tmp_path / "a", [row(1)]))
        before = contents(ledger)
        other = write_manifest(tmp_path / "b", [row(1, split="test")])
        with pytest.raises(HarvestError, match="contains the manifest a, and"):
            add(ledger, other)
        assert contents(ledger) == before

    def test_lists_and_manifests_do_not_mix(self, tmp_path: Path) -> None:
        manifest = write_manifest(tmp_path / "m", [row(1)])
        votes = write_votes(tmp_path / "list", [post(1)])
        for first, second, said in (
            (manifest, votes, "takes no list"),
            (votes, manifest, "takes no manifest"),
        ):
            with Ledger(tmp_path / f"{first.name}.sqlite", create=True) as ledger:
                add(ledger, first)
                before = contents(ledger)
                with pytest.raises(HarvestError, match=said):
                    add(ledger, second)
                assert contents(ledger) == before

    def test_a_manifest_that_changes_while_it_is_read_leaves_nothing(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2)])
        opened = open_list(path)
        write_manifest(path, [row(1), row(2, label="joy")])
        before = contents(ledger)
        with pytest.raises(HarvestError, match="row 2"):
            add_list(ledger, opened, lambda line: None)
        assert contents(ledger) == before
        assert ledger.query("SELECT name FROM sqlite_temp_master") == []

    @pytest.mark.parametrize("version", [1, 2, 3])
    def test_ledgers_of_older_versions_become_new_ones(self, tmp_path: Path, version: int) -> None:
        path = tmp_path / FILE_NAME
        Ledger(path, create=True).close()
        with sqlite3.connect(path) as connection:
            for table in ("evidence", "places", "withdrawals"):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("ALTER TABLE photos DROP COLUMN file_secret")
            if version < 3:
                connection.execute("DROP TABLE manifest_posts")
            if version == 1:
                for index in ("photos_outcomes", "listed_pair", "listed_emotion"):
                    connection.execute(f"DROP INDEX {index}")
                connection.execute("DROP TABLE windows")
                connection.execute("ALTER TABLE photos DROP COLUMN owner_name")
                connection.execute("ALTER TABLE photos DROP COLUMN api_source")
                connection.execute("ALTER TABLE pairs DROP COLUMN search_count")
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        with Ledger(path, create=True) as ledger:
            add(ledger, write_manifest(tmp_path / "m", [row(1)]))
            assert len(ledger.query("SELECT * FROM manifest_posts")) == 1
            assert ledger.query("PRAGMA user_version")[0][0] == VERSION


class TestCrawl:
    def test_a_manifest_is_crawled_and_continued(self, tmp_path: Path) -> None:
        posts = [*(post(n) for n in range(6)), post(6, status="deleted")]
        path = write_manifest(
            tmp_path / "m.csv", [row(n, photo_id=it.photo_id) for n, it in enumerate(posts)]
        )
        with SandboxServer(Corpus(posts), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(path, tmp_path / "h", server)
            report = crawl(asked, lambda line: None)
            assert (report.photos, report.lost, report.rejected) == (7, 0, 0)
            calls = server.stats.api.total()
            crawl(asked, lambda line: None)
            assert server.stats.api.total() == calls
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (6, 1)
        assert status["image"]["ok"] == 6

    def test_a_refused_manifest_leaves_no_harvest(self, tmp_path: Path) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2, label="joy")])
        with SandboxServer(Corpus([post(1)]), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(path, tmp_path / "h", server)
            with pytest.raises(HarvestError, match="row 2"):
                crawl(asked, lambda line: None)
        assert not (tmp_path / "h").exists()

    def test_a_manifest_cannot_be_combined_with_lists(self, tmp_path: Path) -> None:
        manifest = write_manifest(tmp_path / "m", [row(1)])
        votes = write_votes(tmp_path / "list", [post(1)])
        with SandboxServer(Corpus([post(1)]), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(
                manifest, tmp_path / "h", server, published_lists=(manifest, votes)
            )
            with pytest.raises(HarvestError, match="cannot be combined"):
                crawl(asked, lambda line: None)
        assert not (tmp_path / "h").exists()

    def test_a_folder_with_a_manifest_and_a_list_is_the_list(self, tmp_path: Path) -> None:
        write_vso_lists(tmp_path, {"happy_dog": [(url_of(post(1)), "a")]}, {"happy_dog": (1.0, 9)})
        write_manifest(tmp_path / "m.parquet", [row(1)])
        assert open_list(tmp_path).manifest is None


@given(
    st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.integers(0, 9)), max_size=8),
    st.integers(0, 8),
)
def test_the_digest_does_not_depend_on_the_batches(
    rows: list[tuple[str | None, int | None]], cut: int
) -> None:
    """The size of pieces does not matter; another value, or one in another row, does."""

    def table(some: list[tuple[str | None, int | None]]) -> pa.Table:
        texts, numbers = [it[0] for it in some], [it[1] for it in some]
        halves = [None if it is None else bytes([it]) * 16 for it in numbers]
        return pa.table(
            {
                "text": pa.array(texts, pa.string()),
                "number": pa.array(numbers, pa.int32()),
                "half": pa.array(halves, pa.binary(16)),
            }
        )

    def digest(*pieces: pa.Table) -> str:
        found = RowsDigest(["text", "number", "half"])
        for piece in pieces:
            found.add(piece)
        return found.of(b"described")

    whole = table(rows)
    assert digest(whole) == digest(whole.slice(0, cut), whole.slice(cut))
    assert digest(whole) == digest(*[table([it]) for it in rows])
    if rows[::-1] != rows:
        assert digest(whole) != digest(table(rows[::-1]))
    assert digest(whole) != digest(table([*rows, ("", 0)]))
