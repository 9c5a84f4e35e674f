"""One API call and what becomes of it: the turn it waits for, its outcome in the ledger, its retry.

Whose fault a failed call is decides what happens. A photo's own failure counts against the photo;
when Flickr says that we ask too much, or is down, nothing is counted and everybody waits.

What ends in ``_once`` makes one attempt, what ends in ``_with_retries`` repeats it as the retry
policy says. A call that failed because the service is down or we asked too much is no attempt: it
is repeated by both, but for ``check_key_once`` and ``list_page_once``, which raise what came of it.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from flickr_emotion.harvest.calls.failures import CallFailures
from flickr_emotion.harvest.calls.listing_pages import ListingPages, Page
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.calls.videos import drop_videos
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.listings import Listing
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
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

_Made = TypeVar("_Made")


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
        refresh: bool,
        retry: RetryPolicy,
        stopped: threading.Event,
    ) -> None:
        """``images``: the folder of the pictures; ``stopped`` ends every wait.

        ``refresh``: pictures on disk wait for the end of the refresh before they are dropped.
        """
        self._ledger = ledger
        self._client = client
        self._pacer = pacer
        self._breaker = breaker
        self._images = images
        self._refresh = refresh
        self._retry = retry
        self._stopped = stopped
        self._pages = ListingPages(ledger, client, images=images)
        self._failures = CallFailures()

    @property
    def stopped(self) -> bool:
        """Whether no further call may be made."""
        return self._stopped.is_set()

    def check_key_once(self) -> None:
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

    def get_post_once(self, photo: DuePhoto) -> None:
        """Make one attempt at a photo's post; where it fails, the ledger plans the next."""
        photo_id = photo.reference.photo_id
        failure = self._repeat_while_down(photo_id, lambda: self._get_and_record(photo))
        if isinstance(failure, TransientError):
            delay = self._retry.delay(photo.attempts + 1, failure.retry_after)
            if self._failures.came_before(photo_id, failure):
                delay = None
            self._ledger.record_failure("api", photo_id, str(failure), delay=delay)

    def get_post_with_retries(self, photo: DuePhoto) -> bool:
        """Ask what a photo is that nothing but its picture has settled, three times at most.

        Returns whether the API has answered; what it says is in the ledger.
        """
        for failures in range(1, _PAGE_TRIES + 1):
            came = self._repeat_while_down(
                photo.reference.photo_id, lambda: self._get_and_record(photo)
            )
            if not isinstance(came, TransientError):
                return came is not None
            delay = self._retry.delay(failures, came.retry_after)
            if delay is None or self._stopped.wait(delay):
                break
        return False

    def list_page_once(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """Spend one call on a page; what it shows is stored. None where the crawl is stopped.

        Raises ``TransientError`` where nothing came of it, ``RefusedError`` where all would fail.
        """
        if not self._pacer.wait(self._stopped):
            return None
        return self._pages.list_once(listing, sweep, start)

    def list_page_with_retries(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """List from a photo on; what the page shows is stored, what it covers is told to the sweep.

        Returns None where it could not be had, however often it was tried, or the crawl is stopped.
        """
        asked = f"{listing.key} {start}"
        for failures in range(1, min(self._retry.attempts, _PAGE_TRIES) + 1):
            came = self._repeat_while_down(
                asked, lambda: self._pages.list_once(listing, sweep, start), of_listing=True
            )
            if not isinstance(came, TransientError):
                return came
            delay = self._retry.delay(failures, came.retry_after)
            if (
                self._failures.came_before(asked, came)
                or failures == _PAGE_TRIES
                or delay is None
                or self._stopped.wait(delay)
            ):
                break
        sweep.failed(start)
        return None

    def _get_and_record(self, photo: DuePhoto) -> Literal[True]:
        """Spend one call on a post and record what it says; raises ``TransientError``."""
        photo_id = photo.reference.photo_id
        try:
            answer = self._client.get_info(photo.reference)
        except (PhotoGoneError, PhotoPrivateError) as error:
            outcome = "gone" if isinstance(error, PhotoGoneError) else "private"
            if photo.picture_goes:
                image_path(self._images, photo_id).unlink(missing_ok=True)
            self._ledger.record_final_post(photo_id, outcome, str(error), refresh=self._refresh)
        except PhotoVideoError:
            drop_videos(self._ledger, self._images, [photo_id])
        else:
            self._ledger.record_answers([answer], source="getInfo")
        return True

    def _repeat_while_down(
        self, asked: str, call: Callable[[], _Made], *, of_listing: bool = False
    ) -> _Made | TransientError | None:
        """Make a call when it is its turn, again and again while its failure is everybody's.

        ``asked`` names the photo or the page. Returns what the call brought, or the failure that is
        its own; None where the crawl is stopped.
        """
        while self._wait_for_turn():
            try:
                made = call()
            except StoppedError:
                return None
            except TransientError as error:
                if not self._is_everybodys(asked, error, of_listing=of_listing):
                    return error
            else:
                self._breaker.succeeded()
                self._failures.succeeded(of_listing=of_listing)
                return made
        return None

    def _is_everybodys(self, asked: str, error: TransientError, *, of_listing: bool) -> bool:
        """Whether a failed call is to be made again, as the failure is not of what was ``asked``.

        Raises ``RefusedError`` where all calls would fail.
        """
        down = error.down
        if of_listing and isinstance(error, UnreadableAnswerError):
            down = not self._are_listings_alone()
        if not down:
            # It is there, or all would wait until its trial is given up.
            self._breaker.succeeded()
        self._failures.check_our_fault(asked, error)
        if error.too_many:
            self._hold(error)
            return True
        return down and self._breaker.failed()

    def _are_listings_alone(self) -> bool:
        """Whether the API answers, and only its listings cannot be read: getInfo can do without."""
        if self._failures.add_unreadable_page():
            try:
                self.check_key_once()
            except (TransientError, StoppedError):
                return False
            self._failures.blame_listings()
        return self._failures.only_listings_fail

    def _wait_for_turn(self) -> bool:
        while (rest := self._breaker.delay()) > 0:
            if self._stopped.wait(rest):
                return False
        return self._pacer.wait(self._stopped)

    def _hold(self, error: TransientError) -> None:
        """Let no call be made for as long as Flickr says, or as the policy does."""
        failures = min(self._failures.add_too_many(), self._retry.attempts - 1)
        self._pacer.hold(self._retry.delay(max(failures, 1), error.retry_after) or 0.0)
