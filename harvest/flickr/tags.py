"""The rule for tags: which of a photo's tags are kept, how they are spelt, and in which order.

Flickr compares tags by a normal form: "West Yorkshire" and "westyorkshire" are the same tag.
``photos.getInfo`` and listings give normal forms, which are used unchanged. Metadata files and
users' own posts give raw tags. Their normal form is computed here by a rule that fits Flickr's
recorded answers (``docs/flickr.md``).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from flickr_emotion.common.composing import composed

# Listings lack the `machine_tag` flag of `getInfo`. The pattern is as reliable: the normal form of
# a plain tag contains neither a colon nor an equals sign.
_MACHINE_TAG = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*=")
# These join letters of Persian and Indian scripts, and the parts of an emoji.
_JOINERS = "\u200c\u200d"


@lru_cache(1 << 14)  # a few tags are most of those of a harvest
def normal_form(raw: str) -> str:
    """Return Flickr's normal form of a tag, which may be empty.

    It is lower case and composed (NFC), without white space, control characters and ASCII
    punctuation. Combining marks, symbols and other punctuation are kept.
    """
    lower = raw.lower()
    if lower.isascii() and lower.isalnum():  # The fast path for most tags.
        return lower
    return composed("".join(filter(_stays, composed(lower))))


def _stays(character: str) -> bool:
    category = unicodedata.category(character)
    if character.isascii():
        return category[0] in "LNS"
    return category not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs") or character in _JOINERS


def letters_and_digits(tag: str) -> str:
    """Return the normal form that was used before version 2 of manifests."""
    return "".join(character for character in tag.lower() if character.isalnum())


def is_machine_tag(tag: str) -> bool:
    """Whether a tag, raw or normal, is ``namespace:predicate=value``, written by a program."""
    return _MACHINE_TAG.match(tag.lower()) is not None


def plain_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return normal forms without machine tags, empty ones and duplicates, in alphabetical order.

    The order is alphabetical because a listing does not keep the owner's order.
    """
    return tuple(sorted({tag for tag in tags if tag and not is_machine_tag(tag)}))
