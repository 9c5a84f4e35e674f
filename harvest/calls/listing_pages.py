"""Which ids a page of a listing covers: those between its newest and its oldest photo.

A page is asked for by upload date and shows photos in the order of that date, while the wanted
photos are known by their ids alone. Ids grow with the date but for a few that lie about it, so no
single photo at a page's end is believed; and what a page has covered is not listed again.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.calls.sweep import Sweep
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

# So many neighbours at a page's end say together where it ends.
_EDGE = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a call of a listing brought."""

    window: Window
    photo_ids: tuple[int, ...]


class ListingPages:
    """Fetches pages and stores what they show; its methods may be called from any thread."""

    def __init__(self, ledger: Ledger, client: FlickrClient, *, images: Path) -> None:
        """Begin with the upload dates that earlier pages have shown; ``images``: their folder."""
        self._ledger = ledger
        self._client = client
        self._images = images
        self._lock = threading.Lock()
        self._dates = UploadDates(known_dates(ledger))

    def list_once(self, listing: Listing, sweep: Sweep, start: int) -> Page:
        """Spend one call on the page that begins at a photo, and tell the sweep what it covers.

        Raises as ``FlickrClient.search`` does, and ``TransientError`` where it is another page.
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
        """Learn the dates of a page; return whether it surely began above the photo ``start``.

        ``not_after``: the date that it was asked for by.
        """
        with self._lock:
            if listing.kind != "owner":  # an owner may have set the dates of all of them
                self._dates.learn(dated)
            # By what the page taught, too. Where that is wrong, getInfo settles the photo.
            learned = self._dates.not_after(start)
        return not_after is None or (learned is not None and learned <= not_after)


def _dated(shown: ListingPage) -> list[DatedPhoto]:
    """Return the posts of a page that have a date, in its order."""
    return [
        DatedPhoto(number, answer.date_upload)
        for answer in shown.answers
        if answer.date_upload is not None
        and (number := int(answer.reference.photo_id)) <= LARGEST_ID
    ]


def _covered(shown: ListingPage, dated: list[DatedPhoto], start: int, *, certain: bool) -> Covered:
    """Return which ids a page from ``start`` on covers; ``certain``: it began above that photo."""
    newest_id, _ = _middle(dated[:_EDGE]) or (start, None)
    # The start itself is covered only if the page surely began above it.
    newest_id = max(newest_id, start) if certain or not shown.results else newest_id
    oldest_id, oldest_date = _middle(dated[-_EDGE:]) or (0, None)
    if shown.results < PAGE and (shown.pages is None or shown.pages <= 1):  # there is no more of it
        oldest_id, oldest_date = 0, None
    elif oldest_id > newest_id:
        oldest_id, oldest_date = newest_id, None
    return Covered(newest_id=newest_id, oldest_id=oldest_id, oldest_date=oldest_date)


def _middle(dated: list[DatedPhoto]) -> DatedPhoto | None:
    """Return the middle one of some neighbours, by id: one alone may have a date that was set."""
    return sorted(dated)[len(dated) // 2] if dated else None
