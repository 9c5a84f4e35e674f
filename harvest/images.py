"""What makes a body a picture, and how it is put on disk: checked, whole, or not at all.

The bytes are stored as they came, under a temporary name that is then changed, so that a file in
its place is always a whole answer. A crawl that was killed between that and its ledger finds the
picture again and does not ask for it twice.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from harvest.jpeg import NotWholeError, dimensions
from harvest.retry import TransientError

LARGEST = 8 * 2**20
"""Bytes of a picture: 1024 pixels square take a third of it before they are compressed."""
MOST_PIXELS = 100_000_000
"""By the header: a few kilobytes can say that they are to be unpacked to gigabytes."""


class CorruptPictureError(TransientError):
    """A 200 that is no whole JPEG; asked again, since most often the transfer is to blame."""


class OversizedPictureError(Exception):
    """More bytes or pixels than any picture of the sizes asked for has: final."""


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

    Raises ``CorruptPictureError`` where the bytes are no whole JPEG, ``OversizedPictureError``
    where it has too many pixels.
    """
    try:
        width, height = dimensions(data)
    except NotWholeError as error:
        raise CorruptPictureError(str(error)) from None
    if width * height > MOST_PIXELS:
        raise OversizedPictureError(f"{width} x {height} pixels")
    return Picture(
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=width, height=height
    )


def write_picture(path: Path, data: bytes) -> None:
    """Write a picture to its place, whole or not at all; raises ``OSError``."""
    # os and not pathlib: this is done a thousand times a second.
    partial = f"{path}.part"
    try:
        file = _create(partial)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _create(partial)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
        finally:
            os.close(file)
        os.replace(partial, path)  # noqa: PTH105
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)


def find_picture(path: Path) -> Picture | None:
    """Return the picture that an earlier crawl put in its place, if it is there and whole."""
    try:
        with path.open("rb") as file:
            return read_picture(file.read(LARGEST))
    except (FileNotFoundError, CorruptPictureError, OversizedPictureError):
        return None
