"""The rules for text: from Flickr's HTML fragments to plain words, and what counts as a word.

A title is plain text, a description an HTML fragment (links that Flickr made itself, ``<b>``,
entities, line breaks). The text of a post is both, cleaned and joined by a space; word counts,
the language and the vocabulary are all taken from it by the rules below and nowhere else.
"""

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser, LexborNode

# What a browser would break a line at: without a space there, "one<br>two" would become one word.
_BREAKS = re.compile(
    r"<(?=/?(?:br|hr|p|div|pre|li|dt|dd|tr|td|th|h[1-6]|blockquote|ul|ol)\b)", re.IGNORECASE
)
_MARKUP = re.compile(r"[<&]")
# Not in the middle of a word: "Awww...", "ewww.no".
_URL = re.compile(r"(?:https?://|\bwww\.(?=\w))\S*", re.IGNORECASE)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
# From the first letter or digit of a run to its last: found in one pass, however long the run.
_WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")
# The same with what follows, which may be marks of its last letter.
_WORD_AND_MORE = re.compile(r"[^\W_](?:\S*[^\W_])?[^\x00-\u02ff\s]*")
# The zero-width space stands where a line may break, between words.
_ZERO_WIDTH_SPACE = "\u200b"
# Invisible and no part of a word's spelling: control characters, soft hyphen, word joiner, byte
# order mark, marks of direction, halves of a character. Joiners stay: emoji and Persian need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)
_MARKS = frozenset({"Mn", "Mc"})
# They choose how the character before them looks, such as an emoji in colour.
_VARIATION_SELECTORS = ("\ufe00", "\ufe0f")


def clean(fragment: str) -> str:
    """Return an HTML fragment's plain text with every run of white space as one space.

    Characters are composed (NFC), so that a word has one spelling; invisible ones are left out.
    """
    if _MARKUP.search(fragment):
        # The parser takes no halves of characters.
        whole = fragment.encode("utf-8", "ignore").decode("utf-8")
        parsed = LexborHTMLParser(_BREAKS.sub(" <", whole))
        for hidden in parsed.css("script, style"):
            hidden.decompose()
        for link in parsed.css("a[href]"):
            if url := _url_shown(link):
                link.replace_with(url)
        body = parsed.body
        # Descriptions of old posts hold entities that were escaped twice ("&amp;quot;").
        fragment = html.unescape(body.text(separator="")) if body is not None else ""
    text = " ".join(fragment.split())
    if not text.isprintable():
        text = _INVISIBLE.sub("", text.replace(_ZERO_WIDTH_SPACE, " "))
        text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _url_shown(link: LexborNode) -> str | None:
    """Return a link's URL where the link shows nothing but that.

    Flickr makes a link of a URL in a description and shortens what it shows: without a scheme, and
    with dots at the end, it would pass for a word.
    """
    url = link.attributes["href"] or ""
    shown = link.text().strip().removesuffix("...").lower()
    scheme = _SCHEME.match(url)
    if not scheme or "." not in shown or len(url.split()) > 1:
        return None
    whole = url.lower()
    return url if whole.startswith(shown) or whole[scheme.end() :].startswith(shown) else None


def post_text(title: str, description: str) -> str:
    """Return the text of a post: title and description, cleaned and joined by a space."""
    return " ".join(part for part in (clean(title), clean(description)) if part)


def without_urls(text: str) -> str:
    """Return the text as the language detector sees it: URLs say nothing about a language."""
    if "://" in text or "www." in text.lower():
        text = _URL.sub(" ", text)
    return " ".join(text.split())


def words(text: str) -> list[str]:
    """Return the words of a text, lower-case, without the punctuation around them.

    A word is a run between white space with a letter or a digit in it; URLs are none. ``"I'm
    #happy!! :-) http://x.y"`` has the words ``i'm`` and ``happy``.
    """
    text = text.lower()
    if "://" in text or "www." in text:
        text = _URL.sub(" ", text)
    if text.isascii():
        return _WORD.findall(text)
    text = unicodedata.normalize("NFC", text).replace("\u2019", "'")
    found = _WORD_AND_MORE.findall(text)
    return [word if word[-1].isalnum() else _with_its_marks(word) for word in found]


def _with_its_marks(word: str) -> str:
    """Cut a word after its last letter and the marks on it: in Hindi, say, they are vowels."""
    letters = _WORD.match(word)
    end = letters.end() if letters else 0
    first, last = _VARIATION_SELECTORS
    while end < len(word) and unicodedata.category(word[end]) in _MARKS:
        if first <= word[end] <= last:
            break
        end += 1
    return word[:end]
