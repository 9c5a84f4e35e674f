"""The rule for when a text names a photo or an owner.

An id counts only as a whole word: photo 37 is not named by 1378, and the post ``y`` of one's own is
not named by every word with that letter. Files that are searched are bytes of any kind, so the rule
is one for bytes: letters are those of ASCII.
"""

import re
from collections.abc import Collection

_WORD = rb"[0-9A-Za-z]"
_NUMBERS = re.compile(rb"(?<!%b)[0-9]+(?!%b)" % (_WORD, _WORD))


class Names:
    """Finds ids in a text, where they are not part of a longer number or word."""

    def __init__(self, ids: Collection[str]) -> None:
        known = {it.encode() for it in ids}
        # There may be many of Flickr's ids, which are numbers.
        self._numbers = {it for it in known if it.isdigit()}
        others = b"|".join(map(re.escape, sorted(known - self._numbers)))
        self._others = re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (_WORD, others, _WORD))
        self._has_others = bool(others)

    def are_in(self, text: bytes) -> bool:
        """Return whether a text names one of them."""
        if not self._numbers.isdisjoint(_NUMBERS.findall(text)):
            return True
        return self._has_others and self._others.search(text) is not None
