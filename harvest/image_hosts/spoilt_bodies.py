"""Keep track of incomplete pictures, to tell a broken file from a host with a problem.

An incomplete picture is requested again and may come complete. It is given up for good only if a
healthy host sent the same bytes twice: a host that served a complete picture in between and did not
send these bytes for other photos. All others are due again in the next crawl.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

_SEVERAL = ""


@dataclass(slots=True)
class _Spoilt:
    digest: bytes
    served_before: int
    """Complete pictures that the host had served when these bytes came first."""
    times: int = 1


class SpoiltBodies:
    """The incomplete pictures of a crawl, by digest."""

    def __init__(self) -> None:
        """Start empty."""
        self._served: Counter[str] = Counter()
        self._of_photo: dict[str, _Spoilt] = {}
        self._photo_of: dict[bytes, str] = {}

    def record_complete(self, host: str) -> None:
        """Record that the host sent a complete picture."""
        self._served[host] += 1

    def record_broken(self, photo_id: str, host: str, body: bytes) -> None:
        """Record an incomplete picture from ``host``."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        if self._photo_of.setdefault(digest, photo_id) != photo_id:
            self._photo_of[digest] = _SEVERAL
        known = self._of_photo.get(photo_id)
        if known is not None and known.digest == digest:
            known.times += 1
        else:
            self._of_photo[photo_id] = _Spoilt(digest, self._served[host])

    def has_broken(self, photo_id: str) -> bool:
        """Whether an incomplete picture of this photo has come."""
        return photo_id in self._of_photo

    def came_twice(self, photo_id: str) -> bool:
        """Whether the same bytes came twice in a row."""
        known = self._of_photo.get(photo_id)
        return known is not None and known.times > 1

    def is_final(self, photo_id: str, host: str) -> bool:
        """Whether ``host`` is healthy, sent the same bytes twice, and only for this photo."""
        known = self._of_photo.get(photo_id)
        return (
            known is not None
            and known.times > 1
            and self._photo_of[known.digest] == photo_id
            and self._served[host] > known.served_before
        )
