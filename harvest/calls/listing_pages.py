"""Which ids a page of a listing covers: those between its newest and its oldest photo.

A page is asked for by upload date and shows photos in the order of that date, while the wanted
photos are known by their ids alone. Ids grow with the date but for a few that lie about it, so no
single photo at a page's end is believed; and what a page has covered is not listed again.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.calls.sweep import PAGE, Sweep, Window
from flickr_emotion.harvest.calls.videos import drop_videos
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.listings import Listing
from flickr_emotion.harvest.flickr.upload_dates import UploadDates
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import LARGEST_ID, known_dates, record_page
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

    def fetch(self, listing: Listing, sweep: Sweep, start: int) -> Page:
        """Spend one call on the page that begins at a photo, and tell the sweep what it covers.

        Raises as ``FlickrClient.search`` does, and ``TransientError`` where it is another page.
        """
        with self._lock:
            not_after = self._dates.not_after(start)
        page = self._client.search(listing, not_after=not_after)
        dated = [
            (number, answer.date_upload)
            for answer in page.answers
            if answer.date_upload is not None
            and (number := int(answer.reference.photo_id)) <= LARGEST_ID
        ]
        if not_after is not None and any(date > not_after for _, date in dated):
            raise TransientError("a listing of other dates than asked for")
        with self._lock:
            if listing.kind != "owner":  # an owner may have set the dates of all of them
                self._dates.learn(dated)
            # By what the page taught, too. Where that is wrong, getInfo settles the photo.
            learned = self._dates.not_after(start)
            certain = not_after is None or (learned is not None and learned <= not_after)
        results = len(page.answers) + len(page.videos) + page.refused
        newest_id, _ = _middle(dated[:_EDGE]) or (start, None)
        # The start itself is covered only if the page surely began above it.
        newest_id = max(newest_id, start) if certain or not results else newest_id
        oldest_id, oldest_date = _middle(dated[-_EDGE:]) or (0, None)
        if results < PAGE and (page.pages is None or page.pages <= 1):  # there is no more of it
            oldest_id, oldest_date = 0, None
        elif oldest_id > newest_id:
            oldest_id, oldest_date = newest_id, None
        window = record_page(
            self._ledger,
            listing,
            page.answers,
            videos=page.videos,
            newest_id=newest_id,
            oldest_id=oldest_id,
            oldest_date=oldest_date,
            results=results,
            sought=sweep.sought_between(newest_id, oldest_id),
        )
        drop_videos(self._ledger, self._images, page.videos)
        photo_ids = (
            *(photo_id for photo_id, _ in dated),
            *(number for it in page.videos if (number := int(it)) <= LARGEST_ID),
        )
        sweep.shown(start, window, photo_ids)
        return Page(window=window, photo_ids=photo_ids)


def _middle(dated: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the middle one of some neighbours, by id: one alone may have a date that was set."""
    return sorted(dated)[len(dated) // 2] if dated else None
