"""Tags in every form in which people and programs write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.sources.cells.tags import tags_of

TWO = ["beach", "sunset"]


@pytest.mark.parametrize(
    "cell",
    [
        *("sunset,beach", "sunset, beach", " sunset ; beach ", "sunset|beach", "sunset\nbeach"),
        *(
            "#sunset #beach",
            "#sunset#beach",
            "#sunset, #beach",
            "#Sunset  #BEACH ",
            "sunset，beach",
        ),
        *('["sunset", "beach"]', "['sunset', 'beach']", "['sunset' 'beach']", "[sunset, beach]"),
        *("('sunset', 'beach')", "{sunset,beach}", "[u'sunset', u'beach']", '["sunset" "beach"]'),
        *("['sunset', None, 'beach', nan]", "sunset,,beach,", "sunset,geo:lat=47.1,beach"),
        *(["sunset", "beach"], ("sunset", None, "beach", " "), ["#sunset", "geo:lat=1", "beach"]),
    ],
)
def test_two_tags(cell: Any) -> None:
    assert normalise_tags(tags_of(cell)) == TWO


@pytest.mark.parametrize(
    "cell",
    [None, "", " ", "nan", "NaN", "None", "null", "<NA>", "[]", "()", "[ ]", [], [None], ","],
)
def test_no_tags(cell: Any) -> None:
    assert normalise_tags(tags_of(cell)) == []


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("new york", ["newyork"]),
        ("#1 fan", ["1fan"]),
        ("['rock \\'n\\' roll', \"it's\"]", ["its", "rocknroll"]),
        ('["caf\\u00e9", "\\ud83d\\ude00"]', ["café", "😀"]),
        ("['new york', 'a, b']", ["ab", "newyork"]),
        ("cafe\u0301", ["café"]),
        ("[unclosed, 'list]", ["list", "unclosed"]),
    ],
)
def test_what_is_one_tag(cell: str, tags: list[str]) -> None:
    assert normalise_tags(tags_of(cell)) == tags


@given(st.text(alphabet="[](){}'\"\\,; #ab\n", max_size=40))
def test_any_text_gives_tags(cell: str) -> None:
    """Without an error, in a time that grows with its length."""
    assert all(isinstance(tag, str) for tag in tags_of(cell))


def test_a_long_cell_takes_no_quadratic_time() -> None:
    for cell in (
        "[" * 100_000 + "]",
        "['" + "\\" * 100_000 + "']",
        "#a" * 100_000,
        "['a' " * 30_000 + "]",
    ):
        tags_of(cell)
