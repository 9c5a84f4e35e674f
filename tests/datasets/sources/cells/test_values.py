"""Cells of a user's own posts: one value in many forms."""

from typing import Any

import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.cells.values import label_of, name_of, photo_id_of, votes_of


@pytest.mark.parametrize(
    ("cell", "votes"),
    [
        *(("5", 5), ("5.0", 5), (" 4 ", 4), (5, 5), (5.0, 5), ("", None), (None, None)),
        *((name, None) for name in ("nan", "NaN", " <NA>", "None", "null")),
        *((float("nan"), None), ("0", 0), ("5,0", 5), ("12,00", 12)),
    ],
)
def test_votes(cell: Any, votes: int | None) -> None:
    assert votes_of(cell, "here") == votes


@pytest.mark.parametrize(
    "cell", ["5.5", "-1", "many", 2.5, -1, "1e3", "5,5", "5,000", float("inf"), [3]]
)
def test_what_is_no_number_of_votes(cell: Any) -> None:
    with pytest.raises(DatasetError, match="here: votes are"):
        votes_of(cell, "here")


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        *((" calm ", "calm"), (1, "1"), ("1.0", "1"), ("-1.00", "-1"), (True, "True")),
        *(("", None), ("nan", None), (None, None), ("None", "None"), ("1e3", "1e3")),
        *(("cafe\u0301", "café"), (b"calm", "calm")),
    ],
)
def test_labels(cell: Any, label: str | None) -> None:
    assert label_of(cell, "here") == label


@pytest.mark.parametrize("cell", [1.5, "1.5", " -.25 ", "1e-05"])
def test_a_fraction_is_no_label(cell: Any) -> None:
    """CSV writes as a text what Parquet writes as a number; both are told the same."""
    with pytest.raises(DatasetError) as caught:
        label_of(cell, "here")
    number = str(cell).strip()
    assert str(caught.value) == (
        f"here: the label is {number}, which is no whole number: give the name of a class"
    )


@pytest.mark.parametrize("cell", [1.5, ["calm"], b"\xff", "a\nb", "x" * 101, "\ud800"])
def test_what_is_no_label(cell: Any) -> None:
    with pytest.raises(DatasetError, match=r"^here: "):
        label_of(cell, "here")


@pytest.mark.parametrize(
    ("cell", "photo_id"),
    [
        *(("a/b c.jpg", "a/b c.jpg"), ("https://x.org/?id=1", "https://x.org/?id=1")),
        *((53012345678, "53012345678"), ("53012345678.0", "53012345678"), ("1.0", "1.0")),
        *(("日本 👩‍🚀", "日本 👩‍🚀"), ("007", "007"), (b"x", "x")),
    ],
)
def test_ids_of_any_text(cell: Any, photo_id: str) -> None:
    assert photo_id_of(cell, "here") == photo_id


@pytest.mark.parametrize("cell", ["", None, " ", "a\nb", 1.5, "\udcff", "x" * 201])
def test_what_is_no_id(cell: Any) -> None:
    with pytest.raises(DatasetError, match="here: the photo_id"):
        photo_id_of(cell, "here")


def test_an_id_that_a_spreadsheet_rounded() -> None:
    with pytest.raises(DatasetError, match="has lost its last digits in a spreadsheet"):
        photo_id_of("5.30E+10", "here")


def test_names() -> None:
    assert name_of(12, "here", "owner") == name_of("12.0", "here", "owner") == "12"
    assert name_of("nan", "here", "owner") is None
