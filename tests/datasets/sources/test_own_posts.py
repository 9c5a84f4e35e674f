"""The user's own labelled posts as a source."""

import csv
import io
import json
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.cells.tags import MARKS
from flickr_emotion.datasets.sources.own_posts import OwnPosts, prepare
from flickr_emotion.datasets.sources.raw_posts import RAW_SCHEMA, Source

POSTS = [
    {"photo_id": "a", "text": "one", "tags": ["x", "y"], "label": "cat"},
    {"photo_id": "b", "text": None, "tags": [], "label": " dog "},
    {"photo_id": "c", "text": "three", "tags": None, "label": None},
]


def parquet(folder: Path, rows: Any, **options: Any) -> Path:
    path = folder / "posts.parquet"
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    pq.write_table(table, path, **options)
    return path


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "posts.csv"
    path.write_bytes(text.encode(encoding))
    return path


def everything(source: OwnPosts, size: int = 100) -> list[dict[str, Any]]:
    rows = [row for first, last in source.ranges(size) for row in source.read(first, last)]
    whole: list[dict[str, Any]] = pa.Table.from_pylist(rows, schema=RAW_SCHEMA).to_pylist()
    return whole


def rows_of(
    path: Path, workspace: Path, *, min_votes: int = 3, **options: Any
) -> list[dict[str, Any]]:
    return everything(prepare(path, workspace, min_votes=min_votes, **options))


def refused(path: Path, workspace: Path, **options: Any) -> str:
    with pytest.raises(DatasetError) as raised:
        rows_of(path, workspace, **options)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    return message


class TestRows:
    def test_labels_texts_and_tags(self, tmp_path: Path) -> None:
        rows = rows_of(parquet(tmp_path, POSTS), tmp_path)
        assert [row["photo_id"] for row in rows] == ["a", "b", "c"]
        assert [row["label"] for row in rows] == ["cat", "dog", None]
        assert [row["reason"] for row in rows] == [None, None, "no-label"]
        assert [row["description"] for row in rows] == ["one", None, "three"]
        assert [row["tags"] for row in rows] == [["x", "y"], [], []]
        assert [row["source"] for row in rows] == [f"posts.parquet:{n}" for n in (1, 2, 3)]

    def test_title_and_description(self, tmp_path: Path) -> None:
        rows = [{"photo_id": 7, "title": "A", "description": "<b>b</b>", "label": "x"}]
        (row,) = rows_of(parquet(tmp_path, rows), tmp_path)
        assert (row["photo_id"], row["title"], row["description"]) == ("7", "A", "<b>b</b>")

    def test_a_column_text_replaces_title_and_description(self, tmp_path: Path) -> None:
        rows = [{"photo_id": "7", "title": "A", "text": "whole", "label": "x"}]
        (row,) = rows_of(parquet(tmp_path, rows), tmp_path)
        assert (row["title"], row["description"]) == (None, "whole")

    def test_too_few_votes(self, tmp_path: Path) -> None:
        votes = [2, 3, None]
        rows = [
            {"photo_id": str(n), "text": "t", "label": "x", "votes": v} for n, v in enumerate(votes)
        ]
        read = rows_of(parquet(tmp_path, rows), tmp_path)
        assert [(r["votes"], r["reason"]) for r in read] == [(2, "votes"), (3, None), (None, None)]

    def test_owner_and_licence(self, tmp_path: Path) -> None:
        rows = [{"photo_id": "1", "text": "t", "label": 4, "owner": 12, "license": "CC0"}]
        (row,) = rows_of(parquet(tmp_path, rows), tmp_path)
        assert (row["label"], row["owner"], row["license"]) == ("4", "12", "CC0")

    @pytest.mark.parametrize(
        ("cell", "data", "name"),
        [
            (b"jpeg", b"jpeg", None),
            ("pictures/1.jpg", None, "pictures/1.jpg"),
            ("/elsewhere/1.jpg", None, "/elsewhere/1.jpg"),
            ({"bytes": b"jpeg", "path": "1.jpg"}, b"jpeg", None),
            ({"bytes": None, "path": "1.jpg"}, None, "1.jpg"),
            (" ", None, None),
        ],
    )
    def test_pictures(
        self, tmp_path: Path, cell: Any, data: bytes | None, name: str | None
    ) -> None:
        rows = [{"photo_id": "1", "image": cell, "label": "x"}]
        (row,) = rows_of(parquet(tmp_path, rows), tmp_path)
        assert row["image_bytes"] == data
        assert row["image_path"] == (str(tmp_path / name) if name else None)
        assert row["image_sha256"] is None

    def test_what_pandas_writes(self, tmp_path: Path) -> None:
        frame = pd.DataFrame(
            {
                "photo_id": [10, 11, 12],
                "label": pd.Categorical(["joy", "fear", "joy"]),
                "votes": [5, None, 4],
                "text": [None, None, None],
                "image": [float("nan")] * 3,
                "tags": ["a,b", "", None],
            }
        )
        frame.to_parquet(tmp_path / "posts.parquet")
        rows = rows_of(tmp_path / "posts.parquet", tmp_path)
        assert [row["label"] for row in rows] == ["joy", "fear", "joy"]
        assert [row["votes"] for row in rows] == [5, None, 4]
        assert [row["tags"] for row in rows] == [["a", "b"], [], []]
        assert (
            {row["image_bytes"] for row in rows} == {row["description"] for row in rows} == {None}
        )

    def test_real_posts(self, shared_data: Path, tmp_path: Path) -> None:
        source = prepare(shared_data / "mvsa.parquet", tmp_path, min_votes=3)
        read = 0
        expected = pq.read_table(shared_data / "mvsa.parquet")
        for first, last in source.ranges(500):
            assert last - first <= 500
            batch = source.read(first, last)
            there = expected.slice(first, last - first)
            for name, theirs in (("image_bytes", "image"), ("description", "description")):
                assert [row.get(name) for row in batch] == there.column(theirs).to_pylist()
            assert [row.get("label") for row in batch] == there.column("label").to_pylist()
            read += len(batch)
        assert read == 3376
        assert not list(tmp_path.iterdir())


