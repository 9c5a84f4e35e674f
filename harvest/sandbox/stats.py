"""Counts of requests to the sandbox, which show that a crawl spent no call twice."""

import threading
from collections import Counter
from typing import Any


class Stats:
    """Counts by method, picture, photo and fault; a request is counted before its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Set all counts to zero."""
        with self._lock:
            self.api: Counter[str] = Counter()
            """Calls by method, including those with a fault."""
            self.images = 0
            """GET requests for pictures, whatever the answer."""
            self.image_heads = 0
            self.faults: Counter[str] = Counter()
            self.info_ok: Counter[str] = Counter()
            """getInfo calls answered with the photo, by photo id."""
            self.image_ok: Counter[str] = Counter()
            """Complete pictures sent with a 200, by photo id."""

    def count_api(self, method: str) -> None:
        """Count an API call."""
        with self._lock:
            self.api[method] += 1

    def count_image(self, *, head: bool) -> None:
        """Count a request for a picture."""
        with self._lock:
            if head:
                self.image_heads += 1
            else:
                self.images += 1

    def count_fault(self, kind: str) -> None:
        """Count a request that is answered by a fault."""
        with self._lock:
            self.faults[kind] += 1

    def count_info_ok(self, photo_id: str) -> None:
        """Count a getInfo call that is answered with the photo."""
        with self._lock:
            self.info_ok[photo_id] += 1

    def count_image_ok(self, photo_id: str) -> None:
        """Count a complete picture that is sent."""
        with self._lock:
            self.image_ok[photo_id] += 1

    def as_json(self, *, photos: bool = False) -> dict[str, Any]:
        """Return the counts for `/__stats`; `photos` adds those of each photo."""
        with self._lock:
            answer: dict[str, Any] = {
                "api": dict(sorted(self.api.items())),
                "api_total": sum(self.api.values()),
                "images": self.images,
                "image_heads": self.image_heads,
                "faults": dict(sorted(self.faults.items())),
            }
            if photos:
                answer["photos"] = {
                    photo_id: {"info": self.info_ok[photo_id], "image": self.image_ok[photo_id]}
                    for photo_id in sorted(self.info_ok.keys() | self.image_ok.keys())
                }
            return answer
