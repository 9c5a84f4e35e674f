"""The rules for text, tags and language."""

import json
import lzma
import re
import tarfile
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import process_time
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.common.composing import composed
from flickr_emotion.datasets.build.text_filter import TextFilter
from flickr_emotion.datasets.rules.language import detect_languages, detect_plainly
from flickr_emotion.datasets.rules.tags import former_tags, normalise_tags
from flickr_emotion.datasets.rules.text import clean, post_text, without_urls, words
from flickr_emotion.datasets.rules.verdicts import (
    KEPT,
    NO_TEXT,
    OTHER_LANGUAGE,
    TOO_LONG,
    TOO_SHORT,
)

ENGLISH = "the quiet house stands near the river and the old road"


# SHA-256 of real descriptions with markup, entities or other scripts after
# ``clean``: if one changes, the rule has changed for real posts.
REAL_DIGESTS = """
    54450311696:b0a0fb71fe8c 52483149404:84b3119ff033 2959326615:763e99a23246
    51281775881:203a143e2251 2179931434:fe68d96eb3ec 50868060871:8ad4eddc5fae
    35856118446:4db710b26dec 50971564757:da05ee46fd1e 51440689915:7c6bac89c9d8
    51144884624:f022c57fdf75 50828151467:f6ef47446201 50931551063:0e1a661013f1
    51442546728:53fced7e7837 51006442041:5f5767329f37 51102696717:afeab7de9538
    51354231198:fca1d17e775f 53647192886:d7b17a0d32ec 53641608296:51b614fc1bdc
    53637478727:a64aa18b14a4 53566082152:368a94da83c9 51270509751:9945721d1a54
    53496138983:8983cb28f936 53046348242:9662a4214aba 53032607107:e288ef1adf7e
    53022924045:0e8a8e692e90 53016719606:9da62339b6b2 52988214347:0dd4a99cb78a
    52977712292:80f304d2e5e0 52961932510:4a609e0d2abf 52924481334:256b0f4d232e
    52902580388:2a99031e6820 52875375980:ea8c12e83a63 52854270200:ea8c12e83a63
    52798252595:763566171379 52788754076:4475d06efa38 52773059128:a13a0daba254
    52772057494:167f4b5df45d 52753928267:3950076e1b67 52751189034:1ea36453d271
    52741618741:961d6585df76 52738418704:e04ad1431158 52734379370:c789e65e40fa
    52732911924:eaaa172cd8c7 52719017886:66a8f9ebf9b7 52711409363:74275b99e0f7
    52710044099:6a12cc167265 52709584955:39c4910d271b 52688869566:ea8c12e83a63
    52608584878:20ee2d3992cb 52583319350:0d332bfbc048 52539867458:28dac39333f6
    52957605480:067062dcf4cd 52506444701:6cbab5151f12 19009375281:c2e3097fb55e
    34433956162:5cadb0a3b07f 31491956691:784b8760e7a3 31491953681:784b8760e7a3
    31530846852:a883a7801e2b
"""

MARKUP = [
    *("<", ">", "&", ";", "b", "br", "/", "!", "--", "?", "=", '"', " ", "x", "\u00e9", "1"),
    *("amp;", "amp", "lt;", "gt;", "#60;", "#x26;", "copy", "notit;", "<b>", "</b>", "<!--", "-->"),
    *("&lt;", "&amp;", "<script>", "</script>", '<a href="http://x.y/?a&amp;lt;b">', "http://x.y/"),
    *("\u0301", "\u0338", "\u200e", "\u037e", "\u226e", "\u200b", "\ud83d", "\x00", "\x1c"),
]
plain = st.text(st.sampled_from("aé日1'- "), min_size=1, max_size=8).map(lambda text: f" {text} ")
# HTML that Flickr lets its members write, and the texts in it.
fragments = st.recursive(
    plain.map(lambda text: (text, [text])),
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(["b", "i", "em", "strong", "u", "s", "blockquote", "p", "ul", "li"]),
            inner,
        ).map(lambda made: (f"<{made[0]}>{made[1][0]}</{made[0]}>", made[1][1])),
        inner.map(lambda made: (f'<a href="https://x.org/" rel=nofollow>{made[0]}</a>', made[1])),
        inner.map(lambda made: (f"<br />{made[0]}<BR><img src=x><!-- no -->", made[1])),
        st.tuples(inner, inner).map(lambda two: (two[0][0] + two[1][0], two[0][1] + two[1][1])),
    ),
    max_leaves=12,
)


