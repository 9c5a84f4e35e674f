"""What is tried again, how often and how long after: the one retry policy of API and pictures.

Attempts are counted in the ledger, so that they outlive the process. Retry sits above flickrapi:
below it, urllib3 would send the same OAuth nonce again, which Flickr refuses.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import flickrapi
import requests
import urllib3

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


# Codes of the REST API (``docs/flickr.md``).
_GONE = {1, 5}
_PRIVATE = {2}
_TRY_AGAIN = {0, 10, 105, 106, 201}
_KEY_REFUSED = {95, 96, 97, 98, 99, 100}
OUR_FAULT = {3, 18, 111, 112, 114, 115, 116}
"""A call that is made wrongly, or to a server that is not Flickr's API."""


def call_failure(
    error: Exception, retry_after: float | None, oauth_problem: str | None = None
) -> Exception:
    """Return what an exception out of a call means for the photo or the owner it was about.

    ``oauth_problem``: what Flickr's OAuth said was wrong with the call, where it did.
    """
    if isinstance(error, ApiFailure):
        message = str(error)
        if error.code in _GONE:
            return PhotoGoneError(message)
        if error.code in _PRIVATE:
            return PhotoPrivateError(message)
        if error.code in _KEY_REFUSED:
            return _key_refused(message)
        if error.code in _TRY_AGAIN:
            return TransientError(message, retry_after=retry_after, down=True)
        return UselessAnswerError(message, code=error.code)
    if isinstance(error, flickrapi.FlickrError):
        return _http_failure(str(error), retry_after, oauth_problem)
    if isinstance(error, requests.ConnectTimeout) or _no_connection(error):
        return UnreachableError("no connection to the API")
    if isinstance(error, requests.RequestException):
        down = isinstance(error, requests.ConnectionError | requests.Timeout)
        return TransientError(f"{type(error).__name__} from the API", down=down)
    return error


def _no_connection(error: Exception) -> bool:
    # requests gives a refused connection and one that broke later the same type.
    inner = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _http_failure(message: str, retry_after: float | None, oauth_problem: str | None) -> Exception:
    if oauth_problem and oauth_problem.startswith("timestamp"):
        return RefusedError(
            f"Flickr refused a call's time ({oauth_problem}): set this machine's clock"
        )
    # flickrapi puts the status into the text and nowhere else.
    if oauth_problem or any(f"Status code {status} " in message for status in (400, 401, 403)):
        return _key_refused(f"{message}, {oauth_problem}" if oauth_problem else message)
    # Whatever photo is asked for, Flickr's API answers with a 200.
    too_many = "code 429 " in message
    return TransientError(message, retry_after=retry_after, too_many=too_many, down=not too_many)


def _key_refused(message: str) -> RefusedError:
    return RefusedError(
        f"Flickr refused the API key or its secret ({message}): set FLICKR_API_KEY and "
        "FLICKR_API_SECRET, or --api-key and --api-secret, to a valid pair"
    )
