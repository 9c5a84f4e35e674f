"""A table of corrections: what is read, what is refused and where."""

import re
from pathlib import Path

import pytest

from flickr_emotion.datasets.corrections.table import (
    Correction,
    read_corrections,
    write_corrections,
)
from flickr_emotion.datasets.errors import DatasetError

HEAD = "photo_id,what,was,label,why,when\n"
WHEN = "2026-11-30T12:00:00Z"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    there = {
        "1": Correction(photo_id="1", what="wrong-label", was="awe", label="fear", when=WHEN),
        "2": Correction(
            photo_id="2", what="unfit", was="awe", why='a "logo",\nno photo', when=WHEN
        ),
        "=1+1": Correction(photo_id="=1+1", what="wrong-label", was="awe", when=WHEN),
    }
    write_corrections(there, tmp_path / "c.csv")
    assert read_corrections(tmp_path / "c.csv") == there
    assert (tmp_path / "c.csv").read_text(encoding="utf-8").startswith(HEAD)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (f"1,bad,awe,,,{WHEN}\n", ":2: 'what' is 'bad': give wrong-label or unfit"),
        (f",unfit,awe,,,{WHEN}\n", ":2: it names no post"),
        (f"1,unfit,awe,fear,,{WHEN}\n", ":2: it gives a label, but 'what' is unfit"),
        (f"1,wrong-label,awe,awe,,{WHEN}\n", ":2: the label 'awe' is the one that was wrong"),
        (f"1,wrong-label,awe,{'x' * 101},,{WHEN}\n", ":2: the label 'xxx"),
        ("1,unfit,awe,,,yesterday\n", ":2: 'when' is no time"),
        ("1,unfit,awe\n", ":2: the row has not 6 cells"),
        (f"1,unfit,awe,,,{WHEN},more\n", ":2: the row has not 6 cells"),
        (f"1,unfit,awe,,{'y' * 501},{WHEN}\n", ":2: the reason is longer than 500"),
        (f"1,unfit,awe,,,{WHEN}\n" * 2, ":3: photo 1 is corrected twice"),
        ('1,unfit,awe,,"a"b,c\n', ":2 is not CSV"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(tmp_path: Path, rows: str, said: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(DatasetError, match=re.escape(said)) as refused:
        read_corrections(path)
    assert str(refused.value).isprintable()


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    with pytest.raises(DatasetError, match="is not there"):
        read_corrections(path)
    path.write_text("photo_id,label\n1,awe\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="has no column 'what'"):
        read_corrections(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="is not UTF-8"):
        read_corrections(path)
