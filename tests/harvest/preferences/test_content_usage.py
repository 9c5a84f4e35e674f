"""``Content-Usage`` as strangers write it: the grammar of RFC 9651, and what breaks it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flickr_emotion.harvest.preferences.signals import signals_of


def training(*lines: str) -> bool | None:
    return signals_of({"content-usage": list(lines)}, None).training


@pytest.mark.parametrize(
    "members",
    [
        *('en="Applepie", da=:w4ZibGV0:', "a=?0, b, c; foo=bar", "rating=1.5, f=(joy sadness)"),
        *("a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", 'd=%"This is f%c3%bc."', "t=@1659578233"),
        *("a=1\t,\tb=2", "bytes=:YQ:", 'text="a \\"quoted\\" word"', "x;train-ai=y", "all=y"),
    ],
)
def test_members_with_other_values_do_not_matter(members: str) -> None:
    assert training(f"train-ai=n, {members}") is False
    assert training(f"  {members}  ", "train-ai=n;until=@5") is False


@pytest.mark.parametrize(
    "broken",
    [
        *("Search=n", "search=n,", "search=n;", "search= n", "search=n other=y", "=n", ",", "é"),
        *('a="é"', 'a="open', 'a="\\n"', "a=:no base64!:", "a=:YQ=a:", "a=?2", "a=(1 2", "a=(1;2)"),
        *("a=1.2345", "a=1234567890123456", "a=@1.5", 'a=%"%ff"', 'a=%"%C3"', "a=\x07", "a\x00"),
        # The library has no dates behind the year 9999.
        *("a=((1))", "a=\ud800", "a=1;B", "a=1..2", "a=@999999999999999"),
    ],
)
def test_a_field_that_breaks_the_grammar_states_nothing(broken: str) -> None:
    assert training("train-ai=n", broken) is None


@given(
    st.one_of(
        st.text(st.characters(), max_size=60),
        st.text(alphabet='abn*-_=,;:"()?@%.0123456789\\ \t\x07', max_size=60),
    )
)
@example("(" * 2000)
@example("a=" + "(" * 2000)
@example('a="' + '\\"' * 2000)
@example("a=1" + ";a=1" * 2000)
@example("a=(" + ":AA: " * 2000)
@example('a=%"' + "%c3%bc" * 2000)
def test_no_text_is_more_than_ignored(field: str) -> None:
    assert training(field) in (None, True, False)
    assert training("train-ai=n", field, "train-ai=n") in (None, False)
