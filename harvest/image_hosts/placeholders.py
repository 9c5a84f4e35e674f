"""Recognize placeholders: Flickr's picture for unavailable photos.

A placeholder finally comes with a 200 and would get into a data set as if it were a photo; in other
published data sets it has become frequent. It is recognized by the target of a redirect or by its
size. Otherwise a body that many photos share is a placeholder: two photos with the same bytes may
be one upload made twice, but ten photos of different owners are not.
"""

import hashlib
from collections import defaultdict
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.pictures import shared_pictures
from flickr_emotion.harvest.pictures.files import image_path

_NAME = "photo_unavailable"
# Bytes of the PNG that old image servers sent, with a 200, for a missing photo.
_SIZE = 2051
_NO_JPEG = (b"\x89PNG", b"GIF8", b"RIFF")
# A PNG at a path that ends in .jpg is seldom a photo, so three photos are enough to be sure.
_PNG_PHOTOS = 3
# Placeholders are at most this large; a photo of 500 pixels that is so small is almost blank.
_SUSPICIOUS_SIZE = 16 * 1024
_JPEG_PHOTOS = 10


class PlaceholderError(Exception):
    """The image server sent its picture for unavailable photos."""


def check_redirect(status: int, location: str) -> None:
    """Raise ``PlaceholderError`` if a redirect leads to the placeholder."""
    if _NAME in location:
        raise PlaceholderError(f"answered {status} to the placeholder picture")


def check_size(content_type: str, size: int | None) -> None:
    """Raise ``PlaceholderError`` if the head of an answer is that of the placeholder."""
    if content_type == "image/png" and size == _SIZE:
        raise PlaceholderError("answered 200 with the placeholder picture")


class SharedBodies:
    """The small PNGs, GIFs and WebPs of a crawl by digest, with the photos that share them."""

    def __init__(self) -> None:
        """Start empty."""
        self._photos: defaultdict[bytes, set[str]] = defaultdict(set)

    def check(self, photo_id: str, body: bytes) -> None:
        """Raise ``PlaceholderError`` if a body is a placeholder."""
        if not body.startswith(_NO_JPEG):
            return
        check_size("image/png" if body.startswith(b"\x89PNG") else "", len(body))
        if len(body) > _SUSPICIOUS_SIZE:
            return
        photos = self._photos[hashlib.sha256(body).digest()]
        if len(photos) < _PNG_PHOTOS:  # More need not be remembered.
            photos.add(photo_id)
        if len(photos) >= _PNG_PHOTOS:
            raise PlaceholderError(f"the same PNG or GIF answered for {_PNG_PHOTOS} photos or more")

    @property
    def placeholders(self) -> list[str]:
        """The SHA-256 of each placeholder: the first photos that got it have kept it so far."""
        return [
            digest.hex() for digest, photos in self._photos.items() if len(photos) >= _PNG_PHOTOS
        ]


def drop_shared_pictures(ledger: Ledger, folder: Path, known: list[str]) -> int:
    """Record small pictures that ten or more photos share as placeholders; return how many.

    If the SHA-256 is in ``known``, fewer photos are enough. The files below ``folder`` are removed.
    Pictures are kept if all their posts are known and have the same owner: some owners upload the
    same slide again and again.
    """
    shared = shared_pictures(ledger, most_bytes=_SUSPICIOUS_SIZE, photos=_JPEG_PHOTOS, known=known)
    with ledger.transaction():
        for photo_id in shared:
            ledger.record_final_picture(
                photo_id,
                "placeholder",
                f"the same {_SUSPICIOUS_SIZE // 1024} KB or less for many photos",
            )
    # After the commit: a kill in between then only leaves a file that nothing refers to.
    for photo_id in shared:
        image_path(folder, photo_id).unlink(missing_ok=True)
    return len(shared)
