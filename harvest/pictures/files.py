"""What makes a body a picture, and how it is put on disk: checked, whole, or not at all.

Flickr sends JPEGs. A PNG, GIF or WebP behind a ``.jpg`` name is a picture too and kept as it is, in
a file of that name; data sets read files by content. The bytes are stored as they came, under a
temporary name that is then changed (``common.whole_files``), so that a file in its place is always
a whole answer. A crawl that was killed between that and its ledger finds the picture again and does
not ask for it twice.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.pictures.jpeg import NotWholeError, dimensions

LARGEST = 8 * 2**20
"""Bytes of a picture: 1024 pixels square take a third of it before they are compressed."""
MOST_PIXELS = 100_000_000
"""By the header: a few kilobytes can say that they are to be unpacked to gigabytes."""


_OTHER_FORMATS = (b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"RIFF")
# What ends a PNG or a GIF: their decoders do not miss it.
_ENDS = {b"\x89PN": b"IEND\xaeB`\x82", b"GI": b";"}


class CorruptPictureError(TransientError):
    """A 200 that is no whole picture; asked again, since most often the transfer is to blame."""


class OversizedPictureError(CorruptPictureError):
    """More bytes or pixels than any picture of the sizes asked for has; asked once more."""


class UnansweredPictureError(TransientError):
    """A status that says neither that a picture is gone nor that another try may mend it.

    It is the 4xx other than 403, 404, 408, 410, 425 and 429: failed, and due in the next crawl.
    """


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


def read_picture(data: bytes) -> Picture:
    """Return what is recorded of a picture.

    Raises ``CorruptPictureError`` where the bytes are no whole picture, ``OversizedPictureError``
    where it has too many pixels. A JPEG's data are not looked at
    (``harvest.pictures.whole_picture``).
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
    """Return width and height of a whole PNG, GIF or WebP, which are rare: decoded at once."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["PNG", "GIF", "WEBP"]) as picture:
                if picture.width * picture.height <= MOST_PIXELS:
                    picture.load()
                size = picture.size
    except Exception as error:  # Pillow's decoders raise what they like on broken input
        raise NotWholeError(f"no whole PNG, GIF or WebP ({error})") from None
    end = _ENDS.get(data[:3] if data[:3] in _ENDS else data[:2], b"")
    if not data.rstrip(b"\0").endswith(end):
        raise NotWholeError("PNG or GIF ends early")
    return size


def find_picture(path: Path) -> Picture | None:
    """Return the picture that an earlier crawl put in its place, if it is there and whole."""
    try:
        with path.open("rb") as file:
            return read_picture(file.read(LARGEST))
    except (FileNotFoundError, CorruptPictureError):
        return None
