"""Streams of posts in the order of their upload dates, computed on request.

A pair of VSO has up to 1.4 million search results and an owner up to 30,000 photos. All but the
listed ones are fillers: the k-th filler's id and date follow from k and grow with k. So the fillers
of a page or of a range of dates are found by bisection, whatever their number.
"""

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from math import pi, sin
from typing import overload

from flickr_emotion.harvest.sandbox.vso.ids import DISORDER, Calendar, blocks, scrambled

Entry = tuple[int, int, int]
"""Upload date in unix seconds, photo id, and which filler it is; `LISTED` for a listed photo."""
LISTED = -1

_BLOCK, _TAGGED = 20, 13  # Of twenty posts, thirteen have their pair's words as tags.
TAGGED_SHARE = _TAGGED / _BLOCK
_DRAWS = 64  # Number of different orders of tagged and untagged fillers in a block.
_ATTEMPTS = 8  # Tries for an id that no listed photo has; the first nearly always succeeds.


def ids_needed(count: int, unevenness: float) -> float:
    """Return how many ids a stream must own so that `count` fillers get one each."""
    # A filler uses only the first half of its range, which unevenness may shorten.
    return 2.2 * count / (1 - unevenness) + 2


@dataclass(frozen=True, kw_only=True)
class Fillers(Sequence[Entry]):
    """The fillers of one stream, oldest first."""

    seed: int
    total: int
    """The number of fillers."""
    first: int
    last: int
    """The range of their ids."""
    length: int
    """The length of the ending, in binary digits."""
    ending: int
    unevenness: float
    """From 0 (evenly spread over the ids) to below 1 (sparse and dense years and seasons)."""
    calendar: Calendar
    listed: Container[int]
    """The ids that a filler must not have."""
    _waves: tuple[tuple[int, float, float], ...] = field(init=False)
    _disorder: int = field(init=False)
    _room: int = field(init=False)

    def __post_init__(self) -> None:
        chance = scrambled(self.seed)
        phases = (chance % 1000 / 1000, chance // 1000 % 1000 / 1000)
        turns = (1 + (chance >> 32) % 3, 9 + (chance >> 40) % 3)
        waves = tuple((n, p, sin(2 * pi * p)) for n, p in zip(turns, phases, strict=True))
        object.__setattr__(self, "_waves", waves)
        # Neighbours must stay in order even in a dense stream.
        apart = self.calendar.slowest(self.first, self.last) * (1 << self.length)
        object.__setattr__(self, "_disorder", min(DISORDER, max(int(apart - 1) // 2, 0)))
        object.__setattr__(self, "_room", blocks(self.first, self.last, self.length))

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, place: int, /) -> Entry: ...
    @overload
    def __getitem__(self, place: slice, /) -> list[Entry]: ...
    def __getitem__(self, place: int | slice, /) -> Entry | list[Entry]:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(self.total))]
        if not 0 <= place < self.total:
            raise IndexError(place)
        number = self.number(place)
        return self.calendar.date(number, self._disorder), number, place

    def number(self, place: int) -> int:
        """Return the photo id of a filler."""
        chance = self.seed ^ (place << 20)
        for attempt in range(_ATTEMPTS):
            aside = scrambled(chance + attempt) / (1 << 65)
            block = (self.first >> self.length) + 1 + int(self._room * self._bent(place + aside))
            number = block << self.length | self.ending
            if number not in self.listed:
                return number
        # The range may be so short that all draws are the same; then its second half is free.
        while number in self.listed:
            number += 1 << self.length
        return number

    def _bent(self, place: float) -> float:
        """Return the position of a filler in the range of ids, from 0 to 1."""
        even = place / self.total
        if not self.unevenness:
            return even
        bend = sum((sin(2 * pi * (n * even + p)) - start) / n for n, p, start in self._waves)
        return even + self.unevenness / 2 * bend / (2 * pi)

    def place(self, number: int) -> int | None:
        """Return which filler has this photo id, or None."""
        place = bisect_left(range(self.total), number, key=self.number)
        return place if place < self.total and self.number(place) == number else None

    def tagged(self, place: int) -> bool:
        """Whether a filler has its pair's words as tags."""
        return place % _BLOCK in self._tagged_in(place // _BLOCK)

    def _tagged_in(self, block: int) -> tuple[int, ...]:
        return _ORDERS[scrambled(self.seed + 1 + block) % _DRAWS]

    def tagged_place(self, rank: int) -> int:
        """Return which filler is the tagged one of this rank, from 0."""
        block, within = divmod(rank, _TAGGED)
        return block * _BLOCK + self._tagged_in(block)[within]

    def count_tagged(self) -> int:
        """Return the number of tagged fillers."""
        block, within = divmod(self.total, _BLOCK)
        return block * _TAGGED + sum(place < within for place in self._tagged_in(block))


def _drawn_orders() -> list[tuple[int, ...]]:
    return [
        tuple(sorted(sorted(range(_BLOCK), key=lambda k: scrambled(draw << 8 | k))[:_TAGGED]))
        for draw in range(_DRAWS)
    ]


_ORDERS = _drawn_orders()


class TaggedFillers(Sequence[Entry]):
    """The tagged fillers of a stream."""

    def __init__(self, fillers: Fillers) -> None:
        self._fillers = fillers
        self._count = fillers.count_tagged()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, rank: int, /) -> Entry: ...
    @overload
    def __getitem__(self, rank: slice, /) -> list[Entry]: ...
    def __getitem__(self, rank: int | slice, /) -> Entry | list[Entry]:
        if isinstance(rank, slice):
            return [self[k] for k in range(*rank.indices(self._count))]
        return self._fillers[self._fillers.tagged_place(rank)]


class Stream:
    """Listed photos and fillers as one sequence, by date and id."""

    def __init__(self, listed: Sequence[Entry], fillers: Sequence[Entry] = ()) -> None:
        """`listed` and `fillers` must be sorted."""
        self._listed = listed
        self._fillers = fillers

    def __len__(self) -> int:
        return len(self._listed) + len(self._fillers)

    def before(self, date: int) -> int:
        """Return how many entries are older than a date in unix seconds."""
        bound = (date, 0, 0)
        return bisect_left(self._listed, bound) + bisect_left(self._fillers, bound)

    def entries(self, start: int, end: int) -> list[Entry]:
        """Return the entries from position `start` to before `end`, oldest first."""
        if start >= end:
            return []
        low, high = self._fillers_before(start), self._fillers_before(end)
        return sorted([*self._listed[start - low : end - high], *self._fillers[low:high]])

    def _fillers_before(self, place: int) -> int:
        """Return how many of the first `place` entries are fillers."""
        return bisect_left(
            range(len(self._fillers)),
            place,
            key=lambda k: k + bisect_left(self._listed, self._fillers[k]),
        )
