"""List the photos of a subject by its words, as text and as tags, the better way first.

For the first large subjects one page is listed both ways, to see which finds more. Photos that one
way missed are seldom found by the other; how often is learned over all subjects.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.flickr.listings import Listing, word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import Yields, windows

if TYPE_CHECKING:  # It loads numpy, which a crawl of pictures alone does not need.
    from flickr_emotion.harvest.calls.sweep import Sweep

# The prior share of photos missed by one way that the other is expected to show.
_AGAIN = 0.5
# Subjects with this many open photos are listed both ways, to see which finds more: the first few
# of them, and further ones as long as the second way is clearly better often enough.
_WORTH_COMPARING = 30
_COMPARISONS = 8
_CLEARLY = 1.25
_OFTEN = 0.2


class Brought(NamedTuple):
    """The yield of the listings of a subject."""

    calls: int
    won: int
    """Number of photos that were settled."""


@dataclass(slots=True)
class _Way:
    """One of the listings that may show a subject's photos, with its calls in this job."""

    listing: Listing
    sweep: "Sweep"
    calls: int = 0


class SubjectListings:
    """Lists subjects for the threads of the API stage, and learns from each for the next."""

    def __init__(self, ledger: Ledger, calls: ApiCalls) -> None:
        """Start without comparisons of the two ways."""
        self._ledger = ledger
        self._calls = calls
        self._lock = threading.Lock()
        self._compared = self._second_better = 0
        self._again = {kind: Yields(hits=_AGAIN) for kind in ("text", "tags")}

    def list_subject(self, subject: str, photo_ids: tuple[int, ...]) -> Brought:
        """List a pair or an emotion with these open photos, as long as it is worthwhile."""
        from flickr_emotion.harvest.calls.sweep import Sweep

        ways = [
            _Way(listing, Sweep(photo_ids, windows(self._ledger, listing)))
            for listing in word_listings(subject)
        ]
        first, second = ways
        open_ids = set(photo_ids)
        if not first.sweep.asked:
            self._list_way(first, ways, open_ids, pages=1)
        if len(open_ids) >= _WORTH_COMPARING and (second.sweep.asked or self._worth_comparing()):
            if not second.sweep.asked:
                self._list_way(second, ways, open_ids, pages=1)
            better = second.sweep.rate > _CLEARLY * first.sweep.rate
            with self._lock:
                self._compared += 1
                self._second_better += better
            if better:
                first, second = second, first
        self._list_way(first, ways, open_ids)
        # Photos that one way missed are seldom found by the other; learn how often.
        again = self._again[second.listing.kind]
        span = second.sweep.usual_span or first.sweep.usual_span
        second.sweep.look_again(open_ids, usual_span=span, usual_hits=again.hits)
        if span is not None:
            self._list_way(second, ways, open_ids, yields=again)
        return Brought(calls=sum(way.calls for way in ways), won=len(photo_ids) - len(open_ids))

    def _worth_comparing(self) -> bool:
        """Whether the second way has been clearly better often enough to compare again."""
        with self._lock:
            return self._second_better >= _OFTEN * max(self._compared - _COMPARISONS, 0)

    def _list_way(
        self,
        way: _Way,
        ways: list[_Way],
        open_ids: set[int],
        *,
        pages: int | None = None,
        yields: Yields | None = None,
    ) -> None:
        """List the worthwhile pages of one listing, at most ``pages``."""
        while not self._calls.stopped and pages != 0:
            start = way.sweep.next_start()
            if start is None:
                return
            page = self._calls.list_page_with_retries(way.listing, way.sweep, start)
            if pages is not None:
                pages -= 1
            if page is None:
                continue
            way.calls += 1
            if yields is not None:
                with self._lock:
                    yields.add(page.window)
            open_ids.difference_update(page.photo_ids)
            for other in ways:
                other.sweep.settle(page.photo_ids)
