"""One API call and what becomes of it: the turn it waits for, its outcome in the ledger, its retry.

Whose fault a failed call is decides what happens. A photo's own failure counts against the photo;
when Flickr says that we ask too much, or is down, nothing is counted and everybody waits.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from flickr_emotion.harvest.calls.failures import CallFailures
from flickr_emotion.harvest.calls.listing_pages import ListingPages, Page
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.calls.videos import drop_videos
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.listings import Listing
from flickr_emotion.harvest.ledger.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.pacing import Pacer
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    PhotoVideoError,
    RetryPolicy,
    StoppedError,
    TransientError,
    UnreadableAnswerError,
)
from flickr_emotion.harvest.pictures.files import image_path

# getInfo brings what a listing does not: its pages are not worth the attempts that a post is.
_PAGE_TRIES = 3


class ApiCalls:
    """Makes calls for the threads of the API stage, at the pace that all of them share."""

    def __init__(
        self,
        ledger: Ledger,
        client: FlickrClient,
        pacer: Pacer,
        breaker: Breaker,
        *,
        images: Path,
        retry: RetryPolicy,
        stopped: threading.Event,
    ) -> None:
        """``images``: the folder of the pictures; ``stopped`` ends every wait."""
        self._ledger = ledger
        self._client = client
        self._pacer = pacer
        self._breaker = breaker
        self._images = images
        self._retry = retry
        self._stopped = stopped
        self._pages = ListingPages(ledger, client, images=images)
        self._failures = CallFailures()
        self._too_many = 0
        """Times in a row that Flickr said that we ask too much."""

    @property
    def stopped(self) -> bool:
        """Whether no further call may be made."""
        return self._stopped.is_set()

    def check_key(self) -> None:
        """Spend a call on whether the key is valid.

        Raises ``RefusedError`` where it is not, ``TransientError`` where that is not known.
        """
        if self._pacer.wait(self._stopped):
            try:
                self._client.check_key()
            except TransientError as error:
                if error.too_many:
                    self._hold(error)
                raise

    def ask_photo(self, photo: DuePhoto) -> None:
        """Ask ``getInfo`` for a photo's post; a failure of the photo's own is in the ledger."""
        photo_id = photo.reference.photo_id
        error = self._attempt(photo_id, lambda: self._photo(photo))
        if error is not None:
            delay = self._retry.delay(photo.attempts + 1, error.retry_after)
            if self._failures.came_before(photo_id, error):
                delay = None
            self._ledger.record_failure("api", photo_id, str(error), delay=delay)

    def check_photo(self, photo: DuePhoto) -> bool:
        """Ask ``getInfo`` what a photo is that nothing but its picture has settled.

        Returns whether the API has answered; what it says is in the ledger.
        """
        answered = False
        photo_id = photo.reference.photo_id

        def ask() -> None:
            nonlocal answered
            self._photo(photo)
            answered = True

        for failures in range(1, _PAGE_TRIES + 1):
            error = self._attempt(photo_id, ask)
            delay = self._retry.delay(failures, error.retry_after) if error else None
            if delay is None or self._stopped.wait(delay):
                break
        return answered

    def try_page(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """Spend one call on a page; what it shows is stored. None where the crawl is stopped.

        Raises ``TransientError`` where nothing came of it, ``RefusedError`` where all would fail.
        """
        if not self._pacer.wait(self._stopped):
            return None
        return self._pages.fetch(listing, sweep, start)

    def ask_page(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """List from a photo on; what the page shows is stored, what it covers is told to the sweep.

        Returns None where it could not be had, however often it was tried, or the crawl is stopped.
        """
        shown: list[Page] = []
        for failures in range(1, min(self._retry.attempts, _PAGE_TRIES) + 1):
            asked = f"{listing.key} {start}"
            error = self._attempt(
                asked,
                lambda: shown.append(self._pages.fetch(listing, sweep, start)),
                of_listing=True,
            )
            if error is None:
                return shown[0] if shown else None
            delay = self._retry.delay(failures, error.retry_after)
            if (
                self._failures.came_before(asked, error)
                or failures == _PAGE_TRIES
                or delay is None
                or self._stopped.wait(delay)
            ):
                break
        sweep.failed(start)
        return None

    def _photo(self, photo: DuePhoto) -> None:
        photo_id = photo.reference.photo_id
        try:
            answer = self._client.get_info(photo.reference)
        except (PhotoGoneError, PhotoPrivateError) as error:
            outcome = "gone" if isinstance(error, PhotoGoneError) else "private"
            if photo.picture_goes:
                image_path(self._images, photo_id).unlink(missing_ok=True)
            self._ledger.record_final("api", photo_id, outcome, str(error))
        except PhotoVideoError:
            drop_videos(self._ledger, self._images, [photo_id])
        else:
            self._ledger.record_answers([answer], source="getInfo")

    def _attempt(
        self, asked: str, ask: Callable[[], None], *, of_listing: bool = False
    ) -> TransientError | None:
        """Make a call when it is its turn; return the failure that is not everybody's.

        ``asked`` names the photo or the page.
        """
        while self._wait_for_turn():
            try:
                ask()
            except StoppedError:
                return None
            except TransientError as error:
                if of_listing and isinstance(error, UnreadableAnswerError):
                    error.down = not self._are_listings_alone()
                if not error.down:
                    # It is there, or all would wait until its trial is given up.
                    self._breaker.succeeded()
                self._failures.check_our_fault(asked, error)
                if error.too_many:
                    self._hold(error)
                elif not error.down or not self._breaker.failed():
                    return error
            else:
                self._breaker.succeeded()
                self._too_many = 0
                self._failures.succeeded(of_listing=of_listing)
                return None
        return None

    def _are_listings_alone(self) -> bool:
        """Whether the API answers, and only its listings cannot be read: getInfo can do without."""
        if self._failures.add_unreadable_page():
            try:
                self.check_key()
            except (TransientError, StoppedError):
                return False
            self._failures.only_listings_fail = True
        return self._failures.only_listings_fail

    def _wait_for_turn(self) -> bool:
        while (rest := self._breaker.delay()) > 0:
            if self._stopped.wait(rest):
                return False
        return self._pacer.wait(self._stopped)

    def _hold(self, error: TransientError) -> None:
        self._too_many = min(self._too_many + 1, self._retry.attempts - 1)
        self._pacer.hold(self._retry.delay(max(self._too_many, 1), error.retry_after) or 0.0)
