"""The one retry policy of API and pictures: what is retried, how often and after which delay.

Attempts are counted in the ledger, so that they outlive the process. Retries are made above
flickrapi: below it, urllib3 would send the same OAuth nonce again, which Flickr refuses.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from flickr_emotion.harvest.errors import HarvestError


class TransientError(Exception):
    """A failure that may be over at the next try."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        too_many: bool = False,
        down: bool = False,
    ) -> None:
        """``retry_after``: seconds that the server asked us to wait, if it did.

        ``too_many``: the server says that we ask too often; all other requests to it must wait too.
        ``down``: a service that is down fails like this for every request
        (``harvest.pace.breaker``).
        """
        super().__init__(reason)
        self.retry_after = retry_after
        self.too_many = too_many
        self.down = down


class UnreachableError(TransientError):
    """The server cannot be reached: the network, the address or the server is at fault."""

    def __init__(self, reason: str) -> None:
        """Set ``down``: this is how a service that is down fails."""
        super().__init__(reason, down=True)

    def line(self) -> str:
        """Return the line that a command ends with if this happens at its start."""
        return f"{self}: check the network, or --flickr-url"


class CertificateError(UnreachableError):
    """A certificate is not trusted, or those to trust are not read; the reason says what to do."""

    def line(self) -> str:
        """Return the reason alone."""
        return str(self)


class RedirectedError(UnreachableError):
    """The API redirects to another address; a signed call is never sent there."""


class UnreadableAnswerError(TransientError):
    """The response is no API answer: a page, half an answer, nothing, or too many bytes."""

    def __init__(self, reason: str) -> None:
        """Set ``down``: this is how a service that is down fails."""
        super().__init__(f"an answer that cannot be read ({reason})", down=True)


class UselessAnswerError(TransientError):
    """A complete answer that settles nothing; after the same one twice a third call is not made.

    Two of them are the same if their texts are equal.
    """

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        """``code``: the API's error code, if it answered with a failure."""
        super().__init__(reason)
        self.code = code


class PhotoGoneError(Exception):
    """Flickr has no such photo or picture; this is final."""


class PhotoPrivateError(Exception):
    """The photo or its picture is not public; this is final until a refresh."""


class PhotoVideoError(Exception):
    """The post is a video, and its picture only a poster frame; this is final."""


class StoppedError(Exception):
    """The crawl is ending and no longer waits for this answer; the call has no result."""


class ApiFailure(Exception):  # noqa: N818 - Flickr's own word: stat="fail"
    """A complete answer of the API that says that the call failed, and why."""

    def __init__(self, code: int, message: str) -> None:
        """``code`` and ``message``: as answered."""
        super().__init__(f"Error: {code}: {message}")
        self.code = code


class RefusedError(HarvestError):
    """Flickr refuses the caller, not the photo: the crawl stops at once and records no outcome."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, as production crawlers of Flickr use it."""

    attempts: int = 8
    """Tries of one call or picture within a crawl."""
    first_delay: float = 1.0
    """Longest delay before the second try, in seconds; doubled for each further try."""
    longest_delay: float = 120.0
    patience: float = 600.0
    """Seconds that a whole service may be down before its failures count."""

    def delay(self, failures: int, retry_after: float | None) -> float | None:
        """Return the seconds until the next try after this many failures; None means give up."""
        if failures >= self.attempts:
            return None
        return max(retry_after or 0.0, self.backoff(failures))

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after this many failures in a row, without an upper limit."""
        doublings = min(failures - 1, 60)
        return random.uniform(0, min(self.longest_delay, self.first_delay * 2**doublings))


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Read a Retry-After header (seconds or a date) and return seconds, at most an hour."""
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