class TestClean:
    @pytest.mark.parametrize(
        ("fragment", "text"),
        [
            ("A <b>bold</b> and <i>nested <b>word</b></i>", "A bold and nested word"),
            ("one<br>two<br/>three", "one two three"),
            ("<p>one</p><p>two</p>", "one two"),
            (
                'see <a href="http://x.org/long" rel="nofollow">x.org/lo...</a>!',
                "see http://x.org/long!",
            ),
            ("Tom &amp; Jerry &lt;3 &quot;x&quot; caf&eacute; &#39;", 'Tom & Jerry <3 "x" café \''),
            ("escaped twice: &amp;quot;x&amp;quot;", 'escaped twice: "x"'),
            ("line\nbreak\t and   spaces\u00a0here", "line break and spaces here"),
            ("broken <b>tag <a href='", "broken tag"),
            ("I <3 you", "I <3 you"),
            ("1 < 2 & 3", "1 < 2 & 3"),
            ("<script>alert(1)</script>seen", "seen"),
            ("", ""),
            # Broken: left open, closed twice, crossed, an attribute that never ends.
            ("<b>one <i>two</b> three</i>", "one two three"),
            ("</b></i>one</p>two", "one two"),
            ("<a href='x' title='>'>one</a>", "one"),
            ('one <a href="http://x.org/?a=1>two</a> three', "one"),
            ("<<b>one</b>>", "< one>"),
            ("<!-- not <b>seen</b> -->one<!DOCTYPE x>", "one"),
            ("one<hr/>two<img src=x alt='no'>three", "one twothree"),
            # Links: the text that is shown, unless it is the URL itself.
            ('<a href="https://x.org/">my page</a>', "my page"),
            ('<a href="https://x.org/">Mr. X</a>', "Mr. X"),
            ('<a href="http://www.x.org/A">www.X.org/a</a>', "http://www.x.org/A"),
            ('<a href="javascript:x.y">x.y</a>', "x.y"),
            ('<a href="http://x.org/a b">x.org/a</a>', "x.org/a"),
            ("<a>x.y</a> <a href>x.y</a> <a href=''>.</a>", "x.y x.y ."),
            # Entities: named, numbered, escaped twice, unfinished, unknown, of no character.
            ("&lt;b&gt; &#169; &#x1F600; &euro;", "< b> © 😀 €"),
            ("&amp;amp; &amp;lt;3 &amp;#39;", "& <3 '"),
            ("&amp;amp;lt; &amp;amp;amp;copy", "& lt; & amp;copy"),
            ("AT&T &amp T &unknown; &", "AT&T & T &unknown; &"),
            ("a&#0;b &#xD800;", "a\ufffdb \ufffd"),
            ("one&nbsp;two&shy;three&#8203;four", "one twothree four"),
            # White space of every kind, and invisible characters.
            ("a\u2028b\u2029c\u3000d\u2003e\u0085f\x1cg", "a b c d e f g"),
            ("\ufeffzero\u200bwidth so\u00adft \u2060x\u200e", "zero width soft x"),
            ("\x00a\x07b\x7f", "ab"),
            ("half \ud83d a pair, <b>half</b> \udc00", "half a pair, half"),
            (
                "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
                "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            ),
            ("👩\u200d🚀", "👩\u200d🚀"),
            # One spelling: composed.
            ("cafe\u0301", "caf\u00e9"),
        ],
    )
    def test_golden_cases(self, fragment: str, text: str) -> None:
        assert clean(fragment) == text

    @given(st.text(max_size=200))
    def test_the_result_is_plain_and_single_spaced(self, fragment: str) -> None:
        text = clean(fragment)
        assert text == " ".join(text.split())

    @given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=100))
    def test_plain_text_is_only_composed(self, text: str) -> None:
        plain = text.replace("<", "").replace("&", "")
        assert clean(plain) == unicodedata.normalize("NFC", " ".join(plain.split()))

    @given(st.text(st.characters(), max_size=200))
    def test_cleaning_clean_text_changes_nothing(self, fragment: str) -> None:
        text = clean(fragment)
        text.encode("utf-8")  # No surrogates are left: they cannot be written to a file.
        assert clean(text) == text

    @given(st.lists(st.sampled_from(MARKUP), max_size=12).map("".join))
    @settings(max_examples=300)
    def test_nor_does_it_where_markup_was_written_to_be_seen(self, fragment: str) -> None:
        text = clean(fragment)
        assert clean(text) == text
        assert post_text(text, text) == " ".join(filter(None, (text, text)))

    @given(fragments)
    def test_no_markup_is_left_and_no_text_is_lost(self, fragment: tuple[str, list[str]]) -> None:
        markup, texts = fragment
        assert clean(markup).split() == [word for text in texts for word in text.split()]

    def test_deep_and_long_fragments_are_fast(self) -> None:
        assert clean("<b>" * 50_000 + "deep") == "deep"
        assert clean("&amp;" * 50_000 + "<") == "&" * 50_000 + "<"

    @pytest.mark.parametrize(
        "markup",
        [
            *("<ul><li>", "<dl><dd>", "<a><b>", "<blockquote>", "<div>", "<ul title='>'><li>"),
            *("<i><p>", "<!--x>", "<a x=\"'", "<ul x='", "<ul><!-- > --><li>"),
        ],
    )
    def test_elements_in_one_another_are_fast(self, markup: str) -> None:
        """Fifteen thousand lists in one another took fifteen seconds."""
        started = process_time()
        clean(markup * 15_000 + "deep")
        assert process_time() - started < 1.5

    def test_text_of_deep_elements_stays(self) -> None:
        deep = "<ul><li>one <b>two</b>" * 600 + "</li></ul>" * 600
        assert clean(deep) == " ".join(["one two"] * 600)
        links = '<p><a href="https://x.org/">x.org</a> <script>no</script><!-- <b> --></p>' * 600
        assert clean(links) == " ".join(["https://x.org/"] * 600)

    @pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0316\u0301\u0344\u0f73"])
    def test_long_runs_of_marks_are_fast(self, marks: str) -> None:
        """Sixty thousand took half a minute."""
        started = process_time()
        text = clean("<b>a" + marks * 15_000)
        assert words(text) == [text]
        assert process_time() - started < 1.5

    def test_real_descriptions_are_cleaned_as_before(self, shared_data: Path) -> None:
        expected = dict(entry.split(":") for entry in REAL_DIGESTS.split())
        found = {
            photo_id: sha256(clean(description).encode()).hexdigest()[:12]
            for photo_id, _, description in real_posts(shared_data)
            if photo_id in expected
        }
        assert found == expected

    def test_real_descriptions_lose_their_markup_and_nothing_else(self, shared_data: Path) -> None:
        posts = real_posts(shared_data)
        assert len(posts) > 400
        for _, title, description in posts:
            text = post_text(title, description)
            assert not re.search(r"</?[a-z]|&(quot|amp|lt|gt|nbsp|#\d+);|\s{2}", text)
            assert words(text)[: len(words(title))] == words(title)
            # The text outside of tags and links is complete and in order.
            left = text
            for part in re.split(r"<a .*?</a>|<[^>]*>|&\w+;|\s", description, flags=re.DOTALL):
                place = left.find(unicodedata.normalize("NFC", part))
                assert place >= 0
                left = left[place + len(part) :]

    def test_links_that_show_their_url_count_no_words(self, shared_data: Path) -> None:
        descriptions = {photo_id: d for photo_id, _, d in real_posts(shared_data)}
        assert words(clean(descriptions["53637478727"]))[-1] == "coffee"
        assert len(words(clean(descriptions["31530846852"]))) == 6


