"""The yield rule: where a call for a page of a listing is worth more than a call for one photo.

A listing (all photos that Flickr finds for a pair of words, or all photos of an owner) can have
millions of entries, in the order of upload, and a call shows 500 of them from any date on. The
wanted photos are scattered in it, and their ids say where. So no listing is read from end to end.
Each call starts at a wanted photo and also shows the wanted photos that follow closely; the next
call starts at the next photo that no page has covered. The yield of a call is predicted from
earlier pages of the listing: how many ids a page spans there, and which share of the photos that it
should have shown it did show. Photos with a predicted yield below ``WORTHWHILE`` are left to
``getInfo``, which settles one photo per call.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from flickr_emotion.harvest.ledger.listings import Window

WORTHWHILE = 1.2
"""The least number of wanted photos that a call must be expected to show; ``getInfo`` shows one."""
_TRIES = 3
# A listing is given up when its pages fail, or when pages in a row show no wanted photos.
_FAILED_PAGES = 2
_BARREN_PAGES = 5
# The prior for a listing before its first page: two of two wanted photos were shown.
_PRIOR_SOUGHT = 2.0


class Sweep:
    """The progress through one listing: its open photos, and what its pages have shown."""

    def __init__(
        self,
        open_ids: Iterable[int],
        windows: Sequence[Window] = (),
        *,
        usual_span: float | None = None,
        usual_hits: float = 1.0,
    ) -> None:
        """``open_ids``: photos without a post that the listing may show.

        ``windows``: the listing's pages so far. ``usual_span`` and ``usual_hits``: how many ids a
        page spans, and the share of wanted photos that it shows, in listings of this kind; they are
        used until this listing has a page. Without a ``usual_span`` the first call finds it out.
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
        """Number of photos that no page has covered."""
        return len(self._open)

    @property
    def hits(self) -> float:
        """The share of wanted photos in a page's range that pages have shown so far."""
        return (self._found + _PRIOR_SOUGHT * self._usual_hits) / (self._sought + _PRIOR_SOUGHT)

    def next_start(self) -> int | None:
        """Return the photo id where the next page should start; None if no page is worth a call."""
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
        """The median number of photo ids that a full page of this listing spans."""
        spans = sorted(window.page_span for window in self._windows if window.results)
        return spans[len(spans) // 2] if spans else None

    @property
    def windows(self) -> list[Window]:
        """The ranges that the listing's pages have covered."""
        return list(self._windows)

    @property
    def asked(self) -> bool:
        """Whether any page of the listing has been requested."""
        return bool(self._windows)

    @property
    def rate(self) -> float:
        """The predicted number of wanted photos per call, over all worthwhile calls."""
        calls, left = self.expected_calls()
        return (len(self._open) - left) / calls if calls else 0.0

    def expected_calls(self) -> tuple[float, int]:
        """Return the number of worthwhile calls, and of the photos still open after them."""
        yields = self._predicted()
        if yields is None:
            return 1.0, 0
        worthwhile = yields[yields >= WORTHWHILE]
        # A photo that a call shows together with n - 1 others costs 1/n of the call.
        calls = float((self.hits / worthwhile).sum())
        left = len(self._open) - round(len(worthwhile) * self.hits)
        return calls, left

    def _predicted(self) -> npt.NDArray[np.float64] | None:
        """Return, for each open photo, the number of wanted photos expected from a call there."""
        spans = self._spans()
        if spans is None:
            return None
        rising = self._open[::-1]
        behind = np.searchsorted(rising, self._open, side="right") - np.searchsorted(
            rising, self._open - spans, side="left"
        )
        return np.asarray(behind * self.hits, dtype=np.float64)

    def _spans(self) -> npt.NDArray[np.float64] | None:
        """Return, for each open photo, how many ids a page spans there, by the nearest window."""
        full = [window for window in self._windows if window.results and window.page_span > 0]
        if not full:
            if self._windows:  # The listing is empty.
                return np.zeros(len(self._open))
            if self._usual_span is None:
                return None
            return np.full(len(self._open), self._usual_span)
        full.sort(key=lambda window: window.oldest_id)
        places = np.array([window.oldest_id for window in full], dtype=np.int64)
        spans = np.array([window.page_span for window in full])
        # The window above is the nearest, since a sweep goes from new to old.
        above = np.clip(np.searchsorted(places, self._open), 0, len(full) - 1)
        return np.asarray(spans[above], dtype=np.float64)

    def sought_between(self, newest_id: int, oldest_id: int) -> set[int]:
        """Return the open photos whose ids lie between the two, inclusive."""
        inside = self._open[(self._open <= newest_id) & (self._open >= oldest_id)]
        return {int(photo_id) for photo_id in inside}

    def shown(self, start: int, window: Window, photo_ids: Iterable[int]) -> None:
        """Record the page of a call that started at ``start``."""
        self._tries[start] = self._tries.get(start, 0) + 1
        self.settle(photo_ids)
        self._cover(window)

    def failed(self, start: int) -> None:
        """Record that the page from ``start`` on could not be fetched."""
        self._tries[start] = _TRIES
        self._failed_pages += 1

    def settle(self, photo_ids: Iterable[int]) -> None:
        """Remove photos from the open ones, because they have their posts."""
        settled = np.fromiter(photo_ids, dtype=np.int64)
        self._open = self._open[~np.isin(self._open, settled)]

    def look_again(
        self, photo_ids: Iterable[int], *, usual_span: float | None, usual_hits: float
    ) -> None:
        """Restrict the sweep to photos that another listing did not show.

        The share that this listing has shown so far does not apply to them, so ``usual_hits`` is
        used instead.
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
