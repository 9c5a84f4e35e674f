"""What an answer of an image server means: a picture's bytes, or why there are none.

Both a service in trouble and a missing picture give an error status, and some servers send a page
with a 200. ``docs/flickr.md`` describes the statuses and their meanings.
"""

from dataclasses import dataclass
from typing import NamedTuple

from flickr_emotion.harvest.image_hosts.content_encoding import decoded
from flickr_emotion.harvest.image_hosts.placeholders import PlaceholderError, check_size
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    TransientError,
    seconds_to_wait,
)
from flickr_emotion.harvest.pictures.files import (
    LARGEST,
    OversizedPictureError,
    UnansweredPictureError,
)

FAILURES: tuple[type[Exception], ...] = (
    PhotoGoneError,
    PhotoPrivateError,
    PlaceholderError,
    TransientError,
)
"""Why there is no picture."""
SMALLER_MAY_DO = (PhotoGoneError, PhotoPrivateError, PlaceholderError, UnansweredPictureError)
"""The failures after which the same picture may still exist in a smaller size."""

# These 4xx statuses are worth another try; 403, 404 and 410 are about the picture.
_TRY_AGAIN = (408, 425)
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF")
_PAGE_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The result of a request for a picture, after redirects."""

    host: str
    """The host that sent the last answer."""
    epoch: int
    """The epoch of the host's breaker at the time of the request."""
    status: int | None = None
    """None without an answer."""
    body: bytes | None = None
    """None after a failure, or if the picture exists and only its head was requested."""
    failure: Exception | None = None
    """One of ``FAILURES``."""
    headers: str | None = None
    """Which header fields stated a preference (``harvest.preferences.headers``); None without a
    picture."""
    spends_attempt: bool = True
    """Whether the failure costs the photo one of its attempts; it does not if the host or the rate
    of our requests is to blame."""


class PictureAnswer(NamedTuple):
    """The raw answer of an image server."""

    status: int
    location: str
    content_type: str
    encoding: str
    size: int | None
    retry_after: str | None
    headers: str
    """The fields that state a preference, as recorded (``harvest.preferences.headers``)."""
    body: bytes


def check_service(answer: PictureAnswer) -> None:
    """Raise ``TransientError`` if the host is in trouble or says that we ask too often."""
    if answer.status == 429 or answer.status >= 500:
        raise TransientError(
            f"answered {answer.status}",
            retry_after=seconds_to_wait(answer.retry_after),
            too_many=answer.status == 429,
            down=answer.status >= 500,
        )
    if answer.status == 200 and _is_page(answer):
        raise TransientError("answered 200 with a page in a picture's place", down=True)


def picture_body(answer: PictureAnswer) -> bytes:
    """Return the bytes of the picture in an answer; raises one of ``FAILURES``."""
    if answer.status == 200:
        check_size(answer.content_type, answer.size)
        if max(len(answer.body), answer.size or 0) > LARGEST:
            raise OversizedPictureError(f"more than {LARGEST} bytes")
        body = decoded(answer.body, answer.encoding, largest=LARGEST)
        if len(body) > LARGEST:
            raise OversizedPictureError(f"more than {LARGEST} bytes when it is unpacked")
        return body
    if answer.status in (404, 410):
        raise PhotoGoneError(f"answered {answer.status}")
    if answer.status == 403:
        raise PhotoPrivateError("answered 403")
    if 400 <= answer.status < 500 and answer.status not in _TRY_AGAIN:
        raise UnansweredPictureError(f"answered {answer.status}")
    raise TransientError(f"answered {answer.status}")


def _is_page(answer: PictureAnswer) -> bool:
    """Whether the answer is a page instead of a picture, by its body or its type."""
    if answer.body.startswith(_PICTURES):
        return False
    of_type = answer.content_type.partition(";")[0].strip().lower() in _PAGE_TYPES
    return of_type or answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
