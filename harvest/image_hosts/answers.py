"""What an answer of an image server means: a picture's bytes, or why there are none.

A service in trouble and a picture that is gone both answer with a status, and some servers send a
page with a 200. Statuses and their meanings are described in ``docs/flickr.md``.
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
"""Those of them that say nothing of the same picture in a smaller size."""

# Of the 4xx these say that another try may mend it; 403, 404 and 410 are about the picture.
_TRY_AGAIN = (408, 425)
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF")
_PAGE_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came of asking for a picture, and who answered in the end."""

    host: str
    epoch: int
    """Of the host's breaker, when it was asked."""
    status: int | None = None
    """None without an answer."""
    body: bytes | None = None
    """None where the picture is there and only its head was asked for, or where it failed."""
    failure: Exception | None = None
    """One of ``FAILURES``."""
    spends_attempt: bool = True
    """Whether the failure costs the photo one of its attempts: not where we, or the host, are to
    blame."""


class PictureAnswer(NamedTuple):
    """An answer of an image server, as it came."""

    status: int
    location: str
    content_type: str
    encoding: str
    size: int | None
    retry_after: str | None
    body: bytes


def check_service(answer: PictureAnswer) -> None:
    """Raise ``TransientError`` where the host says that it is in trouble, or asked too much."""
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
    """Return the bytes of a picture that are in an answer; raises one of ``FAILURES``."""
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
    """Whether a service in trouble sent a page for a picture: by the body, or by its type."""
    if answer.body.startswith(_PICTURES):
        return False
    of_type = answer.content_type.partition(";")[0].strip().lower() in _PAGE_TYPES
    return of_type or answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
