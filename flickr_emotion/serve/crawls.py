"""A harvest while it is crawled: its outcomes, and how fast it goes on. Nothing is written.

The ledger says what there is, not how fast it grows. So each look is kept for a few minutes, and
the rate is the difference between two of them.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.crawl.progress import left
from flickr_emotion.harvest.crawl.status import Status, harvest_status
from flickr_emotion.harvest.ledger.rows.outcomes import IMAGE_OUTCOMES

_WINDOW = 60.0
_OPEN = "pending"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a harvest holds at a moment."""

    status: Status
    posts_per_minute: float | None
    """Posts that got an outcome; None at the first look."""
    pictures_per_minute: float | None

    @property
    def outcomes(self) -> list[tuple[str, int, int]]:
        """Outcome, posts and pictures, without those that are all zero."""
        api, image = self.status["api"], self.status["image"]
        rows = [(it, api.get(it, 0), image[it]) for it in IMAGE_OUTCOMES]
        return [row for row in rows if row[1] or row[2]]

    @property
    def time_left(self) -> str | None:
        """How long the calls take at the quota; None without a quota or if none are left."""
        seconds = self.status["left"]["seconds"]
        return left(seconds) if seconds and self.status["left"]["posts"] else None

    @property
    def share_done(self) -> float:
        """The share of posts and pictures that have an outcome, from 0 to 1."""
        api, image = self.status["api"], self.status["image"]
        there = sum(api.values()) + sum(image.values())
        return 1 - (api.get(_OPEN, 0) + image.get(_OPEN, 0)) / there if there else 0.0


class WatchedHarvest:
    """A harvest folder that is looked at again and again."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self.name = folder.resolve().name
        self._folder = folder
        self._looks: deque[tuple[float, int, int]] = deque()
        self._lock = threading.Lock()

    def look(self) -> Look:
        """Return its state now; raises ``HarvestError``."""
        with self._lock:
            status = harvest_status(self._folder)
            now = time.monotonic()
            done = [
                sum(counts.values()) - counts.get(_OPEN, 0)
                for counts in (status["api"], status["image"])
            ]
            while len(self._looks) > 1 and now - self._looks[1][0] > _WINDOW:
                self._looks.popleft()
            self._looks.append((now, done[0], done[1]))
            before = self._looks[0]
            passed = (now - before[0]) / 60
            rates = (
                [(it - was) / passed for it, was in zip(done, before[1:], strict=True)]
                if (len(self._looks) > 1)
                else [None, None]
            )
            return Look(status=status, posts_per_minute=rates[0], pictures_per_minute=rates[1])
