"""The names of the three modalities of a post and of their seven subsets.

A subset is written as its modalities joined by ``+`` in the order of ``MODALITIES``, such as
``image+tags``. It names a head of the network, a row of the paper's tables, and a value of a data
set's column ``modalities``.
"""

from collections.abc import Iterable
from itertools import combinations

MODALITIES = ("image", "text", "tags")


def subset_name(modalities: Iterable[str]) -> str:
    """Return the name of the subset of these modalities, given in any order.

    Raises ``ValueError`` for an unknown modality or an empty subset.
    """
    present = set(modalities)
    if unknown := present.difference(MODALITIES):
        raise ValueError(f"unknown modality {sorted(unknown)[0]!r}: one of {', '.join(MODALITIES)}")
    if not present:
        raise ValueError("a subset holds at least one modality")
    return "+".join(modality for modality in MODALITIES if modality in present)


SUBSETS = tuple(
    subset_name(chosen)
    for size in range(1, len(MODALITIES) + 1)
    for chosen in combinations(MODALITIES, size)
)
COMPLETE = SUBSETS[-1]


def subset_in_words(subset: str) -> str:
    """Return a subset as people write it: ``image, text and tags``."""
    *before, last = subset.split("+")
    return f"{', '.join(before)} and {last}" if before else last


def answering_subset(held: Iterable[str], ranking: Iterable[str]) -> str | None:
    """Return which head answers a post that holds these modalities: the last one that can.

    ``ranking``: the heads that there are, the preferred ones last (``model/runs/heads.py``). None
    if every head needs a modality that the post lacks.
    """
    here = set(held)
    fitting = [subset for subset in ranking if here.issuperset(subset.split("+"))]
    return fitting[-1] if fitting else None
