"""Photo ids of a virtual corpus: their upload dates, and the stream of posts that each belongs to.

A computed post must be found again by its id: `getInfo` must return the post that a listing showed,
and no two posts may share an id. So every stream of fillers owns the ids with one binary ending,
which is shorter for denser streams.

Dates follow ids like Flickr's: they are close to the recorded pairs of id and date, deviate by days
between them, and are out of order by seconds among neighbours. A crawler that interpolates between
a few known pairs is off by days, as it is on Flickr.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import pi, sin

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.posts import derived, upload_date

LAST_OF_LISTS = 8_480_000_000
"""Approximately the last id in VSO's lists."""
HIGHEST = 60_000_000_000
"""Flickr has no higher photo id yet."""
DISORDER = 20
"""The most seconds by which the date of an id may deviate from its neighbours' order."""
_KNOT = 23  # Binary digits of the distance in ids between two knots of the curve of dates.
_DEPTH = 22  # Binary digits of the longest ending.
_MASK = (1 << 64) - 1
# Seconds, and ids per period: large enough to mislead, too small to reverse the order of dates.
_WIGGLES = ((250_000, 970_000_000), (90_000, 230_000_000))
_CALM_START = 500_000_000  # The wiggles grow over these ids, so that no date is before Flickr.


def scrambled(number: int) -> int:
    """Return 64 bits that look random and depend only on `number` (SplitMix64)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class Calendar:
    """The upload dates, in unix seconds, of ids up to `HIGHEST`."""

    def __init__(self, seed: int) -> None:
        self._salt = derived("disorder", seed)
        phases = [derived("wiggle", seed, period) % 1000 / 1000 for _, period in _WIGGLES]

        def wandering(number: int) -> int:
            aside = sum(
                seconds * sin(2 * pi * (number / period + phase))
                for (seconds, period), phase in zip(_WIGGLES, phases, strict=True)
            )
            return upload_date(str(number)) + int(aside * min(number / _CALM_START, 1))

        numbers = range(0, HIGHEST + (2 << _KNOT), 1 << _KNOT)
        self._knots = list(accumulate(map(wandering, numbers), max))

    def date(self, number: int, disorder: int = DISORDER) -> int:
        """Return the upload date of an id, out of order by at most `disorder` seconds."""
        knot = number >> _KNOT
        before = self._knots[knot]
        passed = (number & ((1 << _KNOT) - 1)) * (self._knots[knot + 1] - before) >> _KNOT
        off = scrambled(number ^ self._salt) % (2 * disorder + 1) - disorder
        return before + passed + off

    def slowest(self, first: int, last: int) -> float:
        """Return the smallest number of seconds per id between two ids."""
        knots = self._knots[first >> _KNOT : (last >> _KNOT) + 2]
        steps = (after - before for before, after in pairwise(knots))
        return min(steps) / (1 << _KNOT)


def ending_length(first: int, last: int, needed: float) -> int:
    """Return the length of an ending, in binary digits, that `needed` ids in the range have.

    Raises ``HarvestError`` if there are too few ids from `first` to `last` for any ending.
    """
    for length in range(_DEPTH, -1, -1):
        if blocks(first, last, length) >= needed:
            return length
    raise HarvestError(
        f"the ontology has more pictures than Flickr had photos from id {first} to {last}: "
        "lower its #imgs"
    )


def blocks(first: int, last: int, length: int) -> int:
    """Return how many ids with one ending of this length lie safely between `first` and `last`."""
    return (last >> length) - (first >> length) - 1


class Endings:
    """A unique ending for each stream: a prefix code, read backwards.

    Raises ``HarvestError`` if the streams together need too many ids.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = lengths
        # Longer endings take smaller shares. In this order each share begins at a multiple of
        # itself.
        self._order = sorted(range(len(lengths)), key=lengths.__getitem__)
        shares = [1 << (_DEPTH - lengths[stream]) for stream in self._order]
        self._starts = list(accumulate(shares, initial=0))
        if self._starts.pop() > 1 << _DEPTH:
            raise HarvestError(
                "the lists have too many pairs, owners and #imgs for Flickr's ids: remove some"
            )
        self._rank = {stream: rank for rank, stream in enumerate(self._order)}

    def ending(self, stream: int) -> int:
        """Return the ending of a stream: the lowest binary digits of its ids."""
        return _mirrored(self._starts[self._rank[stream]])

    def stream(self, number: int) -> int | None:
        """Return the stream that owns an id, or None."""
        share = _mirrored(number & ((1 << _DEPTH) - 1))
        rank = bisect_right(self._starts, share) - 1
        if rank < 0:
            return None
        stream = self._order[rank]
        length = 1 << (_DEPTH - self._lengths[stream])
        return stream if share < self._starts[rank] + length else None


def _mirrored(bits: int) -> int:
    return int(f"{bits:0{_DEPTH}b}"[::-1], 2)
