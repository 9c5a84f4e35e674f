"""Pictures from Flickr's image servers: fetched, checked, and written whole or not at all.

The bytes are stored as they came. No quota is spent here. What an image server can answer is
described in ``docs/flickr.md``; a dead picture may be a 404, a 410, or a redirect to a placeholder.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import urllib3

from harvest.jpeg import NotWholeError, dimensions
from harvest.photo_url import PhotoReference
from harvest.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    TransientError,
    UnreachableError,
    seconds_to_wait,
)
from harvest.servers import Servers

_TIMEOUT = urllib3.Timeout(connect=10, read=20)
# For a whole picture: the time-out above is for each piece, and a server may trickle.
_DEADLINE_SECONDS = 60.0
_PIECE = 2**18
_LARGEST = 64 * 2**20
_PLACEHOLDER_NAME = "photo_unavailable"
# The picture that old image servers sent, with a 200, for one that is gone.
_PLACEHOLDER_SIZE = 2051
_PNG = b"\x89PNG"


class PlaceholderError(Exception):
    """The image server sent its picture for unavailable photos."""


class CorruptPictureError(TransientError):
    """A 200 that is no whole JPEG; asked again, since most often the transfer is to blame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What is recorded of a picture on disk."""

    sha256: str
    size: int
    """Bytes."""
    width: int
    height: int


def image_path(images: Path, photo_id: str) -> Path:
    """Return the place of a photo's picture: a thousand folders keep each of them small."""
    return images / photo_id[-3:].zfill(3) / f"{photo_id}.jpg"


class ImageFetcher:
    """A pooled client of the image servers; its methods may be called from any thread."""

    def __init__(self, servers: Servers, *, connections: int) -> None:
        """Keep at most ``connections`` alive."""
        self._servers = servers
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(servers.proxy, maxsize=connections, block=True, retries=False)
            if servers.proxy
            else urllib3.PoolManager(maxsize=connections, block=True, retries=False)
        )

    def fetch(self, reference: PhotoReference, path: Path) -> Picture:
        """Fetch a photo's 500-pixel picture into ``path``.

        Raises ``PhotoGoneError``, ``PhotoPrivateError``, ``PlaceholderError``,
        ``CorruptPictureError`` or ``TransientError``; ``path`` is then untouched.
        """
        data = self._ask("GET", reference)
        if data.startswith(_PNG) and len(data) == _PLACEHOLDER_SIZE:
            raise PlaceholderError("answered 200 with the placeholder picture")
        try:
            width, height = dimensions(data)
        except NotWholeError as error:
            raise CorruptPictureError(str(error)) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        digest = hashlib.sha256(data).hexdigest()
        return Picture(sha256=digest, size=len(data), width=width, height=height)

    def probe(self, reference: PhotoReference) -> None:
        """Ask whether a picture is there without fetching it; raises as ``fetch`` does."""
        self._ask("HEAD", reference)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _ask(self, method: str, reference: PhotoReference) -> bytes:
        url = self._servers.images + reference.image_path()
        for _ in range(4):
            status, headers, data = self._request(method, url)
            location = headers.get("Location")
            if status not in (301, 302, 303, 307, 308) or not location:
                return self._checked(status, headers, data)
            if _PLACEHOLDER_NAME in location:
                raise PlaceholderError(f"answered {status} to the placeholder picture")
            try:
                url = urljoin(url, location)
                followed = self._servers.serves_images(url)
            except ValueError:
                followed = False
            if not followed:
                raise TransientError("redirected away from the image servers: not followed")
        raise TransientError("redirected more than three times")

    def _request(self, method: str, url: str) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        try:
            answer = self._pool.request(
                method, url, redirect=False, timeout=_TIMEOUT, preload_content=False
            )
            data = bytearray()
            try:
                while piece := answer.read(_PIECE):
                    data += piece
                    if len(data) > _LARGEST or time.monotonic() > deadline:
                        # What is left on this connection is not waited for.
                        answer.close()
                        break
            finally:
                answer.release_conn()
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
        ):
            raise UnreachableError("no connection to the image server") from None
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"{type(error).__name__} from the image server") from None
        if time.monotonic() > deadline:
            raise TransientError(f"no whole answer within {_DEADLINE_SECONDS:.0f} s")
        return answer.status, answer.headers, bytes(data)

    @staticmethod
    def _checked(status: int, headers: urllib3.HTTPHeaderDict, data: bytes) -> bytes:
        if status == 200:
            if len(data) > _LARGEST:
                raise CorruptPictureError(f"more than {_LARGEST} bytes")
            return data
        if status in (404, 410):
            raise PhotoGoneError(f"answered {status}")
        if status == 403:
            raise PhotoPrivateError("answered 403")
        raise TransientError(
            f"answered {status}",
            retry_after=seconds_to_wait(headers.get("Retry-After")),
            too_many=status == 429,
        )
