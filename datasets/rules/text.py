"""The rules for text: how Flickr's HTML fragments become plain text, and what counts as a word.

A title is plain text, a description is an HTML fragment (links that Flickr added, ``<b>``,
entities, line breaks). The text of a post is both, cleaned and joined by a space. Word counts,
language and vocabulary are computed from this text with the functions below.
"""

import html
import re
import string
import unicodedata

from flickr_emotion.common.composing import composed
from flickr_emotion.datasets.rules.html_text import text_of_html

# In plain text: what would be markup if the text were cleaned once more.
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY_LIKE = re.compile(r"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
# "www." in the middle of a word is not a URL: "Awww...", "ewww.no".
_URL = re.compile(r"(?:https?://|\bwww\.(?=\w))\S*", re.IGNORECASE)
# From the first letter or digit of a run to its last; linear in the length of the run.
_WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")
# The same, with the characters that follow, which may be combining marks of the last letter.
_WORD_AND_MORE = re.compile(r"[^\W_](?:\S*[^\W_])?[^\x00-\u02ff\s]*")
_PUNCTUATION = string.punctuation
# The zero-width space separates words.
_ZERO_WIDTH_SPACE = "\u200b"
# Invisible characters that are not part of a word's spelling: control characters, soft hyphen, word
# joiner, byte order mark, direction marks, surrogates. The zero-width joiner and non-joiner stay:
# emoji and Persian need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)
_MARKS = frozenset({"Mn", "Mc"})
# They choose the form of the character before them, such as a coloured emoji.
_VARIATION_SELECTORS = ("\ufe00", "\ufe0f")


def clean(fragment: str) -> str:
    """Return the plain text of an HTML fragment, with one space for every run of white space.

    Characters are composed (NFC), so that a word has one spelling; invisible ones are removed.
    Markup that was written to be seen (``&lt;b&gt;``) gets a space (``< b>``), so that cleaning a
    text again changes nothing.
    """
    if "<" in fragment or "&" in fragment:
        # Descriptions of old posts hold entities that were escaped twice ("&amp;quot;").
        fragment = html.unescape(text_of_html(fragment))
    if fragment.isprintable():  # of all white space, only the space is printable
        text = " ".join(fragment.split()) if "  " in fragment else fragment.strip()
    else:
        text = " ".join(fragment.split())
        if not text.isprintable():
            text = _INVISIBLE.sub("", text.replace(_ZERO_WIDTH_SPACE, " "))
            text = " ".join(text.split())
    text = composed(text)
    if "<" in text or "&" in text:
        text = _ENTITY_LIKE.sub(_not_an_entity, _TAG_LIKE.sub("< ", text))
    return text


def _not_an_entity(found: re.Match[str]) -> str:
    return found[0] if html.unescape(found[0]) == found[0] else f"& {found[1]}"


def post_text(title: str, description: str) -> str:
    """Return the text of a post: title and description, cleaned and joined by a space."""
    return " ".join(part for part in (clean(title), clean(description)) if part)


def without_urls(text: str) -> str:
    """Return a cleaned text for the language detector: URLs say nothing about a language."""
    if "://" in text or "www." in text.lower():
        return " ".join(_URL.sub(" ", text).split())
    return text


def words(text: str) -> list[str]:
    """Return the words of a text, lower-case, without the punctuation around them.

    A word is a run without white space that contains a letter or a digit; URLs are not words.
    ``"I'm #happy!! :-) http://x.y"`` has the words ``i'm`` and ``happy``.
    """
    text = text.lower()
    if "://" in text or "www." in text:
        text = _URL.sub(" ", text)
    if text.isascii():
        word_in = _ascii_word
    else:
        text = composed(text).replace("\u2019", "'")
        word_in = _word
    # Most runs are words, or words with punctuation around them: no pattern is needed for these.
    found = []
    for run in text.split():
        if run.isalnum() or (run := run.strip(_PUNCTUATION)).isalnum():
            found.append(run)
        elif run and (word := word_in(run)):
            found.append(word)
    return found


def _ascii_word(run: str) -> str:
    found = _WORD.search(run)
    return found[0] if found else ""


def _word(run: str) -> str:
    """Return the word in a run, with the marks of its last letter, which in Hindi are vowels."""
    found = _WORD_AND_MORE.search(run)
    if not found:
        return ""
    word = found[0]
    return word if word[-1].isalnum() else _with_its_marks(word)


def _with_its_marks(word: str) -> str:
    """Cut a word after its last letter and that letter's marks."""
    letters = _WORD.match(word)
    end = letters.end() if letters else 0
    first, last = _VARIATION_SELECTORS
    while end < len(word) and unicodedata.category(word[end]) in _MARKS:
        if first <= word[end] <= last:
            break
        end += 1
    return word[:end]
