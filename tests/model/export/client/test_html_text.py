"""The client's parser of HTML gives the text that the project's own gives."""

import html
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.datasets.rules import html_text as ours
from flickr_emotion.model.export.client import html_text as clients
from tests.datasets.rules import test_text as rule

PIECES = [
    *rule.MARKUP,
    *("<i>", "</i>", "<p>", "</p>", "<br>", "<br />", "</br>", "<div class='x'>", "</div>"),
    *("<ul>", "<li>", "</ul>", "<h1>", "</h1>", "<blockquote>", "</blockquote>", "<center>"),
    *('<a href="https://flickr.com/x?a=1&b=2&copy=3">', "flickr.com/x...", "x.y/...", "</a>"),
    *("<A HREF=http://x.y/>", "<a href>", "<a name=z>", '<a\nhref="https://x.y/z" title=q', "'"),
    *("<img alt='a > b' src=x>", "<!DOCTYPE html>", "<?php", "</", "</>", "<!-->", "<!--->"),
    *("--!>", "<title>", "</title>", "<style>", "</style>", "<textarea>", "</textarea>", "\n"),
    *("<iframe src=q>", "</iframe>", "<xmp>", "</xmp>", "<s", 'href="http://x.y"', "<html>"),
    *("<body>", "</body>", "<head>", "<button>", "<option>", "&#128;", "&#x41", "&#0;"),
    *("&hellip;", "&nbsp", "&notin", "word"),
]
"""What a member of Flickr, a program or a stranger may write. In tables text may change places."""


def words_of(text: str) -> list[str]:
    """What becomes of a parser's text: white space and doubled escapes make no difference."""
    return html.unescape(text).split()


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@settings(max_examples=500)
def test_made_up_descriptions(fragment: str) -> None:
    expected = words_of(ours.text_of_html(fragment))
    assert words_of(clients.text_of_html(fragment)) == expected


def test_the_cases_of_the_rule() -> None:
    marks = vars(rule.TestClean.test_golden_cases)["pytestmark"]
    (cases,) = (mark.args[1] for mark in marks if mark.name == "parametrize")
    assert len(cases) > 30
    for fragment, _ in cases:
        expected = words_of(ours.text_of_html(fragment))
        assert words_of(clients.text_of_html(fragment)) == expected, fragment


def test_real_descriptions(shared_data: Path) -> None:
    posts = rule.real_posts(shared_data)
    assert len(posts) > 400
    for _, title, description in posts:
        for fragment in (title, description):
            assert clients.text_of_html(fragment) == ours.text_of_html(fragment)


@pytest.mark.parametrize("piece", ["<", "<a ", "<a x='", "&#", "<!--", "</", "<b>", "<a href=x>"])
def test_long_fragments_are_read_once(piece: str) -> None:
    """A time that grows with the square of the length would take minutes here."""
    clients.text_of_html(piece * 60_000)
