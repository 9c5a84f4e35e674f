"""Pictures that were written and not decoded yet: half a picture may still be among them.

Decoding a picture to its end takes as long as fetching it. So a few are decoded before the stage
falls idle, the others while it waits for something to do. A build decodes all that it uses.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.pictures.files import CorruptPictureError, image_path
from flickr_emotion.harvest.pictures.jpeg import NotWholeError
from flickr_emotion.harvest.pictures.whole_picture import check_whole

# So many, or this share, are decoded before the stage falls idle; and so many at once while it is.
_FEWEST_AT_ONCE, _SHARE_AT_ONCE = 20, 0.002
_WHILE_IDLE = 10
_MOST = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoiltPicture:
    """A picture on disk that is not whole."""

    photo_id: str
    host: str
    """Where it came from; empty where another crawl fetched it."""
    body: bytes
    error: CorruptPictureError


class UncheckedPictures:
    """The last pictures that came, to be decoded when there is time."""

    def __init__(self, folder: Path) -> None:
        """Begin without any; ``folder``: where the pictures are."""
        self._folder = folder
        self._pictures: deque[tuple[str, str]] = deque(maxlen=_MOST)
        """Photos, and the hosts of their pictures."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._pictures)

    def add(self, photo_id: str, host: str) -> None:
        """Have a picture decoded that was written without that."""
        self._pictures.append((photo_id, host))

    def at_once(self, *, idle: bool) -> int:
        """Return how many to decode before the stage looks for other work."""
        return _WHILE_IDLE if idle else max(_FEWEST_AT_ONCE, int(_SHARE_AT_ONCE * len(self)))

    def spoilt(self, count: int) -> Iterator[SpoiltPicture]:
        """Decode ``count`` pictures, the latest first, and yield those that are not whole."""
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
    """Raise ``CorruptPictureError`` where a JPEG does not hold its whole picture."""
    if body.startswith(b"\xff\xd8"):
        try:
            check_whole(body)
        except NotWholeError as error:
            raise CorruptPictureError(str(error)) from None
