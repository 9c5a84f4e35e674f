"""Check that a response body is a picture, and find pictures on disk.

Flickr sends JPEGs. A PNG, GIF or WebP under a ``.jpg`` name is a picture too and kept unchanged
under that name; data sets tell the format by content. The bytes are stored as they came, first
under a temporary name (``common.whole_files``), so that a file under its final name is always a
complete answer. A crawl that was killed before it recorded a picture in the ledger finds the file
and does not request it again.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.pictures.jpeg import NotWholeError, dimensions

LARGEST = 8 * 2**20
"""The most bytes of a picture; 1024 x 1024 pixels take a third of it even uncompressed."""
MOST_PIXELS = 100_000_000
"""The most pixels by the header: a few kilobytes can decompress to gigabytes."""


_OTHER_FORMATS = (b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"RIFF")
# The end of a PNG or GIF; their decoders do not notice when it is missing.
_ENDS = {b"\x89PN": b"IEND\xaeB`\x82", b"GI": b";"}


class CorruptPictureError(TransientError):
    """A 200 without a complete picture; retried, since the transfer is most often to blame."""


class OversizedPictureError(CorruptPictureError):
    """More bytes or pixels than a picture of the requested sizes can have; retried once."""


class UnansweredPictureError(TransientError):
    """A status that neither says that a picture is gone nor suggests another try.

    These are all 4xx except 403, 404, 408, 410, 425 and 429: failed, and due in the next crawl.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What is recorded about a picture on disk."""

    sha256: str
    size: int
    """Bytes."""
    width: int
    height: int


def image_path(images: Path, photo_id: str) -> Path:
    """Return the path of a photo's picture, in one of a thousand folders to keep each small."""
    return Path(image_name(str(images), photo_id))


def image_name(images: str, photo_id: str) -> str:
    """Return the same as text: pathlib is slow where a thousand pictures come in a second."""
    return f"{images}/{photo_id[-3:].zfill(3)}/{photo_id}.jpg"


def read_picture(data: bytes) -> Picture:
    """Return what is recorded about a picture.

    Raises ``CorruptPictureError`` if the bytes are not a complete picture and
    ``OversizedPictureError`` if it has too many pixels. A JPEG is not decoded
    (``harvest.pictures.whole_picture`` does that).
    """
    try:
        if data.startswith(_OTHER_FORMATS):
            width, height = _other_dimensions(data)
        else:
            width, height = dimensions(data)
    except NotWholeError as error:
        raise CorruptPictureError(str(error)) from None
    if width * height > MOST_PIXELS:
        raise OversizedPictureError(f"{width} x {height} pixels")
    return Picture(
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=width, height=height
    )


def _other_dimensions(data: bytes) -> tuple[int, int]:
    """Return width and height of a complete PNG, GIF or WebP; these are rare, so decode them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["PNG", "GIF", "WEBP"]) as picture:
                if picture.width * picture.height <= MOST_PIXELS:
                    picture.load()
                size = picture.size
    except Exception as error:  # Pillow's decoders raise many types on broken input.
        raise NotWholeError(f"no whole PNG, GIF or WebP ({error})") from None
    end = _ENDS.get(data[:3] if data[:3] in _ENDS else data[:2], b"")
    if not data.rstrip(b"\0").endswith(end):
        raise NotWholeError("PNG or GIF ends early")
    return size


def find_picture(path: Path) -> Picture | None:
    """Return the picture that an earlier crawl stored at a path, if it is there and complete."""
    try:
        with open_plain(path) as file:
            return read_picture(file.read(LARGEST))
    except (FileNotFoundError, CorruptPictureError):
        return None
