"""The rules by which words and tags become ids, for training and for programs without this project.

`export` copies this module into its folder (``model/export/client_files.py``), so it imports
nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

MAX_WORDS = 150
"""Of a text, that are read (section 4.1)."""


def word_ids(
    words: Sequence[str], known: Mapping[str, int], *, unknown: int, most: int
) -> list[int]:
    """Return the ids of the first ``most`` words of a text."""
    return [known.get(word, unknown) for word in words[:most]]


def tag_ids(tags: Iterable[str], known: Mapping[str, int], *, unknown: int, most: int) -> list[int]:
    """Return the ids of the ``most`` tags most frequent in training; unknown ones once, and last.

    Ids are ranks, so the smallest are the most frequent.
    """
    ids = {known.get(tag, unknown) for tag in tags}
    return (sorted(ids - {unknown}) + [unknown] * (unknown in ids))[:most]