def real_posts(shared_data: Path) -> list[tuple[str, str, str]]:
    """Return photo id, title and description of recorded answers."""
    posts = []
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        for name in ("getinfo_photos", "list_photos", "hucvl_summaryset"):
            file = archive.extractfile(f"./{name}.jsonl")
            assert file is not None
            for line in file:
                row = json.loads(line)
                photo_id = row.get("photo_id") or row.get("id") or ""
                posts.append((photo_id, row["title"] or "", row["description"] or ""))
    return posts


def test_the_text_of_a_post_is_its_title_and_its_description() -> None:
    assert post_text("One <b>two</b>", " three &amp; four") == "One two three & four"
    assert post_text("", "three") == post_text("three", "<b></b>") == "three"


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("I'm #happy!! :-) today", ["i'm", "happy", "today"]),
            ("well-known 9/11 é!", ["well-known", "9/11", "é"]),
            ("see http://a.b/c and www.d.e now", ["see", "and", "now"]),
            ("😀 ... -- !!!", []),
            ("(Brackets) 'quotes' _under_", ["brackets", "quotes", "under"]),
            ("Don't don’t DON’T ’tis rock’n’roll", ["don't"] * 3 + ["tis", "rock'n'roll"]),
            ("state-of-the-art -- a–b – c", ["state-of-the-art", "a–b", "c"]),
            ("😀 sun☀️ 1️⃣ 👩‍🚀astro❤️naut", ["sun", "1", "astro❤️naut"]),
            ("(http://a.b) x:https://c.d/e,f HTTP://G.H", ["x"]),
            ("Awww...so cute! ewww.no www. WWW.a.b", ["awww...so", "cute", "ewww.no", "www"]),
            ("#Sunset #日本 #100days @some_one @", ["sunset", "日本", "100days", "some_one"]),
            ("東京の夜。 京都 한국어 ไทย", ["東京の夜", "京都", "한국어", "ไทย"]),
            ("cafe\u0301 CAF\u00c9 caf\u00e9", ["caf\u00e9"] * 3),
            ("हिन्दी में x\u0302 ́ a\u0301!", ["हिन्दी", "में", "x\u0302", "á"]),
            ("İstanbul STRASSE Straße ΟΔΟΣ", ["i\u0307stanbul", "strasse", "straße", "οδος"]),
            ("3.14 1,000 50% $5 ½ ²", ["3.14", "1,000", "50", "5", "½", "²"]),
            ("snake_case __init__ _", ["snake_case", "init"]),
            ("a\u00a0b\u2003c\u2028d\u200be", ["a", "b", "c", "d\u200be"]),
        ],
    )
    def test_golden_cases(self, text: str, expected: list[str]) -> None:
        assert words(text) == expected

    @given(
        st.text(
            st.one_of(st.characters(), st.sampled_from("aZ1 ._-\u2019\u0301\u200d#")), max_size=80
        )
    )
    def test_words_are_what_the_pattern_finds(self, text: str) -> None:
        """The pattern alone is the rule; most words are found without it, because it is slow."""
        lower = composed(re.sub(r"(?:https?://|\bwww\.(?=\w))\S*", " ", text.lower()))
        found = re.findall(r"[^\W_](?:\S*[^\W_])?[^\x00-\u02ff\s]*", lower.replace("\u2019", "'"))
        marks = re.compile(r"([^\W_](?:\S*[^\W_])?)(.*)", re.DOTALL)
        expected = []
        for run in found:
            parts = marks.fullmatch(run)
            assert parts
            word, rest = parts.groups()
            for mark in rest:
                if category(mark) not in ("Mn", "Mc") or "\ufe00" <= mark <= "\ufe0f":
                    break
                word += mark
            expected.append(word)
        assert words(text) == expected

    @given(st.text(max_size=100))
    def test_what_a_word_is(self, text: str) -> None:
        for word in words(text):
            assert word == word.lower()
            assert len(word.split()) == 1
            assert word[0].isalnum()
            assert word.rstrip("".join(c for c in word if category(c)[0] == "M"))[-1].isalnum()

    @given(st.text(max_size=100))
    def test_there_is_one_for_each_run_with_a_letter_or_a_digit(self, text: str) -> None:
        runs = without_urls(text.lower()).split()
        assert len(words(text)) == sum(any(c.isalnum() for c in run) for run in runs)

    @given(st.text(max_size=60))
    def test_a_word_has_one_spelling(self, text: str) -> None:
        once = words(clean(text))
        assert words(unicodedata.normalize("NFD", " ".join(once))) == words(" ".join(once))

    def test_a_long_run_of_punctuation_is_fast(self) -> None:
        assert words("!" * 200_000 + "a" + "!" * 200_000 + "b") == ["a" + "!" * 200_000 + "b"]

    def test_urls_say_nothing_about_a_language(self) -> None:
        assert without_urls("le chat https://example.org/the/english/words noir") == "le chat noir"
        assert without_urls("le chat  WWW.example.org/words noir") == "le chat noir"


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

    def test_a_batch_gives_the_verdicts_of_single_texts(self, shared_data: Path) -> None:
        with lzma.open(shared_data / "language_texts.jsonl.xz", "rt", encoding="utf-8") as file:
            texts = [clean(json.loads(line)["text"]) for line in file][1::4]
        texts += [text + " see https://example.org/les/mots/du/chat" for text in texts[:20]]
        texts += [" ".join(text.split()[:4]) for text in texts[:20]]
        expected = []
        for text in texts:
            runs = [run for run in without_urls(text).split() if any(c.isalnum() for c in run)]
            if not 5 <= len(runs) <= 150:
                expected.append((TOO_SHORT if len(runs) < 5 else TOO_LONG) if runs else NO_TEXT)
            else:
                english = detect_plainly(without_urls(text)) == "en"
                expected.append(KEPT if english else OTHER_LANGUAGE)
        assert [judged.verdict for judged in TextFilter().judge(texts)] == expected
        assert {KEPT, OTHER_LANGUAGE, TOO_SHORT} <= set(expected)


