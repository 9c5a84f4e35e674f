"""Composes characters (NFC) in linear time, whatever a stranger has written.

Python sorts a run of combining marks by insertion: a run of 60,000 marks takes half a minute. Runs
of more than 30, which no language has (Unicode's stream-safe text format), are sorted here first,
by the same rule.
"""

import re
import unicodedata
from itertools import groupby

# Combining marks are neither letters, digits nor white space, and lie above U+02FF.
_LONG_RUN = re.compile(r"[^\w\s\x00-\u02ff]{31,}")


def composed(text: str) -> str:
    """Return a text in the composed form (NFC)."""
    # Both tests are linear, and nearly every text passes one of them.
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    if _LONG_RUN.search(text):
        text = _LONG_RUN.sub(_sorted_marks, text)
    return unicodedata.normalize("NFC", text)


def _sorted_marks(run: re.Match[str]) -> str:
    """Return the same characters, decomposed, with marks in canonical order."""
    # One by one, because a few characters that are no marks consist of marks.
    decomposed = "".join(unicodedata.normalize("NFD", character) for character in run[0])
    parts: list[str] = []
    for _, some in groupby(decomposed, key=lambda it: unicodedata.combining(it) > 0):
        parts += sorted(some, key=unicodedata.combining)
    return "".join(parts)
