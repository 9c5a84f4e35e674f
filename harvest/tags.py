"""The rule for tags: which of a photo's tags are kept, how they are spelt, and in which order.

Flickr compares tags by a normal form in which only lower-case letters and digits are left: "West
Yorkshire" and "westyorkshire" are one tag. ``photos.getInfo``, listings and metadata files name the
same tags in different orders and spellings; under this rule they come out the same.
"""

import re
from collections.abc import Iterable

# As sure as the flag of `getInfo`, which listings do not have: the normal form of a plain tag holds
# neither colon nor equals sign.
_MACHINE_TAG = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*=")


def normal_form(raw: str) -> str:
    """Return Flickr's normal form of a tag; empty where nothing of it is a letter or a digit."""
    lower = raw.lower()
    if lower.isalnum():  # as most are
        return lower
    return "".join(character for character in lower if character.isalnum())


def is_machine_tag(tag: str) -> bool:
    """Whether a tag, raw or normal, is ``namespace:predicate=value``, written by a program."""
    return _MACHINE_TAG.match(tag.lower()) is not None


def plain_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the normal forms without machine tags, empty ones and doubles, in alphabetical order.

    Alphabetical because a listing's order is not the owner's.
    """
    plain = (normal_form(tag) for tag in tags if not is_machine_tag(tag))
    return tuple(sorted({tag for tag in plain if tag}))
