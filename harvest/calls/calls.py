"""Make API calls at the shared pace, record their outcomes, and plan retries.

What happens after a failed call depends on the cause. A failure of a single photo counts against
that photo. If Flickr says that we ask too often, or is down, nothing is counted and all calls wait.

Methods that end in ``_once`` make one attempt; those in ``_with_retries`` repeat it by the retry
policy. A call that failed because the service is down or we asked too often is not an attempt, and
both repeat it; only ``check_key_once`` and ``list_page_once`` raise its exception.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from flickr_emotion.harvest.calls.failures import CallFailures
from flickr_emotion.harvest.calls.listing_pages import ListingPages, Page
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

if TYPE_CHECKING:  # It loads numpy, which a crawl of pictures alone does not need.
    from flickr_emotion.harvest.calls.sweep import Sweep

# Pages get fewer tries than posts: getInfo brings what a listing does not.
_PAGE_TRIES = 3

_Made = TypeVar("_Made")


class ApiCalls:
    """Makes calls for the threads of the API stage, at one shared pace."""

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

        ``refresh``: pictures on disk are only dropped at the end of the refresh.
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
        """Spend a call to check the key.

        Raises ``RefusedError`` if it is invalid, ``TransientError`` if that is unknown.
        """
        if self._pacer.wait(self._stopped):
            try:
                self._client.check_key()
            except TransientError as error:
                if error.too_many:
                    self._hold(error)
                raise

    def get_post_once(self, photo: DuePhoto) -> None:
        """Make one attempt to get a photo's post; if it fails, plan the next one in the ledger."""
        photo_id = photo.reference.photo_id
        failure = self._repeat_while_down(photo_id, lambda: self._get_and_record(photo))
        if isinstance(failure, TransientError):
            delay = self._retry.delay(photo.attempts + 1, failure.retry_after)
            if self._failures.is_repeated(photo_id, failure):
                delay = None
            self._ledger.record_failure("api", photo_id, str(failure), delay=delay)

    def get_post_with_retries(self, photo: DuePhoto) -> bool:
        """Ask about a photo that only its picture has settled, with at most three tries.

        Returns whether the API has answered; the answer is recorded in the ledger.
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

    def list_page_once(self, listing: Listing, sweep: "Sweep", start: int) -> Page | None:
        """Spend one call on a page and store its posts; return None if the crawl is stopped.

        Raises ``TransientError`` if the call fails, ``RefusedError`` if all calls would fail.
        """
        if not self._pacer.wait(self._stopped):
            return None
        return self._pages.list_once(listing, sweep, start)

    def list_page_with_retries(self, listing: Listing, sweep: "Sweep", start: int) -> Page | None:
        """List a page from a photo on, store its posts and report what it covers to the sweep.

        Returns None if all tries failed or the crawl is stopped.
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
                self._failures.is_repeated(asked, came)
                or failures == _PAGE_TRIES
                or delay is None
                or self._stopped.wait(delay)
            ):
                break
        sweep.failed(start)
        return None

    def _get_and_record(self, photo: DuePhoto) -> Literal[True]:
        """Spend one call on a post and record the answer; raises ``TransientError``."""
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
        """Make a call at its turn, and repeat it while all calls would fail for the same reason.

        ``asked`` names the photo or the page. Returns the call's result, or its failure if that
        only affects this call; None if the crawl is stopped.
        """
        while self._wait_for_turn():
            try:
                made = call()
            except StoppedError:
                return None
            except TransientError as error:
                if not self._affects_all_calls(asked, error, of_listing=of_listing):
                    return error
            else:
                self._breaker.succeeded()
                self._failures.succeeded(of_listing=of_listing)
                return made
        return None

    def _affects_all_calls(self, asked: str, error: TransientError, *, of_listing: bool) -> bool:
        """Whether a failure affects all calls and not just ``asked``, so that it is repeated.

        Raises ``RefusedError`` if all calls would fail for ever.
        """
        down = error.down
        if of_listing and isinstance(error, UnreadableAnswerError):
            down = not self._are_listings_alone()
        if not down:
            # The service is up; without this, all calls would wait for the end of the trial.
            self._breaker.succeeded()
        self._failures.check_our_fault(asked, error)
        if error.too_many:
            self._hold(error)
            return True
        return down and self._breaker.failed()

    def _are_listings_alone(self) -> bool:
        """Whether the API answers and only its listings cannot be read, so that getInfo works."""
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
        """Hold all calls for as long as Flickr says, or as the retry policy does."""
        failures = min(self._failures.add_too_many(), max(self._retry.attempts - 1, 1))
        self._pacer.hold(max(error.retry_after or 0.0, self._retry.backoff(failures)))