def test_a_word_ends_with_its_last_letter_and_the_marks_on_it() -> None:
    assert words("की- नदी! x\u0301\u0302!") == ["की", "नदी", "x\u0301\u0302"]
    assert words("x\u0302\u2026 y\ufe00 z\ufe0f") == ["x\u0302", "y", "z"]


class TestLanguage:
    @pytest.mark.parametrize("part", [8, pytest.param(2, marks=pytest.mark.slow)])
    def test_the_fast_detector_gives_langdetects_answers(
        self, shared_data: Path, part: int
    ) -> None:
        with lzma.open(shared_data / "language_texts.jsonl.xz", "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file][::part]
        assert len(texts) > 1600 / part
        assert detect_languages(texts) == [detect_plainly(text) for text in texts]

    @pytest.mark.parametrize(
        "detect", [detect_languages, lambda texts: [*map(detect_plainly, texts)]]
    )
    def test_the_seed_decides_an_ambiguous_text(
        self, detect: Callable[[list[str]], list[str | None]]
    ) -> None:
        """With seed 1 it would be Spanish: another seed would change data sets."""
        assert detect(["la luna"]) == ["tl"]

    def test_a_text_in_no_language(self) -> None:
        assert detect_languages(["1234 !!", ""]) == [None, None]


class TestTags:
    def test_normal_forms_in_alphabetical_order(self) -> None:
        assert normalise_tags(["b", "A", "a", "!!", "B"]) == ["a", "b"]

    def test_the_forms_of_old_manifests_keep_letters_and_digits(self) -> None:
        assert former_tags(["b-1", "A!", "a", "!!"]) == ["a", "b1"]
