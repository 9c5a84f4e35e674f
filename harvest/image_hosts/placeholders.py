"""Which answers are Flickr's picture for unavailable photos, and not the photo's.

Such a picture comes with a final 200 and would go into a data set as if it were a photo; in other
people's data sets it became the mean. It is known by where a redirect leads and by its size. Where
neither tells, a body that many photos share is one: the same bytes for one photo are its picture,
for two perhaps the same upload twice, but not for ten photos of strangers.
"""

import hashlib
from collections import defaultdict
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.pictures import shared_pictures
from flickr_emotion.harvest.pictures.files import image_path

_NAME = "photo_unavailable"
# The PNG that old image servers sent, with a 200, for one that is gone.
_SIZE = 2051
_NO_JPEG = (b"\x89PNG", b"GIF8", b"RIFF")
# A PNG at a path that ends in .jpg is seldom a photo, so it takes no more to be sure.
_PNG_PHOTOS = 3
# A photo of 500 pixels in so few bytes is next to blank; placeholders are that small.
_SUSPICIOUS_SIZE = 16 * 1024
_JPEG_PHOTOS = 10


class PlaceholderError(Exception):
    """The image server sent its picture for unavailable photos."""


def check_redirect(status: int, location: str) -> None:
    """Raise ``PlaceholderError`` where a redirect leads to the placeholder."""
    if _NAME in location:
        raise PlaceholderError(f"answered {status} to the placeholder picture")


def check_size(content_type: str, size: int | None) -> None:
    """Raise ``PlaceholderError`` where the head of an answer is the placeholder's."""
    if content_type == "image/png" and size == _SIZE:
        raise PlaceholderError("answered 200 with the placeholder picture")


class SharedBodies:
    """The PNGs and GIFs of a crawl, by digest: pictures, or a placeholder's."""

    def __init__(self) -> None:
        """Know none."""
        self._photos: defaultdict[bytes, set[str]] = defaultdict(set)

    def check(self, photo_id: str, body: bytes) -> None:
        """Raise ``PlaceholderError`` where a body is one."""
        if not body.startswith(_NO_JPEG):
            return
        check_size("image/png" if body.startswith(b"\x89PNG") else "", len(body))
        if len(body) > _SUSPICIOUS_SIZE:
            return
        photos = self._photos[hashlib.sha256(body).digest()]
        if len(photos) < _PNG_PHOTOS:  # more need not be remembered
            photos.add(photo_id)
        if len(photos) >= _PNG_PHOTOS:
            raise PlaceholderError(f"the same PNG or GIF answered for {_PNG_PHOTOS} photos or more")

    @property
    def placeholders(self) -> list[str]:
        """The SHA-256 of each body that turned out to be one: the first photos kept it."""
        return [
            digest.hex() for digest, photos in self._photos.items() if len(photos) >= _PNG_PHOTOS
        ]


def drop_shared_pictures(ledger: Ledger, folder: Path, known: list[str]) -> int:
    """Make placeholders of the small pictures that ten photos or more share; return how many.

    Of those with a SHA-256 in ``known``, fewer are enough. Their files below ``folder`` are
    removed. Where every post is known and all are of one owner, who uploads the same slide again
    and again, the pictures stay.
    """
    shared = shared_pictures(ledger, most_bytes=_SUSPICIOUS_SIZE, photos=_JPEG_PHOTOS, known=known)
    with ledger.transaction():
        for photo_id in shared:
            ledger.record_final_picture(
                photo_id,
                "placeholder",
                f"the same {_SUSPICIOUS_SIZE // 1024} KB or less for many photos",
            )
    # After the commit: a kill between the two leaves a file that nothing refers to, not a loss.
    for photo_id in shared:
        image_path(folder, photo_id).unlink(missing_ok=True)
    return len(shared)