class TestCsv:
    def test_odd_quoting(self, tmp_path: Path) -> None:
        text = (
            "label,photo_id,text,tags,image,votes\r\n"
            'joy,1,"He said ""no"", and\r\nleft","a, b c",one.jpg,5\r\n'
            "\r\n"
            "fear,002,'single',,,\r\n"
            '"",3, ,"x",, 4 \r\n'
        )
        rows = rows_of(csv_file(tmp_path, "\ufeff" + text), tmp_path)
        assert [row["photo_id"] for row in rows] == ["1", "002", "3"]
        assert rows[0]["description"] == 'He said "no", and\r\nleft'
        assert [row["tags"] for row in rows] == [["a", " b c"], [], ["x"]]
        assert rows[0]["image_path"] == str(tmp_path / "one.jpg")
        assert [row["votes"] for row in rows] == [5, None, 4]
        assert [row["reason"] for row in rows] == [None, None, "no-label"]
        assert [row["source"] for row in rows] == [f"posts.csv:{n}" for n in (1, 2, 3)]

    def test_what_pandas_writes(self, tmp_path: Path) -> None:
        texts = ['a "quoted", text', "two\nlines", "", "übermäßig 日本"]
        frame = pd.DataFrame({"photo_id": range(4), "text": texts, "label": "x", "votes": [5] * 4})
        frame.to_csv(tmp_path / "posts.csv", index=False)
        rows = rows_of(tmp_path / "posts.csv", tmp_path)
        assert [row["description"] or "" for row in rows] == texts

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
                    lambda text: text not in MARKS  # they are read as nothing
                ),
                st.sampled_from(["joy", "", "fear"]),
                st.one_of(st.none(), st.integers(0, 9)),
            ),
            min_size=1,
            max_size=20,
        )
    )
    @settings(max_examples=60, deadline=None)  # it writes files
    def test_any_cells_are_read_back(self, cells: list[tuple[str, str, int | None]]) -> None:
        with TemporaryDirectory() as name:
            out = io.StringIO()
            writer = csv.writer(out)
            writer.writerow(["photo_id", "text", "label", "votes", "tags"])
            for number, (text, label, votes) in enumerate(cells):
                writer.writerow([number, text, label, votes, "a,b"])
            rows = rows_of(csv_file(Path(name), out.getvalue()), Path(name))
        assert [(r["description"] or "", r["label"] or "", r["votes"]) for r in rows] == cells

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty: give a table of posts"),
            ("photo_id,label,text\n", "has no rows"),
            ("photo_id,label,text\n1,x\n", "line 2, has 2 cells and the header 3"),
            ("photo_id,label,text\n1,x,a,b\n", "line 2, has 4 cells"),
            ("photo_id,label,label,text\n1,x,y,t\n", "two columns 'label'"),
            ('photo_id,label,text\n1,x,"a" b\n', "cannot be read"),
            ('photo_id,label,text\n1,x,"a\n', "cannot be read"),
            ("photo_id,label,text,votes\n1,x,t,many\n", "row 1: votes are 'many'"),
            ("photo_id,label,text,votes\n1,x,t,3.5\n", "row 1: votes are '3.5'"),
            ("photo_id,label,text,votes\n1,x,t,99999999999\n", "row 1: votes are 99999999999"),
            ("photo_id,label,text\n,x,t\n", "row 1: the photo_id '' is not valid"),
        ],
    )
    def test_refused(self, tmp_path: Path, text: str, message: str) -> None:
        assert message in refused(csv_file(tmp_path, text), tmp_path)

    def test_another_encoding(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "photo_id,label,text\n1,x,déjà\n", "cp1252")
        (row,) = rows_of(path, tmp_path)
        assert row["description"] == "déjà"
        assert "cannot be read as ascii" in refused(path, tmp_path, encoding="ascii")


