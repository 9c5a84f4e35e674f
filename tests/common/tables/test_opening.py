"""Tables in every form in which people keep them."""

import gzip
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.tables.opening import (
    always,
    looks_like_header,
    open_table,
    table_members,
)
from flickr_emotion.common.tables.table import TableError

COLUMNS = ("id", "label", "text")
ROWS = [("1", "awe", "Café am Fluß"), ("2", None, "déjà, vu"), ("3", "fear", 'a "quote" | x')]
COMMAS = 'id,label,text\n1,awe,Café am Fluß\n2,,"déjà, vu"\n3,fear,"a ""quote"" | x"\n'  # RFC 4180
TABS = 'id\tlabel\ttext\n1\tawe\tCafé am Fluß\n2\t\tdéjà, vu\n3\tfear\t"a ""quote"" | x"\n'
SEMICOLONS = 'id;label;text\n1;awe;Café am Fluß\n2;;déjà, vu\n3;fear;"a ""quote"" | x"\n'
LINES = "".join(
    json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in ROWS
)
TEXTS = {
    "commas": COMMAS.encode(),
    "with a mark": COMMAS.encode("utf-8-sig"),
    "tabs": TABS.encode(),
    "semicolons": SEMICOLONS.encode(),
    "bars": b"id|label|text\n1|awe|Caf\xc3\xa9 am Flu\xc3\x9f\n2||d\xc3\xa9j\xc3\xa0, vu\n"
    b'3|fear|"a ""quote"" | x"\n',
    "Excel's first line": ("sep=;\n" + SEMICOLONS).encode(),
    "Excel's Unicode text": TABS.encode("utf-16"),
    "UTF-16 without a mark": TABS.encode("utf-16-le"),
    "cp1252": SEMICOLONS.encode("cp1252"),
    "Windows' line ends": COMMAS.replace("\n", "\r\n").encode(),
    "old line ends": COMMAS.replace("\n", "\r").encode(),
    "blanks after commas": 'id, label, text\n1, awe, Café am Fluß\n2,, "déjà, vu"\n'
    '3, fear, "a ""quote"" | x"\n'.encode(),
    "cleared cells": (
        'id,label,text,,\n1,awe,Café am Fluß,,\n2,,"déjà, vu",,\n,,,,\n'
        '3,fear,"a ""quote"" | x",,\n,,,,\n'
    ).encode(),
    "JSON lines": LINES.encode(),
    "a JSON list": b"[" + ",\n".join(LINES.splitlines()).encode() + b"]",
    "gzip": gzip.compress(COMMAS.encode()),
}


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    return path


