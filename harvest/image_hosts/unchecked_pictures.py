"""Pictures that were written but not decoded yet, so that some may be incomplete.

Decoding a picture to its end takes as long as fetching it. So only a few are decoded before the
stage becomes idle, and the others while it has nothing else to do. A build decodes all pictures
that it uses.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.pictures.files import CorruptPictureError, image_path
from flickr_emotion.harvest.pictures.jpeg import NotWholeError
from flickr_emotion.harvest.pictures.whole_picture import check_whole

# Before the stage is idle, this number or share is decoded; while it is idle, this many at a time.
_FEWEST_AT_ONCE, _SHARE_AT_ONCE = 20, 0.002
_WHILE_IDLE = 10
_MOST = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoiltPicture:
    """An incomplete picture on disk."""

    photo_id: str
    host: str
    """The host that sent it; empty if another crawl fetched it."""
    body: bytes
    error: CorruptPictureError


class UncheckedPictures:
    """The last pictures that were written, to be decoded when there is time."""

    def __init__(self, folder: Path) -> None:
        """Start empty; ``folder``: the folder of the pictures."""
        self._folder = folder
        self._pictures: deque[tuple[str, str]] = deque(maxlen=_MOST)
        """Photo ids with the hosts of their pictures."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def add(self, photo_id: str, host: str) -> None:
        """Add a picture that was written without being decoded."""
        self._pictures.append((photo_id, host))

    def at_once(self, *, idle: bool) -> int:
        """Return how many to decode before the stage looks for other work."""
        return _WHILE_IDLE if idle else max(_FEWEST_AT_ONCE, int(_SHARE_AT_ONCE * len(self)))

    def spoilt(self, count: int) -> Iterator[SpoiltPicture]:
        """Decode ``count`` pictures, the latest first, and yield the incomplete ones."""
        for _ in range(min(count, len(self))):
            photo_id, host = self._pictures.pop()
            try:
                body = image_path(self._folder, photo_id).read_bytes()
            except FileNotFoundError:
                continue
            try:
                decode(body)
            except CorruptPictureError as error:
                yield SpoiltPicture(photo_id=photo_id, host=host, body=body, error=error)


def decode(body: bytes) -> None:
    """Raise ``CorruptPictureError`` if a JPEG does not contain its complete picture."""
    if body.startswith(b"\xff\xd8"):
        try:
            check_whole(body)
        except NotWholeError as error:
            raise CorruptPictureError(str(error)) from None
