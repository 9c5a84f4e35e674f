"""The ways in which the services of a Flickr may fail, for all requests or for a share of them.

Real servers have been seen to fail in each of these ways for an hour or a day; requests then get a
wrong answer instead of the true one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from flickr_emotion.harvest.sandbox.images import PLACEHOLDER_PATH, placeholder
from flickr_emotion.harvest.sandbox.posts import derived
from flickr_emotion.harvest.sandbox.wire import Response
from tests.harvest.corpora import jpeg

_PAGE = b"<!DOCTYPE html><html><body><h1>Bad panda</h1></body></html>\n"
# The same picture for everything; too large to be taken for a placeholder.
_SOMEBODYS = jpeg(987_654_321, 640, 480)
_SLIDE = jpeg(123_456_789, 40, 30)
_XML = (
    b'<?xml version="1.0" encoding="utf-8" ?>\n<rsp stat="fail">\n<err code="0" msg="x" />\n</rsp>'
)


def _status(status: int) -> Callable[[Response], Response]:
    return lambda right: Response(status, b"<html><body>no</body></html>\n", "text/html")


def _body(body: bytes, kind: str) -> Callable[[Response], Response]:
    return lambda right: Response(200, body, kind)


def _to(target: str) -> Callable[[Response], Response]:
    return lambda right: Response(302, headers=f"Location: {target}\r\n")


def _half(right: Response) -> Response:
    return Response(200, right.body[: len(right.body) // 2], right.content_type)


def _half_with_its_end(right: Response) -> Response:
    if right.content_type != "image/jpeg":
        return right
    # Cut within the scan, so that the header is complete.
    scan = right.body.index(b"\xff\xda") + 14
    half = right.body[: scan + (len(right.body) - scan) // 2]
    return Response(200, half.rstrip(b"\xff") + b"\xff\xd9", right.content_type)


def _reset(right: Response) -> Response:
    return Response(right.status, right.body, right.content_type, right.headers, "reset")


def _fail(code: int, message: str = "no") -> Callable[[Response], Response]:
    envelope = {"stat": "fail", "code": code, "message": message}
    return _body(json.dumps(envelope).encode(), "application/json")


PICTURE_MOODS: dict[str, Callable[[Response], Response]] = {
    "403": _status(403),
    "404": _status(404),
    "410": _status(410),
    "429": _status(429),
    "500": _status(500),
    "503": _status(503),
    "400": _status(400),
    "to-placeholder": _to(PLACEHOLDER_PATH),
    "placeholder": _body(placeholder(), "image/png"),
    "elsewhere": _to("http://127.0.0.1:1/consent"),
    "html": _body(_PAGE, "text/html; charset=utf-8"),
    "empty": _body(b"", "image/jpeg"),
    "half": _half,
    "half-with-its-end": _half_with_its_end,
    "reset": _reset,
    "another-picture": _body(_SOMEBODYS, "image/jpeg"),
    "a-slide": _body(_SLIDE, "image/jpeg"),
}
"""What is sent instead of the correct answer."""
FALSE_PICTURES = frozenset({"another-picture", "a-slide"})
"""Complete pictures, but not the photo's own: a single answer does not show that."""

API_MOODS: dict[str, Callable[[Response], Response]] = {
    "429": _status(429),
    "500": _status(500),
    "503": _status(503),
    "301": lambda right: Response(301, headers="Location: https://identity.flickr.com/login\r\n"),
    "html": _body(_PAGE, "text/html; charset=utf-8"),
    "xml": _body(_XML, "text/xml; charset=utf-8"),
    "empty": _body(b"", "application/json"),
    "cut-json": _half,
    "reset": _reset,
    "code-0": _fail(0, "Sorry, the Flickr API service is not currently available."),
    "code-105": _fail(105, "Service currently unavailable"),
    "code-106": _fail(106, "Write operation failed"),
    "code-77": _fail(77, "a code that nobody documents"),
    "code-1": _fail(1, "Photo not found"),
    "code-2": _fail(2, "Photo is private"),
}
FALSE_ANSWERS = frozenset({"code-1", "code-2"})
"""The API is believed about a photo, so these are sent for all photos from some moment on."""


@dataclass(slots=True)
class Mood:
    """One way to fail, from one moment on."""

    kind: str
    salt: int
    share: int
    """The share of failing photos in per cent; which ones does not change."""
    lasts: int | None
    """The number of answers until the service is well again; None: until it is repaired."""
    after: int = 0
    """The number of answers before it begins."""

    def takes(self, key: str) -> bool:
        """Return whether the next answer about `key` fails in this way; if so, count it."""
        if self.after:
            self.after -= 1
            return False
        if self.lasts == 0 or derived(self.salt, key) % 100 >= self.share:
            return False
        if self.lasts is not None:
            self.lasts -= 1
        return True

    def __str__(self) -> str:
        """Return a description."""
        until = "until mended" if self.lasts is None else f"for {self.lasts} answers"
        begins = f", after {self.after}" if self.after else ""
        return f"{self.kind} to {self.share}% {until}{begins}"