class TestRefused:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"photo_id": "1", "text": "t"}], "no column 'label'"),
            ([{"label": "1", "photo_id": "t"}], "none of the columns image, text"),
            ([{"label": 1.5, "photo_id": "t", "text": "t"}], "the column label is double"),
            ([{"label": "x", "photo_id": 1.5, "text": "t"}], "the column photo_id is double"),
            ([{"label": "x", "photo_id": "1", "text": 3}], "the column text is int64"),
            ([{"label": "x", "photo_id": "1", "tags": [1]}], "the column tags is list"),
            ([{"label": "x", "photo_id": "1", "image": 1}], "the column image is int64"),
            (
                [{"label": "x", "photo_id": "1", "text": "t", "votes": "five"}],
                "row 1: votes are 'five'",
            ),
            ([{"label": "x", "photo_id": "1", "text": "t", "votes": -1}], "row 1: votes are -1"),
            ([{"label": "x", "photo_id": "1", "text": "t", "votes": 2.5}], "row 1: votes are 2.5"),
            ([{"label": "x\ny", "photo_id": "1", "text": "t"}], "row 1: the label"),
            ([{"label": "x" * 101, "photo_id": "1", "text": "t"}], "row 1: the label"),
            *(
                ([{"label": "x", "photo_id": name, "text": "t"}], "row 1: the photo_id")
                for name in ("", " ", "a\0", "a\u2028b", "x" * 201)
            ),
            ([{"label": "x", "photo_id": "1", "image": "a\0b"}], "row 1: the path of the picture"),
        ],
    )
    def test_contents(self, tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
        assert message in refused(parquet(tmp_path, rows), tmp_path)

    def test_votes_that_are_infinite(self, tmp_path: Path) -> None:
        rows = [{"label": "x", "photo_id": "1", "text": "t", "votes": float("inf")}]
        assert "row 1: votes are inf" in refused(parquet(tmp_path, rows), tmp_path)

    def test_a_duplicate_id(self, tmp_path: Path) -> None:
        rows = [{"photo_id": str(n % 900), "label": "x", "text": "t"} for n in range(1000)]
        message = refused(parquet(tmp_path, rows, row_group_size=64), tmp_path)
        assert "rows 1 and 901 have the same photo_id '0'" in message

    def test_no_rows_no_file_or_not_parquet(self, tmp_path: Path) -> None:
        empty = pa.table({"photo_id": pa.array([], pa.string()), "label": [], "text": []})
        assert "no rows" in refused(parquet(tmp_path, empty), tmp_path)
        (tmp_path / "posts.parquet").write_bytes(b"PAR1 or so")
        assert "cannot be read" in refused(tmp_path / "posts.parquet", tmp_path)
        for name in ("absent.parquet", "absent.csv"):
            assert "is not there" in refused(tmp_path / name, tmp_path)

    def test_text_that_is_not_utf8(self, tmp_path: Path) -> None:
        bad = pa.array([b"\xff\xfe"]).cast(pa.binary()).view(pa.string())
        table = pa.table({"photo_id": ["1"], "label": ["x"], "text": bad})
        assert "cannot be read" in refused(parquet(tmp_path, table), tmp_path)


class TestRanges:
    @given(st.integers(1, 300), st.integers(1, 80), st.integers(1, 90), st.booleans())
    @settings(max_examples=40, deadline=None)  # it writes files
    def test_they_cover_every_row_once(
        self, count: int, group: int, size: int, as_csv: bool
    ) -> None:
        rows = [{"photo_id": f"p{n}", "label": "x", "text": f"text {n}"} for n in range(count)]
        with TemporaryDirectory() as name:
            folder = Path(name)
            if as_csv:
                pd.DataFrame(rows).to_csv(folder / "posts.csv", index=False)
                source = prepare(folder / "posts.csv", folder, min_votes=3)
            else:
                path = parquet(folder, rows, row_group_size=group)
                source = prepare(path, folder, min_votes=3)
            ranges = source.ranges(size)
            read = everything(source, size)
        assert [first for first, _ in ranges] == [0, *(last for _, last in ranges[:-1])]
        assert ranges[-1][1] == count
        assert all(0 < last - first <= size for first, last in ranges)
        assert [row["photo_id"] for row in read] == [row["photo_id"] for row in rows]
        assert [row["description"] for row in read] == [row["text"] for row in rows]

    def test_one_large_row_group_is_rewritten(self, tmp_path: Path) -> None:
        rows = [{"photo_id": str(n), "label": "x", "text": "t"} for n in range(30_000)]
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        path = parquet(tmp_path, rows, row_group_size=30_000)
        source = prepare(path, workspace, min_votes=3)
        assert source.path.parent == workspace
        last = source.read(29_990, 30_000)
        assert [row["source"] for row in last] == [
            f"posts.parquet:{n}" for n in range(29_991, 30_001)
        ]

    def test_it_can_be_sent_to_other_processes(self, tmp_path: Path) -> None:
        rows = [{"photo_id": str(n), "label": "x", "text": "t"} for n in range(100)]
        path = parquet(tmp_path, rows, row_group_size=10)
        source: Source = prepare(path, tmp_path, min_votes=3)
        assert pickle.loads(pickle.dumps(source)) == source
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            read = pool.submit(source.read, 40, 60).result()
        assert [row["photo_id"] for row in read] == [str(n) for n in range(40, 60)]

    @pytest.mark.slow
    def test_memory_stays_small_however_large_the_file(self, tmp_path: Path) -> None:
        """400 MB of pictures in one row group, read in ranges by a process of its own."""
        picture = bytes(range(256)) * 400
        schema = pa.schema(
            [("photo_id", pa.string()), ("label", pa.string()), ("image", pa.binary())]
        )
        count = 4000
        columns = [
            [str(n) for n in range(count)],
            ["x"] * count,
            [n.to_bytes(8, "big") + picture for n in range(count)],
        ]
        table = pa.table(
            [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
        )
        path = parquet(tmp_path, table, row_group_size=count, use_dictionary=False)
        del table, columns
        code = (
            "import json, resource, sys\n"
            "from pathlib import Path\n"
            "from flickr_emotion.datasets.sources.own_posts import prepare\n"
            "import pyarrow.parquet\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "source = prepare(Path(sys.argv[1]), Path(sys.argv[2]), min_votes=3)\n"
            "rows = sum(len(source.read(*each)) for each in source.ranges(200))\n"
            "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "print(json.dumps([rows, (after - before) // 1024]))\n"
        )
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(workspace)],
            capture_output=True,
            text=True,
            check=True,
            cwd=PROJECT,
        )
        rows, megabytes = json.loads(done.stdout)
        assert rows == count
        assert megabytes < 300
