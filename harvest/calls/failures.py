"""What failed calls say together that none of them says alone.

The same useless answer twice will not become a better one. The same fault of ours, told of photo
after photo, is no fault of the photos: the crawl ends. And where page after page cannot be read, it
may be that only listings are ill, which ``getInfo`` can do without.
"""

import threading

from flickr_emotion.harvest.flickr.failures import OUR_FAULT
from flickr_emotion.harvest.pace.retry import RefusedError, TransientError, UselessAnswerError

# After so many in a row the API is asked something else, to see whether it is only listings.
_UNREADABLE_PAGES = 5
# As many photos in a row that Flickr answers with the same fault of ours: it is not the photos.
_OUR_FAULTS = 5


class CallFailures:
    """The failures of a crawl's calls; its methods may be called from any thread."""

    def __init__(self) -> None:
        """Know none."""
        self.only_listings_fail = False
        """Whether the API has answered another call since pages could not be read."""
        self._lock = threading.Lock()
        self._too_many = 0
        """Times in a row that Flickr said that we ask too much."""
        self._useless: dict[str, str] = {}
        """What was asked for, by what came instead of an answer the last time."""
        self._unreadable_pages = 0
        """In a row."""
        self._our_faults: tuple[int | None, set[str]] = (None, set())
        """A code, and what was answered with it since the last usable answer."""

    def succeeded(self, *, of_listing: bool) -> None:
        """Take note of a usable answer; ``of_listing``: whether it was a page."""
        with self._lock:
            self._too_many = 0
            if of_listing:
                self._unreadable_pages, self.only_listings_fail = 0, False
            self._our_faults = (None, set())

    def add_too_many(self) -> int:
        """Count an answer that we ask too much; return how many came in a row."""
        with self._lock:
            self._too_many += 1
            return self._too_many

    def came_before(self, asked: str, error: TransientError) -> bool:
        """Whether the same useless answer came before: then asking again would not mend it.

        ``asked`` names the photo or the page.
        """
        if not isinstance(error, UselessAnswerError):
            return False
        with self._lock:
            before = self._useless.pop(asked, None)
            if before != str(error):
                self._useless[asked] = str(error)
        return before == str(error)

    def check_our_fault(self, asked: str, error: TransientError) -> None:
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

    def blame_listings(self) -> None:
        """Take note that the API answers another call while pages cannot be read."""
        with self._lock:
            self.only_listings_fail = True

    def add_unreadable_page(self) -> bool:
        """Count a page; return whether it is time to find out if the API answers other calls."""
        with self._lock:
            self._unreadable_pages += 1
            return self._unreadable_pages % _UNREADABLE_PAGES == 0 and not self.only_listings_fail
