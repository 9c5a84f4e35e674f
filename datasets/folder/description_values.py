"""Checks the values of ``dataset.json`` and ``vocabulary.json`` one by one.

The files may come from others. Each function raises a ``ValueError`` that names the wrong entry and
what it should be.
"""

from datetime import datetime
from typing import Any

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.file_digests import FILES
from flickr_emotion.datasets.folder.layout import is_known
from flickr_emotion.harvest.flickr.photo_url import SIZES

TIME = "%Y-%m-%dT%H:%M:%SZ"
"""How times are written in ``dataset.json``."""
_KINDS = ("votes", "sentiment", "labels")
_LONGEST_TEXT = 200
# Entries of `dataset.json` that not every data set has.
_OPTIONAL = ("excluded", "texts", "leakage", "reduced")


def text_of(content: dict[str, Any], name: str) -> str:
    """Return a short text."""
    value = content.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"{name!r} is not a short text")
    return value


def kind_of(content: dict[str, Any]) -> str:
    """Return where the labels come from: ``votes``, ``sentiment`` or ``labels``."""
    kind = text_of(content, "kind")
    if kind not in _KINDS:
        raise ValueError(f"'kind' is not one of {', '.join(_KINDS)}")
    return kind


def object_of(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object."""
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} is not an object")
    return value


def count_of(content: dict[str, Any], name: str) -> int:
    """Return a whole number from 0."""
    value = content.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"{name!r} is not a count")
    return value


def counts_of(content: dict[str, Any], name: str) -> dict[str, int]:
    """Return whole numbers from 0 by name."""
    counts = object_of(content, name)
    for key, value in counts.items():
        if type(value) is not int or value < 0:
            raise ValueError(f"{name!r} has no valid count of {ascii(key)[:50]}")
    return counts


def counts_by_split(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return ``counts``: by split ``total``, ``labels``, ``subsets`` and more."""
    counts = object_of(content, "counts")
    for split in SPLITS:
        of_split = object_of(counts, split)
        count_of(of_split, "total")
        counts_of(of_split, "labels")
        counts_of(of_split, "subsets")
        for name in ("licenses", "preferences"):  # older data sets have none
            counts_of({name: {}} | of_split, name)
    return counts


def image_size_of(content: dict[str, Any]) -> str | None:
    """Return the size of the pictures as fetched; None where it was not recorded."""
    size = content.get("image_size")  # older data sets do not have it
    if size is not None and not (isinstance(size, str) and size in SIZES):
        raise ValueError("'image_size' is no known size of pictures")
    return size


def files_of(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return size and digests by file; empty for an older data set, which has none."""
    files = object_of({FILES: {}} | content, FILES)
    for name in files:
        digests = object_of(files, name)
        if not is_known(name) or "sha256" not in digests or "bytes" not in digests:
            raise ValueError(f"{FILES!r} has an incomplete or unknown entry {ascii(name)[:50]}")
    return files


def check_collected(content: dict[str, Any]) -> None:
    """Check when the harvest was crawled; not every data set says it."""
    if "collected" not in content:
        return
    collected = object_of(content, "collected")
    count_of(collected, "calls")
    for name in ("first", "last"):
        try:
            datetime.strptime(text_of(collected, name), TIME)
        except ValueError:
            raise ValueError(f"'collected' has no valid time {name!r}") from None


def check_objects(content: dict[str, Any]) -> None:
    """Check the entries that not every data set has."""
    for name in _OPTIONAL:
        object_of({name: {}} | content, name)
