"""The rule for tags: Flickr's own normalisation, so that a tag has one spelling everywhere.

Flickr compares tags by a normal form in which only lower-case letters and digits are left:
"West Yorkshire" and "westyorkshire" are one tag. Lists of tags from a listing, from
``photos.getInfo`` and from a person's keyboard become equal under it.
"""

from collections.abc import Iterable


def normalise_tag(raw: str) -> str:
    """Return Flickr's normal form of a tag; empty where nothing of it is a letter or a digit."""
    return "".join(character for character in raw.lower() if character.isalnum())


def normalise_tags(raw_tags: Iterable[str]) -> list[str]:
    """Return the tags in their normal form, without doubles, in alphabetical order.

    Alphabetical because listings and ``getInfo`` order the same tags differently.
    """
    return sorted({tag for raw in raw_tags if (tag := normalise_tag(raw))})
