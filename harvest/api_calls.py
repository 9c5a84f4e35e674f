"""One API call and what becomes of it: the turn it waits for, its outcome in the ledger, its retry.

Whose fault a failed call is decides what happens. A photo's own failure counts against the photo;
when Flickr says that we ask too much, or is down, nothing is counted and everybody waits.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harvest.api import FlickrClient
from harvest.breaker import Breaker
from harvest.due_photos import DuePhoto
from harvest.images import image_path
from harvest.ledger import Ledger
from harvest.listing_ledger import LARGEST_ID, known_dates, record_page
from harvest.listings import Listing
from harvest.pacing import Pacer
from harvest.retry import (
    OUR_FAULT,
    PhotoGoneError,
    PhotoPrivateError,
    PhotoVideoError,
    RefusedError,
    RetryPolicy,
    StoppedError,
    TransientError,
    UnreadableAnswerError,
    UselessAnswerError,
)
from harvest.sweep import PAGE, Sweep, Window
from harvest.upload_dates import UploadDates


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a call of a listing brought."""

    window: Window
    photo_ids: tuple[int, ...]


# getInfo brings what a listing does not: its pages are not worth the attempts that a post is.
_PAGE_TRIES = 3
# After so many in a row the API is asked something else, to see whether it is only listings.
_UNREADABLE_PAGES = 5
# As many photos in a row that Flickr answers with the same fault of ours: it is not the photos.
_OUR_FAULTS = 5
# So many neighbours at a page's end say together where it ends.
_EDGE = 9


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
        self._dates = UploadDates(known_dates(ledger))
        self._lock = threading.Lock()
        self._too_many = 0
        self._useless: dict[str, str] = {}
        """What was asked for, by what came instead of an answer the last time."""
        self._unreadable_pages = 0
        """In a row."""
        self._only_listings_fail = False
        self._our_faults: tuple[int | None, set[str]] = (None, set())
        """A code, and what was answered with it since the last usable answer."""

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
            self._drop_videos([photo_id])
        else:
            self._ledger.record_answers([answer], source="getInfo")

    def _drop_videos(self, photo_ids: Sequence[str]) -> None:
        for photo_id in photo_ids:
            image_path(self._images, photo_id).unlink(missing_ok=True)
        self._ledger.record_videos(photo_ids)

    def try_page(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """Spend one call on a page; what it shows is stored. None where the crawl is stopped.

        Raises ``TransientError`` where nothing came of it, ``RefusedError`` where all would fail.
        """
        if not self._pacer.wait(self._stopped):
            return None
        return self._page(listing, sweep, start)

    def ask_photo(self, photo: DuePhoto) -> None:
        """Ask ``getInfo`` for a photo's post; a failure of the photo's own is in the ledger."""
        photo_id = photo.reference.photo_id
        error = self._attempt(photo_id, lambda: self._photo(photo))
        if error is not None:
            delay = self._retry.delay(photo.attempts + 1, error.retry_after)
            if self._said_before(photo_id, error):
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

    def ask_page(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        """List from a photo on; what the page shows is stored, what it covers is told to the sweep.

        Returns None where it could not be had, however often it was tried, or the crawl is stopped.
        """
        shown: list[Page] = []
        for failures in range(1, min(self._retry.attempts, _PAGE_TRIES) + 1):
            asked = f"{listing.key} {start}"
            error = self._attempt(
                asked, lambda: shown.append(self._page(listing, sweep, start)), of_listing=True
            )
            if error is None:
                return shown[0] if shown else None
            delay = self._retry.delay(failures, error.retry_after)
            if (
                self._said_before(asked, error)
                or failures == _PAGE_TRIES
                or delay is None
                or self._stopped.wait(delay)
            ):
                break
        sweep.failed(start)
        return None

    def _page(self, listing: Listing, sweep: Sweep, start: int) -> Page:
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
        self._drop_videos(page.videos)
        page_ids = (
            *(photo_id for photo_id, _ in dated),
            *(number for it in page.videos if (number := int(it)) <= LARGEST_ID),
        )
        sweep.shown(start, window, page_ids)
        return Page(window=window, photo_ids=page_ids)

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
                self._check_our_fault(asked, error)
                if error.too_many:
                    self._hold(error)
                elif not error.down or not self._breaker.failed():
                    return error
            else:
                self._breaker.succeeded()
                self._too_many = 0
                if of_listing:
                    self._unreadable_pages, self._only_listings_fail = 0, False
                self._our_faults = (None, set())
                return None
        return None

    def _are_listings_alone(self) -> bool:
        """Whether the API answers, and only its listings cannot be read: getInfo can do without."""
        self._unreadable_pages += 1
        if self._unreadable_pages % _UNREADABLE_PAGES == 0 and not self._only_listings_fail:
            try:
                self.check_key()
            except (TransientError, StoppedError):
                return False
            self._only_listings_fail = True
        return self._only_listings_fail

    def _said_before(self, asked: str, error: TransientError) -> bool:
        """Whether the same useless answer came before: then asking again would not mend it."""
        if not isinstance(error, UselessAnswerError):
            return False
        with self._lock:
            before = self._useless.pop(asked, None)
            if before != str(error):
                self._useless[asked] = str(error)
        return before == str(error)

    def _check_our_fault(self, asked: str, error: TransientError) -> None:
        """Raise ``RefusedError`` where Flickr says of all photos that the calls are wrong."""
        code = error.code if isinstance(error, UselessAnswerError) else None
        if code not in OUR_FAULT:
            return
        with self._lock:
            of_code, those = self._our_faults
            those = those | {asked} if of_code == code else {asked}
            self._our_faults = (code, those)
        if len(those) >= _OUR_FAULTS:
            raise RefusedError(
                f"Flickr refused calls about {len(those)} photos in a row ({error}): this is a "
                "fault of this program, or --flickr-url is no server of Flickr's API"
            )

    def _wait_for_turn(self) -> bool:
        while (rest := self._breaker.delay()) > 0:
            if self._stopped.wait(rest):
                return False
        return self._pacer.wait(self._stopped)

    def _hold(self, error: TransientError) -> None:
        self._too_many = min(self._too_many + 1, self._retry.attempts - 1)
        self._pacer.hold(self._retry.delay(max(self._too_many, 1), error.retry_after) or 0.0)


def _middle(dated: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the middle one of some neighbours, by id: one alone may have a date that was set."""
    return sorted(dated)[len(dated) // 2] if dated else None
