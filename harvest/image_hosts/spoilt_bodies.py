"""Bodies that are no whole picture: the photo's own fault, or a bad day of its host.

Such a picture is asked for again, and may come whole. It is given up for good only where a healthy
host sent the same bytes twice: one that has served a whole picture in between, and not these bytes
for other photos too. All else is due again in the next crawl.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

_SEVERAL = ""


@dataclass(slots=True)
class _Spoilt:
    digest: bytes
    served_before: int
    """Whole pictures that the host had served when these bytes came first."""
    times: int = 1


class SpoiltBodies:
    """What came of a crawl's pictures that are not whole, by digest."""

    def __init__(self) -> None:
        """Know none."""
        self._served: Counter[str] = Counter()
        self._of_photo: dict[str, _Spoilt] = {}
        self._photo_of: dict[bytes, str] = {}

    def served(self, host: str) -> None:
        """Take note of a whole picture."""
        self._served[host] += 1

    def came(self, photo_id: str, host: str, body: bytes) -> None:
        """Take note of a body that is no whole picture, from ``host``."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        if self._photo_of.setdefault(digest, photo_id) != photo_id:
            self._photo_of[digest] = _SEVERAL
        known = self._of_photo.get(photo_id)
        if known is not None and known.digest == digest:
            known.times += 1
        else:
            self._of_photo[photo_id] = _Spoilt(digest, self._served[host])

    def know(self, photo_id: str) -> bool:
        """Whether a body of this photo was not whole."""
        return photo_id in self._of_photo

    def came_twice(self, photo_id: str) -> bool:
        """Whether the same bytes came twice in a row."""
        known = self._of_photo.get(photo_id)
        return known is not None and known.times > 1

    def is_final(self, photo_id: str, host: str) -> bool:
        """Whether ``host`` is healthy, sent the same bytes twice, and for this photo alone."""
        known = self._of_photo.get(photo_id)
        return (
            known is not None
            and known.times > 1
            and self._photo_of[known.digest] == photo_id
            and self._served[host] > known.served_before
        )
