"""A photo's distribution over the classes, from every vote on it.

The label keeps only the agreeing votes of one class. Label distribution learning (Geng, 2016:
Label Distribution Learning, IEEE TKDE 28(7)) needs a share for every class. Workers were asked
whether a picture shows one emotion, so an agreeing vote is a vote for its class; a disagreeing vote
says only that it is another class, and counts in equal parts for all others.
``docs/datasets.md`` explains the rule.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Ballot(NamedTuple):
    """What is known of the votes on one class."""

    label: str
    agree: float
    disagree: float | None
    """None if the list does not say it."""


_ROUNDING = 1e-6
"""How far the sum of numbers may be from 1 that are shares already."""


def ballots_of(rows: Iterable[tuple[str | None, int | None, int | None]]) -> list[Ballot] | None:
    """Return a photo's ballots from its rows (label, agree, disagree); None if they hold no votes.

    Repeated rows are summed.
    """
    agree: dict[str, float] = defaultdict(float)
    disagree: dict[str, float | None] = defaultdict(lambda: None)
    for name, agreeing, disagreeing in rows:
        if name is not None and agreeing is not None:
            agree[name] += agreeing
            if disagreeing is not None:
                disagree[name] = (disagree[name] or 0.0) + disagreeing
    return [Ballot(name, agree[name], disagree[name]) for name in sorted(agree)] or None


def vote_distribution(
    ballots: Sequence[Ballot], classes: tuple[str, ...]
) -> tuple[float, ...] | None:
    """Return the share of each class, in the order of ``classes``; None without any vote.

    Votes on what is not a class do not count. Numbers without votes against them that sum to 1
    already are not changed.
    """
    return _distribution(tuple(ballots), classes)


@lru_cache(maxsize=4096)  # with five votes a photo there are few different ones
def _distribution(
    ballots: tuple[Ballot, ...], classes: tuple[str, ...]
) -> tuple[float, ...] | None:
    agree = dict.fromkeys(classes, 0.0)
    disagree = dict.fromkeys(classes, 0.0)
    for name, agreeing, disagreeing in ballots:
        if name in agree:
            agree[name], disagree[name] = agreeing, disagreeing or 0.0
    against = sum(disagree.values())
    total = sum(agree.values()) + against
    if not total:
        return None
    if not against and abs(total - 1) <= _ROUNDING:
        return tuple(agree.values())
    others = len(classes) - 1
    if not others:
        return (1.0,)
    return tuple((agree[name] + (against - disagree[name]) / others) / total for name in classes)


def with_distribution(fingerprint: bytes, distribution: Sequence[float] | None) -> bytes:
    """Return the digest of a post's content that covers its distribution too.

    A post without one keeps its digest.
    """
    if distribution is None:
        return fingerprint
    return hashlib.sha256(fingerprint + _packed(tuple(distribution))).digest()


@lru_cache(maxsize=4096)
def _packed(distribution: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(distribution)}d", *distribution)


def with_distributions(
    fingerprints: Sequence[bytes],
    different: Sequence[Sequence[float] | None],
    which: npt.NDArray[np.int64],
) -> list[bytes]:
    """Return what ``with_distribution`` returns for each post; see ``distributions_in``."""
    packed = [None if it is None else _packed(tuple(it)) for it in different]
    sha256 = hashlib.sha256
    return [
        fingerprint if (shares := packed[number]) is None else sha256(fingerprint + shares).digest()
        for fingerprint, number in zip(fingerprints, which.tolist(), strict=True)
    ]


def distributions_in(
    ballots: pa.ListArray, classes: tuple[str, ...]
) -> tuple[list[tuple[float, ...] | None], npt.NDArray[np.int64]]:
    """Return the different distributions of a column of ballots, and which of them each row has.

    With five votes a photo there are few different ones, so each is computed once.
    """
    different, each = _different_ballots(ballots.flatten())
    lengths = pc.fill_null(pc.list_value_length(ballots), 0).to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    which = np.empty(len(ballots), np.int64)
    # Most rows have one ballot, so what it is, is what the row is.
    which[lengths == 1] = each[starts[lengths == 1]]
    several: dict[tuple[int, ...], int] = {}
    for row in np.flatnonzero(lengths > 1):
        of_row = tuple(each[starts[row] : starts[row] + lengths[row]].tolist())
        which[row] = len(different) + several.setdefault(of_row, len(several))
    which[lengths == 0] = len(different) + len(several)
    rows = [[ballot] for ballot in different]
    rows += [[different[number] for number in of_row] for of_row in several]
    return [*(vote_distribution(row, classes) for row in rows), None], which


def _different_ballots(ballots: pa.StructArray) -> tuple[list[Ballot], npt.NDArray[np.int64]]:
    """Return the different ballots of a column, and which of them each is."""
    whole = np.zeros(len(ballots), np.int64)
    encoded = []
    for name in Ballot._fields:
        column = ballots.field(name).dictionary_encode(null_encoding="encode")
        encoded.append(column.dictionary.to_pylist())
        whole = whole * len(encoded[-1]) + column.indices.to_numpy()
    numbered = pa.array(whole).dictionary_encode()
    names, agree, disagree = encoded
    different = []
    for number in numbered.dictionary.to_pylist():
        number, of_disagree = divmod(number, len(disagree))
        of_name, of_agree = divmod(number, len(agree))
        different.append(Ballot(names[of_name], agree[of_agree], disagree[of_disagree]))
    return different, numbered.indices.to_numpy()
