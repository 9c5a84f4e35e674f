"""Estimate a photo's upload date from its id: Flickr's ids grow with the time of upload.

Listings are requested by upload date, but only the ids of the wanted photos are known. Every answer
names both, so the crawl learns the relation as it goes, more finely with each page. It starts from
a few recorded answers of Flickr.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

RECORDED = (
    (0, 1076371200),
    (5536044022, 1300402940),
    (10115956703, 1381061206),
    (49514337848, 1581319011),
    (53517142775, 1707406357),
    (54450311696, 1744597680),
)
"""Photo ids with their upload times (unix seconds): Flickr's opening day, recorded answers."""
# Owners can change an upload date, so the median of this many neighbours is used.
_TOGETHER = 25
# Ids and dates are not in exactly the same order.
_DISORDER_SECONDS = 60
# No finer resolution than this is needed.
_FINEST_SECONDS = 600


class DatedPhoto(NamedTuple):
    """A photo by its id, and when it was uploaded."""

    photo_id: int
    uploaded: int
    """Unix seconds."""


class UploadDates:
    """The known relation of ids and upload dates; not safe for several threads at once."""

    def __init__(self, known: Iterable[tuple[int, int]] = ()) -> None:
        """Start with the recorded answers and with what an earlier crawl learned (``known``)."""
        self._ids = [photo_id for photo_id, _ in RECORDED]
        self._dates = [float(date) for _, date in RECORDED]
        for photo_id, date in known:
            self._insert(photo_id, float(date))

    def learn(self, dated: Iterable[tuple[int, int]]) -> None:
        """Learn from a page: (photo id, upload date in unix seconds), neighbours in date."""
        page = sorted(dated)
        for start in range(0, len(page), _TOGETHER):
            some = page[start : start + _TOGETHER]
            if len(some) == _TOGETHER or start == 0:
                dates = sorted(date for _, date in some)
                self._insert(some[len(some) // 2][0], float(dates[len(dates) // 2]))

    def _insert(self, photo_id: int, date: float) -> None:
        place = bisect_left(self._ids, photo_id)
        if 0 < place < len(self._ids):
            # A date that contradicts its neighbours was changed by the owner.
            low, high = self._dates[place - 1], self._dates[place]
            if not low - _DISORDER_SECONDS <= date <= high + _DISORDER_SECONDS:
                return
            if high - low < _FINEST_SECONDS:
                return
        self._ids.insert(place, photo_id)
        self._dates.insert(place, date)

    def not_after(self, photo_id: int) -> int | None:
        """Return a date (unix seconds) after which the photo was most likely not uploaded.

        None if the id is larger than all known ones.
        """
        place = bisect_left(self._ids, photo_id)
        if place == len(self._ids):
            return None
        low_id, high_id = self._ids[max(place - 1, 0)], self._ids[place]
        low, high = self._dates[max(place - 1, 0)], self._dates[place]
        share = (photo_id - low_id) / (high_id - low_id) if high_id > low_id else 1.0
        # Add a tenth of the uncertainty, to be on the safe side.
        estimate = low + share * (high - low) + 0.1 * (high - low) + _DISORDER_SECONDS
        return int(min(estimate, high + _DISORDER_SECONDS)) + 1
