"""Fetch pages of listings, and determine which photo ids each page covers.

A page is requested by upload date and shows photos in the order of that date, but only the ids of
the wanted photos are known. Ids grow with the date, except for a few photos with a changed date. So
several photos at each end of a page decide together where it ends. Covered ids are not listed
again.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flickr_emotion.harvest.calls.videos import remove_poster_frames
from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.listings import PAGE, Listing
from flickr_emotion.harvest.flickr.upload_dates import DatedPhoto, UploadDates
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import (
    LARGEST_ID,
    Covered,
    Window,
    known_dates,
    record_page,
)
from flickr_emotion.harvest.pace.retry import TransientError

if TYPE_CHECKING:  # It loads numpy, which a crawl of pictures alone does not need.
    from flickr_emotion.harvest.calls.sweep import Sweep

# This many neighbours at the end of a page decide together where it ends.
_EDGE = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a page of a listing brought."""

    window: Window
    photo_ids: tuple[int, ...]


class ListingPages:
    """Fetches pages and stores their posts; its methods may be called from any thread."""

    def __init__(self, ledger: Ledger, client: FlickrClient, *, images: Path) -> None:
        """Start with the upload dates from earlier pages; ``images``: the folder of pictures."""
        self._ledger = ledger
        self._client = client
        self._images = images
        self._lock = threading.Lock()
        self._dates = UploadDates(known_dates(ledger))

    def list_once(self, listing: Listing, sweep: "Sweep", start: int) -> Page:
        """Spend one call on the page that starts at a photo, and report its range to the sweep.

        Raises as ``FlickrClient.search`` does, and ``TransientError`` if it is another page.
        """
        with self._lock:
            not_after = self._dates.not_after(start)
        shown = self._client.search(listing, not_after=not_after)
        dated = _dated(shown)
        if not_after is not None and any(date > not_after for _, date in dated):
            raise TransientError("a listing of other dates than asked for")
        certain = self._learn(listing, dated, start, not_after)
        covered = _covered(shown, dated, start, certain=certain)
        remove_poster_frames(self._images, shown.videos)
        window = record_page(
            self._ledger,
            listing,
            shown,
            covered,
            sought=sweep.sought_between(covered.newest_id, covered.oldest_id),
        )
        photo_ids = (
            *(photo_id for photo_id, _ in dated),
            *(number for it in shown.videos if (number := int(it)) <= LARGEST_ID),
        )
        sweep.shown(start, window, photo_ids)
        return Page(window=window, photo_ids=photo_ids)

    def _learn(
        self, listing: Listing, dated: list[DatedPhoto], start: int, not_after: int | None
    ) -> bool:
        """Learn the dates of a page; return whether it certainly started above photo ``start``.

        ``not_after``: the upload date of the request.
        """
        with self._lock:
            if listing.kind != "owner":  # An owner may have changed the dates of all photos.
                self._dates.learn(dated)
            # Estimate again with the page's dates. If that is wrong, getInfo settles the photo.
            learned = self._dates.not_after(start)
        return not_after is None or (learned is not None and learned <= not_after)


def _dated(shown: ListingPage) -> list[DatedPhoto]:
    """Return the posts of a page that have a date, in the page's order."""
    return [
        DatedPhoto(number, answer.date_upload)
        for answer in shown.answers
        if answer.date_upload is not None
        and (number := int(answer.reference.photo_id)) <= LARGEST_ID
    ]


def _covered(shown: ListingPage, dated: list[DatedPhoto], start: int, *, certain: bool) -> Covered:
    """Return the ids that a page covers; ``certain``: it certainly started above ``start``."""
    newest_id, _ = _middle(dated[:_EDGE]) or (start, None)
    # The start itself is covered only if the page certainly started above it.
    newest_id = max(newest_id, start) if certain or not shown.results else newest_id
    oldest_id, oldest_date = _middle(dated[-_EDGE:]) or (0, None)
    if shown.results < PAGE and (shown.pages is None or shown.pages <= 1):  # It is the last page.
        oldest_id, oldest_date = 0, None
    elif oldest_id > newest_id:
        oldest_id, oldest_date = newest_id, None
    return Covered(newest_id=newest_id, oldest_id=oldest_id, oldest_date=oldest_date)


def _middle(dated: list[DatedPhoto]) -> DatedPhoto | None:
    """Return the median of some neighbours by id, since a single one may have a changed date."""
    return sorted(dated)[len(dated) // 2] if dated else None
