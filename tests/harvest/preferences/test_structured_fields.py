"""The grammar of RFC 9651, by its own examples, and whatever a server may send."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flickr_emotion.harvest.preferences.structured_fields import (
    FieldError,
    Token,
    parse_dictionary,
)


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("", {}),
        ("  train-ai=n  ", {"train-ai": "n"}),
        ('en="Applepie", da=:w4ZibGV0:', {"en": "Applepie", "da": b"\xc3\x86blet"}),
        ("a=?0, b, c; foo=bar", {"a": False, "b": True, "c": True}),
        ("rating=1.5, feelings=(joy sadness)", {"rating": 1.5, "feelings": ["joy", "sadness"]}),
        ("a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", {"a": [1, 2], "b": 3, "c": 4, "d": [5, 6]}),
        ('t=@1659578233, d=%"This is f%c3%bc."', {"t": 1659578233, "d": "This is fü."}),
        ("a=1\t,\tb=2", {"a": 1, "b": 2}),
        ("train-ai=y, train-ai", {"train-ai": True}),
        ("train-ai;allow=n, train-ai=y", {"train-ai": "y"}),
    ],
)  # fmt: skip
def test_what_the_standards_show(field: str, members: dict[str, Any]) -> None:
    assert parse_dictionary(field) == members


@pytest.mark.parametrize(
    "field",
    [
        *("Train-AI=n", "train-ai=n,", "train-ai=n;", "train-ai= n", "train-ai=n search=y", "=n"),
        *('a="é"', 'a="open', "a=:no base64!:", "a=?2", "a=(1 2", "a=(1;2)", "a=1.2345"),
        *("a=1234567890123456", 'a=%"%ff"', 'a=%"%C3"', "a=@1.5", "a=\x07", "train-ai=n\x00"),
    ],
)
def test_a_field_that_breaks_the_grammar_is_refused_whole(field: str) -> None:
    with pytest.raises(FieldError):
        parse_dictionary(field)


def test_a_token_is_not_a_quoted_text() -> None:
    members = parse_dictionary('a=n, b="n"')
    assert members["a"] == members["b"] == "n"
    assert type(members["a"]) is Token
    assert type(members["b"]) is str


@given(
    st.one_of(
        st.text(max_size=60), st.text(alphabet='abn*-_=,;:"()?@%.0123456789\\ \t\x07', max_size=60)
    )
)
@example("(" * 2000)
@example("a=" + "(" * 2000)
@example("a=" + '"\\' * 2000)
@example("a=1" + ";a=1" * 2000)
def test_no_text_is_more_than_refused(field: str) -> None:
    try:
        members = parse_dictionary(field)
    except FieldError:
        return
    assert all(isinstance(key, str) for key in members)
