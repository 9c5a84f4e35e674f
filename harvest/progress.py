"""Progress of a crawl: a bar on a terminal, a plain line now and then elsewhere.

What is left is counted in the ledger, so the figures are true however the crawl was started. The
time left for calls follows from the quota, not from how fast it happened to go so far.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from harvest.ledger import Ledger
from harvest.pacing import HOUR

_TERMINAL_SECONDS = 1.0
_LINE_SECONDS = 30.0


class CrawlProgress:
    """Shows how far a crawl is each time ``tick`` is called and enough time has passed."""

    def __init__(
        self, ledger: Ledger, *, quota: int, images: bool, say: Callable[[str], None]
    ) -> None:
        """``say`` takes the plain lines; a terminal gets bars instead."""
        self._ledger = ledger
        self._quota = quota
        self._images = images
        self._say = say
        self._photos = sum(ledger.outcome_counts("api").values())
        self._started = time.monotonic()
        self._posts_at_start = ledger.left("api")
        self._pictures_at_start = ledger.left("image")
        console = Console(stderr=True)
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=console,
            )
            self._picture_bar = self._bars.add_task(
                "pictures", total=self._photos, left="", visible=images
            )
            self._post_bar = self._bars.add_task("posts", total=self._photos, left="")
        self._next = 0.0 if self._bars else self._started + _LINE_SECONDS

    def __enter__(self) -> "CrawlProgress":
        """Start to show."""
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Show the last state and leave the terminal as it was."""
        if self._bars:
            self._show(time.monotonic())
            self._bars.stop()

    def tick(self) -> None:
        """Show where the crawl is, if it is time to."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (_TERMINAL_SECONDS if self._bars else _LINE_SECONDS)
            self._show(now)

    def _show(self, now: float) -> None:
        pictures, posts = self._ledger.left("image"), self._ledger.left("api")
        elapsed = max(now - self._started, 1e-3)
        picture_rate = max(self._pictures_at_start - pictures, 0) / elapsed
        post_rate = max(self._posts_at_start - posts, 0) / elapsed
        if self._quota:
            post_rate = min(post_rate, self._quota / HOUR) or self._quota / HOUR
        picture_time, post_time = _time_left(pictures, picture_rate), _time_left(posts, post_rate)
        if self._bars:
            self._bars.update(
                self._picture_bar, completed=self._photos - pictures, left=picture_time
            )
            self._bars.update(self._post_bar, completed=self._photos - posts, left=post_time)
            return
        of_pictures = f"pictures {self._photos - pictures} of {self._photos} ({picture_time}), "
        self._say(
            f"{of_pictures if self._images else ''}"
            f"posts {self._photos - posts} of {self._photos} ({post_time})"
        )


def _time_left(count: int, rate: float) -> str:
    if not count:
        return "done"
    if not rate:
        return "time left unknown"
    return f"{timedelta(seconds=round(count / rate))} left"
