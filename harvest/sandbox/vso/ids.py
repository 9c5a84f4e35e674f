"""Photo ids of a virtual corpus: when each was uploaded, and which stream of posts it belongs to.

Posts that are computed need ids that tell what they are: `getInfo` of a post that a listing showed
must find it again, and no two posts may share an id. So every stream of fillers owns the ids with
one ending in binary digits, as short or as long as the stream is dense.

Dates follow ids as Flickr's do: they pass near the recorded pairs of id and date, wander off by
days between them, and are out of order by seconds among neighbours. A crawler that interpolates
between a few pairs of its own is off by days here too.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import pi, sin

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.posts import derived, upload_date

LAST_OF_LISTS = 8_480_000_000
"""About where the ids of VSO's lists end."""
HIGHEST = 60_000_000_000
"""No photo of Flickr's has a higher id yet."""
DISORDER = 20
"""Seconds by which the date of an id may be off its neighbours' order."""
_KNOT = 23  # binary digits of the ids from one knot of the dates' curve to the next
_DEPTH = 22  # binary digits of the longest ending
_MASK = (1 << 64) - 1
# Seconds, and ids to a period. Steep enough to mislead, too flat to turn the order of dates round.
_WIGGLES = ((250_000, 970_000_000), (90_000, 230_000_000))
_CALM_START = 500_000_000  # ids over which the wiggles set in: nothing was posted before Flickr


def scrambled(number: int) -> int:
    """64 bits that look random and stand for `number` for ever (SplitMix64)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class Calendar:
    """Upload dates, in unix seconds, of ids up to `HIGHEST`."""

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
        """The upload date of an id, out of order by at most `disorder` seconds."""
        knot = number >> _KNOT
        before = self._knots[knot]
        passed = (number & ((1 << _KNOT) - 1)) * (self._knots[knot + 1] - before) >> _KNOT
        off = scrambled(number ^ self._salt) % (2 * disorder + 1) - disorder
        return before + passed + off

    def slowest(self, first: int, last: int) -> float:
        """Seconds for each id, where they are fewest between two ids."""
        knots = self._knots[first >> _KNOT : (last >> _KNOT) + 2]
        steps = (after - before for before, after in pairwise(knots))
        return min(steps) / (1 << _KNOT)


def ending_length(first: int, last: int, needed: float) -> int:
    """How many binary digits of an ending leave `needed` ids with it from `first` to `last`.

    Raises:
        HarvestError: there are too few ids, whatever their ending.
    """
    for length in range(_DEPTH, -1, -1):
        if blocks(first, last, length) >= needed:
            return length
    raise HarvestError(
        f"the ontology has more pictures than Flickr had photos from id {first} to {last}: "
        "lower its #imgs"
    )


def blocks(first: int, last: int, length: int) -> int:
    """How many ids with one ending of this length lie well between `first` and `last`."""
    return (last >> length) - (first >> length) - 1


class Endings:
    """An ending for each stream, none the tail of another's: a prefix code, read backwards.

    Raises:
        HarvestError: the streams together need more ids than there are.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = lengths
        # Longer endings take smaller shares; in this order each share begins at a multiple of it.
        self._order = sorted(range(len(lengths)), key=lengths.__getitem__)
        shares = [1 << (_DEPTH - lengths[stream]) for stream in self._order]
        self._starts = list(accumulate(shares, initial=0))
        if self._starts.pop() > 1 << _DEPTH:
            raise HarvestError(
                "the lists have too many pairs, owners and #imgs for Flickr's ids: take some out"
            )
        self._rank = {stream: rank for rank, stream in enumerate(self._order)}

    def ending(self, stream: int) -> int:
        """The lowest binary digits of the stream's ids, as many as its length says."""
        return _mirrored(self._starts[self._rank[stream]])

    def stream(self, number: int) -> int | None:
        """The stream that owns an id, or None."""
        share = _mirrored(number & ((1 << _DEPTH) - 1))
        rank = bisect_right(self._starts, share) - 1
        if rank < 0:
            return None
        stream = self._order[rank]
        length = 1 << (_DEPTH - self._lengths[stream])
        return stream if share < self._starts[rank] + length else None


def _mirrored(bits: int) -> int:
    return int(f"{bits:0{_DEPTH}b}"[::-1], 2)
