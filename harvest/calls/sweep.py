"""The yield rule: where in a listing the next call is worth more than asking for one photo.

A listing (every photo that Flickr finds for a pair of words, or every photo of an owner) is up to
millions long, in the order of upload, and a call shows 500 of it from any date on. The wanted
photos are scattered in it; their ids say where. So no listing is read from end to end: each call
starts at a wanted photo, takes along those that happen to lie behind it, and the next starts at
the next one that no page has covered. Whether that pays is predicted from what this listing showed
before: how many ids a page spans there, and how many of the photos that a page should have shown
it did show. A photo for which less than ``WORTHWHILE`` is predicted is left to ``getInfo``, which
settles one photo a call.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from flickr_emotion.harvest.ledger.listings import Window

WORTHWHILE = 1.2
"""Wanted photos that a call must be expected to show; ``getInfo`` answers one."""
_TRIES = 3
# A listing whose pages are not to be had, or never show what they should, costs more than it saves.
_FAILED_PAGES = 2
_BARREN_PAGES = 5  # in a row
# What is believed of a listing before it was asked: two of two wanted photos seen.
_PRIOR_SOUGHT = 2.0


class Sweep:
    """The way through one listing: what is open in it, and what its pages taught."""

    def __init__(
        self,
        open_ids: Iterable[int],
        windows: Sequence[Window] = (),
        *,
        usual_span: float | None = None,
        usual_hits: float = 1.0,
    ) -> None:
        """``open_ids``: photos without a post that the listing may show.

        ``windows``: its calls so far. ``usual_span`` and ``usual_hits``: what a page spans, and the
        share of wanted photos that is shown, in listings of this kind; they count until this one
        has been asked. Without a ``usual_span`` its first call is made to find out.
        """
        self._open = np.unique(np.fromiter(open_ids, dtype=np.int64))[::-1]
        self._usual_span = usual_span
        self._usual_hits = usual_hits
        self._windows: list[Window] = []
        self._sought = self._found = 0
        self._tries: dict[int, int] = {}
        self._failed_pages = self._barren_pages = 0
        for window in windows:
            self._cover(window)

    @property
    def open_count(self) -> int:
        """Photos that no page has covered."""
        return len(self._open)

    @property
    def hits(self) -> float:
        """The share of the photos that a page should show which it does show, as seen so far."""
        return (self._found + _PRIOR_SOUGHT * self._usual_hits) / (self._sought + _PRIOR_SOUGHT)

    def next_start(self) -> int | None:
        """Return the photo id from which the next call should list; None: none is worth a call."""
        if self._failed_pages >= _FAILED_PAGES or self._barren_pages >= _BARREN_PAGES:
            return None
        yields = self._predicted()
        if yields is None:
            return int(self._open[0]) if len(self._open) >= 2 and not self._tries else None
        for place in np.flatnonzero(yields >= WORTHWHILE):
            start = int(self._open[place])
            if self._tries.get(start, 0) < _TRIES:
                return start
        return None

    @property
    def usual_span(self) -> float | None:
        """Photo ids that a full page spans, in the middle one of its calls."""
        spans = sorted(window.page_span for window in self._windows if window.results)
        return spans[len(spans) // 2] if spans else None

    @property
    def windows(self) -> list[Window]:
        """What the listing's calls have covered."""
        return list(self._windows)

    @property
    def asked(self) -> bool:
        """Whether the listing has been asked for at all."""
        return bool(self._windows)

    @property
    def rate(self) -> float:
        """Wanted photos that a call brings, as predicted for all calls that are worthwhile."""
        calls, left = self.expected_calls()
        return (len(self._open) - left) / calls if calls else 0.0

    def expected_calls(self) -> tuple[float, int]:
        """Return the calls that are worth making here, and the photos left open after them."""
        yields = self._predicted()
        if yields is None:
            return 1.0, 0
        worthwhile = yields[yields >= WORTHWHILE]
        # A photo that a call takes along with n - 1 others costs the nth part of it.
        calls = float((self.hits / worthwhile).sum())
        left = len(self._open) - round(len(worthwhile) * self.hits)
        return calls, left

    def _predicted(self) -> npt.NDArray[np.float64] | None:
        """Return the wanted photos that a call from each open one is expected to show."""
        spans = self._spans()
        if spans is None:
            return None
        rising = self._open[::-1]
        behind = np.searchsorted(rising, self._open, side="right") - np.searchsorted(
            rising, self._open - spans, side="left"
        )
        return np.asarray(behind * self.hits, dtype=np.float64)

    def _spans(self) -> npt.NDArray[np.float64] | None:
        """Return the ids that a page spans at each open photo: as in the nearest window."""
        full = [window for window in self._windows if window.results and window.page_span > 0]
        if not full:
            if self._windows:  # nothing at all is listed
                return np.zeros(len(self._open))
            if self._usual_span is None:
                return None
            return np.full(len(self._open), self._usual_span)
        full.sort(key=lambda window: window.oldest_id)
        places = np.array([window.oldest_id for window in full], dtype=np.int64)
        spans = np.array([window.page_span for window in full])
        # The window above is the nearest: a sweep goes from new to old.
        above = np.clip(np.searchsorted(places, self._open), 0, len(full) - 1)
        return np.asarray(spans[above], dtype=np.float64)

    def sought_between(self, newest_id: int, oldest_id: int) -> set[int]:
        """Return the open photos whose ids lie between."""
        inside = self._open[(self._open <= newest_id) & (self._open >= oldest_id)]
        return {int(photo_id) for photo_id in inside}

    def shown(self, start: int, window: Window, photo_ids: Iterable[int]) -> None:
        """Take in the page of a call that started at ``start``."""
        self._tries[start] = self._tries.get(start, 0) + 1
        self.settle(photo_ids)
        self._cover(window)

    def failed(self, start: int) -> None:
        """Take in that the page from ``start`` on is not to be had."""
        self._tries[start] = _TRIES
        self._failed_pages += 1

    def settle(self, photo_ids: Iterable[int]) -> None:
        """Take in that these photos have their posts."""
        settled = np.fromiter(photo_ids, dtype=np.int64)
        self._open = self._open[~np.isin(self._open, settled)]

    def look_again(
        self, photo_ids: Iterable[int], *, usual_span: float | None, usual_hits: float
    ) -> None:
        """Go on for these photos only, which another listing was asked for in vain.

        What this listing showed before says nothing of them: ``usual_hits`` does.
        """
        self._open = np.intersect1d(self._open, np.fromiter(photo_ids, dtype=np.int64))[::-1]
        self._sought = self._found = 0
        self._usual_hits = usual_hits
        self._usual_span = usual_span

    def _cover(self, window: Window) -> None:
        self._windows.append(window)
        self._sought += window.sought
        self._found += window.found
        self._barren_pages = 0 if window.found else self._barren_pages + 1
        covered = (self._open <= window.newest_id) & (self._open >= window.oldest_id)
        self._open = self._open[~covered]
