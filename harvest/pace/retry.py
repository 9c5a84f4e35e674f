"""What is tried again, how often and how long after: the one retry policy of API and pictures.

Attempts are counted in the ledger, so that they outlive the process. Retry sits above flickrapi:
below it, urllib3 would send the same OAuth nonce again, which Flickr refuses.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from flickr_emotion.harvest.errors import HarvestError


class TransientError(Exception):
    """A failure that another try may mend."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        too_many: bool = False,
        down: bool = False,
    ) -> None:
        """``retry_after``: seconds the server asked us to wait, if it did.

        ``too_many``: the server says that we ask too much; whoever else asks it should rest too.
        ``down``: so fails a service that is down, whatever it is asked (``harvest.pace.breaker``).
        """
        super().__init__(reason)
        self.retry_after = retry_after
        self.too_many = too_many
        self.down = down


class UnreachableError(TransientError):
    """There is no server to be reached: the network, the address or the server is at fault."""

    def __init__(self, reason: str) -> None:
        """Count as the failure of a service that is down."""
        super().__init__(reason, down=True)


class RedirectedError(UnreachableError):
    """The API sends its callers elsewhere, where a signed call is never sent."""


class UnreadableAnswerError(TransientError):
    """What came in an answer's place: a page, half an answer, nothing, too much."""

    def __init__(self, reason: str) -> None:
        """Count as the failure of a service that is down."""
        super().__init__(f"an answer that cannot be read ({reason})", down=True)


class UselessAnswerError(TransientError):
    """A whole answer that settles nothing; the same twice says that a third call would not either.

    Its text tells whether two are the same.
    """

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        """``code``: the API's, where it answered with a failure."""
        super().__init__(reason)
        self.code = code


class PhotoGoneError(Exception):
    """Flickr knows no such photo, or no such picture: final."""


class PhotoPrivateError(Exception):
    """The photo, or its picture, is not public: final for now."""


class PhotoVideoError(Exception):
    """It is a video, whose picture is a poster frame: final."""


class StoppedError(Exception):
    """The crawl is to end and does not wait for this answer any more; nothing came of the call."""


class ApiFailure(Exception):  # noqa: N818 - Flickr's own word: stat="fail"
    """A whole answer of the API that says why there is no other."""

    def __init__(self, code: int, message: str) -> None:
        """``code`` and ``message``: as answered."""
        super().__init__(f"Error: {code}: {message}")
        self.code = code


class RefusedError(HarvestError):
    """Flickr refuses us, not the photo: the crawl stops at once and marks nothing."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, as those who crawl Flickr in production do."""

    attempts: int = 8
    """Tries of one call or picture within a crawl."""
    first_delay: float = 1.0
    """Seconds before the second try, at most; doubled for each further one."""
    longest_delay: float = 120.0
    patience: float = 600.0
    """Seconds that a whole service may be away before its failures count."""

    def delay(self, failures: int, retry_after: float | None) -> float | None:
        """Return the seconds until the next try after so many failures; none to give up."""
        if failures >= self.attempts:
            return None
        return max(retry_after or 0.0, self.backoff(failures))

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, however many."""
        doublings = min(failures - 1, 60)
        return random.uniform(0, min(self.longest_delay, self.first_delay * 2**doublings))


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Read a Retry-After header, seconds or a date; at most an hour is believed."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            then = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        seconds = (then - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None
