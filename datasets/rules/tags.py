"""The rule for tags: Flickr's own normalisation, so that a tag has one spelling everywhere.

Tags from a harvest, from one's own file and from a person's keyboard become equal under it. It
changes none of the tags that Flickr was recorded to answer.
"""

from collections.abc import Iterable

from flickr_emotion.harvest.flickr.tags import letters_and_digits, normal_form


def normalise_tags(raw_tags: Iterable[str]) -> list[str]:
    """Return the tags in their normal form, without doubles, in alphabetical order."""
    return sorted({tag for raw in raw_tags if (tag := normal_form(raw))})


def former_tags(tags: Iterable[str]) -> list[str]:
    """Return normal forms as manifests of version 1 have them: letters and digits alone."""
    return sorted({tag for it in tags if (tag := letters_and_digits(it))})
