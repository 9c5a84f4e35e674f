"""The rule for tags: which of a photo's tags are kept, how they are spelt, and in which order.

Flickr compares tags by a normal form: "West Yorkshire" and "westyorkshire" are one tag.
``photos.getInfo`` and listings name the normal forms, and they are taken as they stand. Metadata
files, own files and people name raw tags, whose normal form is computed here by the rule that fits
what Flickr was seen to answer (``docs/flickr.md``).
"""

import re
import unicodedata
from collections.abc import Iterable

# As sure as the flag of `getInfo`, which listings do not have: the normal form of a plain tag holds
# neither colon nor equals sign.
_MACHINE_TAG = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*=")
# Letters of Persian and Indian scripts, and the parts of an emoji, are joined by them.
_JOINERS = "\u200c\u200d"


def normal_form(raw: str) -> str:
    """Return Flickr's normal form of a tag; empty where nothing of it stays.

    In lower case and composed (NFC), without white space, controls and the punctuation of ASCII.
    Combining marks, symbols and other punctuation stay.
    """
    lower = raw.lower()
    if lower.isascii() and lower.isalnum():  # as most are
        return lower
    composed = unicodedata.normalize("NFC", lower)
    return unicodedata.normalize("NFC", "".join(filter(_stays, composed)))


def _stays(character: str) -> bool:
    category = unicodedata.category(character)
    if character.isascii():
        return category[0] in "LNS"
    return category not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs") or character in _JOINERS


def letters_and_digits(tag: str) -> str:
    """Return the normal form as it was before manifests of version 2."""
    return "".join(character for character in tag.lower() if character.isalnum())


def is_machine_tag(tag: str) -> bool:
    """Whether a tag, raw or normal, is ``namespace:predicate=value``, written by a program."""
    return _MACHINE_TAG.match(tag.lower()) is not None


def plain_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return normal forms without machine tags, empty ones and doubles, in alphabetical order.

    Alphabetical because a listing's order is not the owner's.
    """
    return tuple(sorted({tag for tag in tags if tag and not is_machine_tag(tag)}))
