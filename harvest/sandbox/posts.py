"""A post of the sandbox: a photo with its picture, text, tags and status."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Literal, Protocol

from PIL import Image

from flickr_emotion.harvest.flickr.upload_dates import RECORDED

Status = Literal["ok", "deleted", "private", "private-by-secret", "placeholder"]
"""`private-by-secret`: no longer public, but calls with its secret get an answer."""
Media = Literal["photo", "video"]

_OWNERS = 997  # Posts without an owner are spread over this many.


class LazyPicture(Protocol):
    """A picture that is made on first use; its size is known before."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def jpeg(self) -> bytes:
        """Return the JPEG file, with the same bytes at every call."""


def upload_date(photo_id: str) -> int:
    """Return the upload time of an id in unix seconds, interpolated between recorded pairs."""
    number = int(photo_id)
    ids = [dated for dated, _ in RECORDED]
    place = min(max(bisect_right(ids, number), 1), len(ids) - 1)
    (low, start), (high, end) = RECORDED[place - 1], RECORDED[place]
    return start + (number - low) * (end - start) // (high - low)


def derived(*parts: object) -> int:
    """Return the first 64 bits of the digest of `parts`, the same in every process."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, kw_only=True)
class Post:
    """A photo with its picture, text and tags; missing values are derived from the id."""

    photo_id: str
    secret: str = ""
    server: str = "65535"
    farm: int = 66
    title: str = ""
    description: str = ""
    """An HTML fragment, as Flickr answers it."""
    tags: tuple[str, ...] = ()
    """Raw tags, as the owner typed them."""
    image: bytes | LazyPicture = b""
    owner: str = ""
    """The owner's NSID."""
    owner_name: str = ""
    """The owner's user name."""
    date_upload: int = -1
    """Unix seconds."""
    license: int = 0
    """Flickr's licence id, 0 (all rights reserved) to 16."""
    status: Status = "ok"
    safety_level: int = 0
    """0 safe, 1 moderate, 2 restricted."""
    candownload: int = -1
    """The owner's setting, 0 or 1; without it, it follows from licence and id."""
    headers: tuple[str, ...] = ()
    """Further header fields of the picture's answer, such as ``Content-Usage: train-ai=n``."""
    media: Media = "photo"
    """A video's picture is a poster frame."""

    def __post_init__(self) -> None:
        if not self.secret:
            object.__setattr__(self, "secret", f"{derived('secret', self.photo_id):016x}"[:10])
        if not self.owner:
            owner = 10_000_000 + derived("owner", self.photo_id) % _OWNERS
            object.__setattr__(self, "owner", f"{owner}@N0{owner % 8}")
        if not self.owner_name:
            object.__setattr__(self, "owner_name", f"user{self.owner.partition('@')[0]}")
        if self.date_upload < 0:
            object.__setattr__(self, "date_upload", upload_date(self.photo_id))

    def jpeg(self) -> bytes:
        """Return the picture's bytes."""
        return self.image if isinstance(self.image, bytes) else self.image.jpeg()

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the stored picture, which is the original, in pixels."""
        if not isinstance(self.image, bytes):
            return self.image.size
        with Image.open(BytesIO(self.image)) as picture:
            return picture.size