class TestText:
    @pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
    def test_every_form_is_the_same_table(self, tmp_path: Path, content: bytes) -> None:
        table = open_table(written(tmp_path, content))
        assert table.columns == COLUMNS
        assert [row.values for row in table.rows()] == ROWS

    def test_what_was_guessed_is_said(self, tmp_path: Path) -> None:
        table = open_table(written(tmp_path, TEXTS["cp1252"]))
        assert table.notes == (
            "read as cp1252; give --encoding if that is wrong",
            "cells separated by ;",
        )

    def test_the_encoding_can_be_given(self, tmp_path: Path) -> None:
        path = written(tmp_path, "id,text\n1,Łódź\n".encode("cp1250"))
        assert [row.values for row in open_table(path, encoding="cp1250").rows()] == [("1", "Łódź")]
        with pytest.raises(TableError, match="--encoding 'klingon' is not known"):
            open_table(path, encoding="klingon")

    def test_one_damaged_line_is_named(self, tmp_path: Path) -> None:
        """The other lines would become another text under any other encoding."""
        path = written(tmp_path, COMMAS.encode() + b"4,awe,caf\xe9\n")
        with pytest.raises(TableError, match="line 5, is not UTF-8"):
            open_table(path)
        assert [row.values for row in open_table(path, lenient=True).rows()][3][2] == "caf�"

    def test_rows_are_counted_as_an_editor_does(self, tmp_path: Path) -> None:
        path = written(tmp_path, b'id,text\n\n1,"two\nlines"\n2,x\n')
        assert [row.number for row in open_table(path).rows()] == [3, 5]

    def test_a_row_of_another_length_is_refused_unless_wanted(self, tmp_path: Path) -> None:
        path = written(tmp_path, b"id,text\n1,a\n2,b,c\n3\n")
        with pytest.raises(TableError, match="line 3, has 3 cells and the header 2"):
            list(open_table(path).rows())
        rows = open_table(path).rows(ragged=True)
        assert [row.values for row in rows] == [("1", "a"), ("2", "b", "c"), ("3",)]

    @pytest.mark.parametrize("end", [b'2,"b\n3,c\n', b'2,"b"c\n'])
    def test_an_unclosed_quote_is_named(self, tmp_path: Path, end: bytes) -> None:
        with pytest.raises(TableError, match="unclosed quote"):
            list(open_table(written(tmp_path, b"id,text\n1,a\n" + end)).rows())

    def test_quotes_of_tweets(self, tmp_path: Path) -> None:
        """Tabs separate cells that begin or end with any quote; with commas it is a mistake."""
        rows = ['1\t"never closed', '2\t"quoted" and on', "3\tplain"]
        path = written(tmp_path, "\n".join(["id\ttext", *rows, ""]).encode())
        table = open_table(path)
        assert [row.values for row in table.rows()] == [tuple(row.split("\t")) for row in rows]
        assert table.notes == ("cells separated by tabs", "quotes are letters like any other")
        written(tmp_path, path.read_bytes().replace(b"\t", b","))
        with pytest.raises(TableError, match="unclosed quote"):
            list(open_table(path).rows())

    def test_numbers_of_json(self, tmp_path: Path) -> None:
        path = written(tmp_path, b'{"a": 1.0, "b": NaN}\n{"a": 0.5, "b": [2.0]}\n')
        rows = [row.values for row in open_table(path).rows()]
        assert rows == [(1, None), (0.5, [2])]
        assert type(rows[0][0]) is int

    def test_a_list_without_header(self, tmp_path: Path) -> None:
        path = written(tmp_path, b"awe,http://farm4.staticflickr.com/1/2_3.jpg,1,4\n")
        table = open_table(path)
        assert table.columns is None
        assert len(next(table.rows()).values) == 4
        assert open_table(path, has_header=always).columns is not None

    def test_one_picture_a_line(self, tmp_path: Path) -> None:
        table = open_table(written(tmp_path, b"http://flic.kr/p/a\n\nflic.kr/p/b\n123\n"))
        assert table.columns is None
        assert [row.values[0] for row in table.rows()] == [
            "http://flic.kr/p/a",
            "flic.kr/p/b",
            "123",
        ]

    @pytest.mark.parametrize("cells", [["awe", "1"], ["flic.kr/p/b"], ["a.JPG"], [""], ["-3.5"]])
    def test_what_is_no_header(self, cells: list[str]) -> None:
        assert not looks_like_header(cells)


