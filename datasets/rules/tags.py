"""The rule for tags: Flickr's own normalisation, so that a tag has one spelling everywhere.

It makes tags from a harvest, from a user's file and from the command line comparable. It leaves the
tags in recorded answers of Flickr unchanged.
"""

from collections.abc import Iterable

from flickr_emotion.harvest.flickr.tags import letters_and_digits, normal_form


def normalise_tags(raw_tags: Iterable[str]) -> list[str]:
    """Return the tags in their normal form, without duplicates, in alphabetical order."""
    tags = set(map(normal_form, raw_tags))
    tags.discard("")
    return sorted(tags)


def former_tags(tags: Iterable[str]) -> list[str]:
    """Return the normal forms of version 1 manifests, which keep only letters and digits."""
    return sorted({tag for it in tags if (tag := letters_and_digits(it))})
