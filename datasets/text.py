"""The rules for text: from Flickr's HTML fragments to plain words, and what counts as a word.

A title is plain text, a description an HTML fragment (links that Flickr made itself, ``<b>``,
entities, line breaks). The text of a post is both, cleaned and joined by a space; word counts,
the language and the vocabulary are all taken from it by the rules below and nowhere else.
"""

import html
import re

from selectolax.lexbor import LexborHTMLParser

# What a browser would break a line at: without a space there, "one<br>two" would become one word.
_BREAKS = re.compile(r"<(?=/?(?:br|p|div|li|tr|td|h[1-6]|blockquote|ul|ol)\b)", re.IGNORECASE)
_MARKUP = re.compile(r"[<&]")
_URL = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
# From the first letter or digit of a run to its last: found in one pass, however long the run.
_WORD = re.compile(r"[^\W_](?:.*[^\W_])?")


def clean(fragment: str) -> str:
    """Return an HTML fragment's plain text with every run of white space as one space."""
    if _MARKUP.search(fragment):
        parsed = LexborHTMLParser(_BREAKS.sub(" <", fragment))
        for hidden in parsed.css("script, style"):
            hidden.decompose()
        body = parsed.body
        fragment = body.text(separator="") if body is not None else ""
    # Descriptions of old posts hold entities that were escaped twice ("&amp;quot;").
    return " ".join(html.unescape(fragment).split())


def post_text(title: str, description: str) -> str:
    """Return the text of a post: title and description, cleaned and joined by a space."""
    return " ".join(part for part in (clean(title), clean(description)) if part)


def without_urls(text: str) -> str:
    """Return the text as the language detector sees it: URLs say nothing about a language."""
    return " ".join(_URL.sub(" ", text).split())


def words(text: str) -> list[str]:
    """Return the words of a text, lower-case, without the punctuation around them.

    A word is a run between white space with a letter or a digit in it; URLs are none. ``"I'm
    #happy!! :-) http://x.y"`` has the words ``i'm`` and ``happy``.
    """
    found = (_WORD.search(run) for run in without_urls(text).split())
    return [match.group().lower() for match in found if match]
