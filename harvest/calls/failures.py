"""What several failed calls mean together.

After the same useless answer twice, a third call is not worth making. If Flickr rejects calls about
several photos in a row as wrong, the photos are not to blame, and the crawl ends. If several pages
in a row cannot be read, perhaps only listings are broken, and ``getInfo`` still works.
"""

import threading

from flickr_emotion.harvest.flickr.failures import OUR_FAULT
from flickr_emotion.harvest.pace.retry import RefusedError, TransientError, UselessAnswerError

# After this many in a row another method is called, to see whether only listings fail.
_UNREADABLE_PAGES = 5
# After the same rejection for this many photos in a row, the photos are not to blame.
_OUR_FAULTS = 5


class CallFailures:
    """The failures of a crawl's calls; its methods may be called from any thread."""

    def __init__(self) -> None:
        """Start without failures."""
        self.only_listings_fail = False
        """Whether the API has answered another call since pages could not be read."""
        self._lock = threading.Lock()
        self._too_many = 0
        """Times in a row that Flickr said that we ask too often."""
        self._useless: dict[str, str] = {}
        """The last useless answer by photo or page."""
        self._unreadable_pages = 0
        """Unreadable pages in a row."""
        self._our_faults: tuple[int | None, set[str]] = (None, set())
        """A code, and the photos that got it since the last usable answer."""

    def succeeded(self, *, of_listing: bool) -> None:
        """Record a usable answer; ``of_listing``: whether it was a page."""
        with self._lock:
            self._too_many = 0
            if of_listing:
                self._unreadable_pages, self.only_listings_fail = 0, False
            self._our_faults = (None, set())

    def add_too_many(self) -> int:
        """Count an answer that we ask too often; return how many came in a row."""
        with self._lock:
            self._too_many += 1
            return self._too_many

    def is_repeated(self, asked: str, error: TransientError) -> bool:
        """Whether the same useless answer came before, so that another call would not help.

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
        """Raise ``RefusedError`` if Flickr rejects the calls about all photos as wrong."""
        code = error.code if isinstance(error, UselessAnswerError) else None
        if code not in OUR_FAULT:
            return
        with self._lock:
            of_code, those = self._our_faults
            those = those | {asked} if of_code == code else {asked}
            self._our_faults = (code, those)
        if len(those) >= _OUR_FAULTS:
            raise RefusedError(
                f"Flickr refused calls about {len(those)} photos in a row ({error}): this is a bug "
                "of this program, or --flickr-url is not a server of Flickr's API"
            )

    def blame_listings(self) -> None:
        """Record that the API answers another call while pages cannot be read."""
        with self._lock:
            self.only_listings_fail = True

    def add_unreadable_page(self) -> bool:
        """Count an unreadable page; return whether to check now if the API answers other calls."""
        with self._lock:
            self._unreadable_pages += 1
            return self._unreadable_pages % _UNREADABLE_PAGES == 0 and not self.only_listings_fail
