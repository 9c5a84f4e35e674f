"""The rules for text, tags and language."""

import json
import lzma
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.language import detect_languages, detect_plainly
from datasets.tags import normalise_tags
from datasets.text import clean, post_text, without_urls, words
from datasets.text_filter import (
    KEPT,
    NO_TEXT,
    OTHER_LANGUAGE,
    TOO_LONG,
    TOO_SHORT,
    TextFilter,
)

ENGLISH = "the quiet house stands near the river and the old road"


class TestClean:
    @pytest.mark.parametrize(
        ("fragment", "text"),
        [
            ("A <b>bold</b> and <i>nested <b>word</b></i>", "A bold and nested word"),
            ("one<br>two<br/>three", "one two three"),
            ("<p>one</p><p>two</p>", "one two"),
            ('see <a href="http://x.org/long" rel="nofollow">x.org/lo...</a>!', "see x.org/lo...!"),
            ("Tom &amp; Jerry &lt;3 &quot;x&quot; caf&eacute; &#39;", 'Tom & Jerry <3 "x" café \''),
            ("escaped twice: &amp;quot;x&amp;quot;", 'escaped twice: "x"'),
            ("line\nbreak\t and   spaces\u00a0here", "line break and spaces here"),
            ("broken <b>tag <a href='", "broken tag"),
            ("I <3 you", "I <3 you"),
            ("1 < 2 & 3", "1 < 2 & 3"),
            ("<script>alert(1)</script>seen", "seen"),
            ("", ""),
        ],
    )
    def test_golden_cases(self, fragment: str, text: str) -> None:
        assert clean(fragment) == text

    @given(st.text(max_size=200))
    def test_what_comes_out_is_plain_and_single_spaced(self, fragment: str) -> None:
        text = clean(fragment)
        assert text == " ".join(text.split())

    @given(st.text(st.characters(exclude_characters="<&"), max_size=100))
    def test_plain_text_is_not_changed(self, text: str) -> None:
        assert clean(text) == " ".join(text.split())

    def test_real_descriptions_lose_their_markup_and_nothing_else(self, shared_data: Path) -> None:
        with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
            name = next(n for n in archive.getnames() if n.endswith("getinfo_photos.jsonl"))
            file = archive.extractfile(name)
            assert file is not None
            posts = [json.loads(line) for line in file]
        assert posts
        for post in posts:
            text = post_text(post["title"], post["description"])
            assert "<a " not in text
            assert "&quot;" not in text
            assert "&amp;" not in text
            assert words(text)[: len(words(post["title"]))] == words(post["title"])


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("I'm #happy!! :-) today", ["i'm", "happy", "today"]),
            ("well-known 9/11 é!", ["well-known", "9/11", "é"]),
            ("see http://a.b/c and www.d.e now", ["see", "and", "now"]),
            ("😀 ... -- !!!", []),
            ("(Brackets) 'quotes' _under_", ["brackets", "quotes", "under"]),
        ],
    )
    def test_golden_cases(self, text: str, expected: list[str]) -> None:
        assert words(text) == expected

    @given(st.text(max_size=100))
    def test_every_word_has_a_letter_or_digit_at_both_ends(self, text: str) -> None:
        for word in words(text):
            assert word
            assert not word[0].isspace()
            assert any(character.isalnum() for character in word)
        assert len(words(text)) <= len(text.split())

    def test_a_run_of_punctuation_takes_no_time(self) -> None:
        assert words("!" * 200_000 + "a" + "!" * 200_000 + "b") == ["a" + "!" * 200_000 + "b"]

    def test_urls_say_nothing_about_a_language(self) -> None:
        assert without_urls("le chat https://example.org/the/english/words noir") == "le chat noir"


class TestTextFilter:
    @pytest.mark.parametrize(
        ("text", "verdict"),
        [
            ("", NO_TEXT),
            ("!!! :-)", NO_TEXT),
            ("only four words here", TOO_SHORT),
            ("these are five English words", KEPT),
            (f"{ENGLISH} " * 13 + "it ends here today now then so", KEPT),
            (f"{ENGLISH} " * 14, TOO_LONG),
            ("la vieille maison est au bord de la rivière tranquille", OTHER_LANGUAGE),
        ],
    )
    def test_limits(self, text: str, verdict: str) -> None:
        assert [judged.verdict for judged in TextFilter().judge([text])] == [verdict]

    def test_the_limits_themselves_are_kept(self) -> None:
        exactly = " ".join((ENGLISH.split() * 20)[:150])
        judged = TextFilter().judge([exactly, exactly + " more"])
        assert [text.verdict for text in judged] == [KEPT, TOO_LONG]


class TestLanguage:
    def test_the_fast_detector_gives_langdetects_answers(self, shared_data: Path) -> None:
        with lzma.open(shared_data / "language_texts.jsonl.xz", "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file][::2]
        assert len(texts) > 800
        assert detect_languages(texts) == [detect_plainly(text) for text in texts]

    def test_a_text_that_speaks_for_none(self) -> None:
        assert detect_languages(["1234 !!", ""]) == [None, None]


class TestTags:
    def test_normal_forms_in_alphabetical_order(self) -> None:
        assert normalise_tags(["b", "A", "a", "!!", "B"]) == ["a", "b"]