class TestPacked:
    def test_zip(self, tmp_path: Path) -> None:
        path = tmp_path / "table.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/table.csv", COMMAS)
            archive.writestr("__MACOSX/a/._table.csv", "x")
        assert [row.values for row in open_table(path).rows()] == ROWS

    def test_several_files(self, tmp_path: Path) -> None:
        path = tmp_path / "table.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", COMMAS)
            archive.writestr("b.csv", "id\n7\n")
        with pytest.raises(TableError, match="holds 2 files"):
            open_table(path)
        assert table_members(path) == ["a.csv", "b.csv"]
        assert [row.values for row in open_table(path, member="b.csv").rows()] == [("7",)]

    def test_parquet_in_gzip(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "t.parquet")
        path = written(tmp_path, gzip.compress((tmp_path / "t.parquet").read_bytes()))
        assert [row.values for row in open_table(path).rows()] == [(1,), (2,)]

    @pytest.mark.parametrize("content", [b"x" * 2**23, b"id,text\n" * 2**20])
    def test_a_bomb(self, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("flickr_emotion.common.tables.containers._SMALL", 2**20)
        path = written(tmp_path, gzip.compress(content, 9))
        with pytest.raises(TableError, match="unpacks to more than 200 times its size"):
            open_table(path)

    def test_damage(self, tmp_path: Path) -> None:
        packed = gzip.compress((COMMAS * 100).encode())
        with pytest.raises(TableError, match="is damaged"):
            open_table(written(tmp_path, packed[:-20]))


class TestParquet:
    def test_types(self, tmp_path: Path) -> None:
        """Whole numbers are whole numbers, whatever they are stored as."""
        columns = {
            "float": pa.array([1.0, None, 0.5]),
            "decimal": pa.array([Decimal("5.00"), None, Decimal("0.25")]),
            "category": pa.array(["a", None, "b"]).dictionary_encode(),
            "day": pa.array([date(2020, 1, 2), None, None]),
            "a.b": pa.array(["x", "y", None], pa.large_string()),
            "list": pa.array([[1.0], None, []]),
            "huge": pa.array([1e300, float("nan"), -0.0]),
        }
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        table = open_table(tmp_path / "t.parquet")
        assert table.columns == tuple(columns)
        assert [row.values for row in table.rows()] == [
            (1, 5, "a", "2020-01-02", "x", [1], 1e300),
            (None, None, None, None, "y", None, None),
            (0.5, 0.25, "b", None, None, [], 0),
        ]

    def test_names_of_classes(self, tmp_path: Path) -> None:
        features = {"label": {"_type": "ClassLabel", "names": ["calm", "wild"]}}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = pa.table({"label": [1, 0, -1, 7, None]}).replace_schema_metadata(metadata)
        pq.write_table(table, tmp_path / "t.parquet")
        labels = [row.values[0] for row in open_table(tmp_path / "t.parquet").rows()]
        assert labels == ["wild", "calm", None, 7, None]

    @pytest.mark.parametrize("metadata", [b"[]", b"{", b'{"info": {"features": {"label": 1}}}'])
    def test_metadata_that_is_none(self, tmp_path: Path, metadata: bytes) -> None:
        table = pa.table({"label": [1]}).replace_schema_metadata({"huggingface": metadata})
        pq.write_table(table, tmp_path / "t.parquet")
        assert [row.values for row in open_table(tmp_path / "t.parquet").rows()] == [(1,)]


class TestNoTable:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "is a picture"),
            (b"SQLite format 3\0", "is an SQLite database"),
            (bytes(range(256)) * 20, "neither a text nor Parquet"),
            (b'{"a": 1}\n{"a": 1\n', "line 2, is not JSON"),
            (b'{"a": 1}\n[1]\n', "line 2, is not a JSON object"),
            (b"[" * 100_000, "is not JSON"),
            (b"PAR1", "cannot be read"),
        ],
    )
    def test_it_is_said_in_one_line(self, tmp_path: Path, content: bytes, message: str) -> None:
        with pytest.raises(TableError, match=message) as raised:
            list(open_table(written(tmp_path, content)).rows())
        assert "\n" not in str(raised.value)

    def test_a_workbook(self, tmp_path: Path) -> None:
        path = tmp_path / "table.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "")
        with pytest.raises(TableError, match="Excel workbook: save it as CSV"):
            open_table(path)

    def test_a_line_without_end(self, tmp_path: Path) -> None:
        with pytest.raises(TableError, match="line 1, is longer than"):
            open_table(written(tmp_path, b"x" * (2**23 + 1)))

    def test_nothing_is_there(self, tmp_path: Path) -> None:
        with pytest.raises(TableError, match="No such file"):
            open_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"id":{"0":1,"1":2},"text":{"0":"a","1":"b"}}',
            'one object for each column: .*orient="records"',
        ),
        (
            '{\n "posts": [{"id": 1}]\n}\n',
            "is one JSON object of several lines: give one object a line",
        ),
    ],
)
def test_json_that_is_no_table_says_what_to_write(tmp_path: Path, content: str, said: str) -> None:
    """`DataFrame.to_json` without options was "row 1: text holds dict"."""
    with pytest.raises(TableError, match=said):
        open_table(written(tmp_path, content.encode()))


def test_a_json_list_of_texts_has_one_column(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, b'["a", "b"]'))
    assert table.columns == ("column 1",)
    assert [row.values for row in table.rows()] == [("a",), ("b",)]
