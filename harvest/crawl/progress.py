"""Progress of a crawl: bars on a terminal, otherwise a plain line or a JSON object at intervals.

The remaining work is counted in the ledger, so the figures are right also after a restart. The time
left for calls follows from the plan and the quota, not from the speed so far.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from flickr_emotion.harvest.calls.forecast import forecast
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR

_TERMINAL_SECONDS = 1.0
_LINE_SECONDS = 30.0
# The share of the time that counting may take: counting a million photos takes a moment.
_COST = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The progress of a crawl at one moment."""

    photos: int
    api: dict[str, int]
    """Photos by the outcome of their post."""
    image: dict[str, int]
    """Photos by the outcome of their picture."""
    posts_left: int
    pictures_left: int
    calls_left: int
    """Expected number of calls by the plan."""
    calls_last_hour: int
    quota: int
    """Calls per hour; 0 for no limit."""
    pictures_per_second: float
    call_seconds_left: float | None
    picture_seconds_left: float | None

    def line(self) -> str:
        """Return the progress as one line."""
        return (
            f"pictures {self.photos - self.pictures_left} of {self.photos} "
            f"({self.pictures_per_second:.0f}/s, {left(self.picture_seconds_left)}), "
            f"posts {self.photos - self.posts_left} of {self.photos} "
            f"({self.calls_text()}, {left(self.call_seconds_left)}): {self.outcomes()}"
        )

    def calls_text(self) -> str:
        """Return the number of calls in the last hour and of those to come, in words."""
        of_quota = f" of {self.quota}" if self.quota else ""
        return f"{self.calls_last_hour}{of_quota} calls in the last hour, {self.calls_left} to come"

    def outcomes(self) -> str:
        """Return the number of posts by outcome, in words."""
        return ", ".join(f"{count} {outcome}" for outcome, count in self.api.items() if count)


class _Bars(Progress):
    """A bar for pictures, one for posts, and a line of figures cut to the width of the screen."""

    figures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars and the line of figures."""
        yield self.make_tasks_table(self.tasks)
        yield Text(self.figures, no_wrap=True, overflow="ellipsis")


class CrawlProgress:
    """Shows the progress when ``tick`` is called, if enough time has passed."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        quota: int,
        last_row: int,
        say: Callable[[str], None],
        show: Callable[[Snapshot], None] | None,
    ) -> None:
        """Count photos up to ``last_row``.

        ``show`` takes snapshots; without it, a terminal gets bars, otherwise ``say`` gets lines.
        """
        # Use a separate connection: counting must not block the crawl's ledger.
        self._ledger = Ledger(ledger.path)
        self._last_row = last_row
        self._quota = quota
        self._show = show or (lambda snapshot: say(snapshot.line()))
        self._started = time.monotonic()
        self._pictures_at_start = self._ledger.left("image", last_row=last_row)
        self._posts_at_start = self._ledger.left("api", last_row=last_row)
        self._bars: _Bars | None = None
        console = Console(stderr=True)
        if show is None and console.is_terminal:
            self._bars = _Bars(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[detail]}"),
                console=console,
            )
            self._picture_bar = self._bars.add_task("pictures", total=None, detail="")
            self._post_bar = self._bars.add_task("posts", total=None, detail="")
        self._next = 0.0 if self._bars else self._started + _LINE_SECONDS

    def __enter__(self) -> "CrawlProgress":
        """Start showing progress."""
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Show the last state and restore the terminal."""
        if self._bars:
            self._draw(self.snapshot())
            self._bars.stop()
        self._ledger.close()

    def tick(self) -> None:
        """Show the progress, if it is time to."""
        started = time.monotonic()
        if started < self._next:
            return
        snapshot = self.snapshot()
        if self._bars:
            self._draw(snapshot)
        else:
            self._show(snapshot)
        ended = time.monotonic()
        usual = _TERMINAL_SECONDS if self._bars else _LINE_SECONDS
        self._next = ended + max(usual, (ended - started) / _COST)

    def snapshot(self) -> Snapshot:
        """Return the current progress."""
        last_row = self._last_row
        api, image = self._ledger.outcome_counts(last_row=last_row)
        ahead = forecast(self._ledger, quota=self._quota, last_row=last_row)
        pictures = self._ledger.left("image", last_row=last_row)
        elapsed = max(time.monotonic() - self._started, 1e-3)
        picture_rate = max(self._pictures_at_start - pictures, 0) / elapsed
        post_rate = max(self._posts_at_start - ahead.posts, 0) / elapsed
        return Snapshot(
            photos=sum(api.values()),
            api=api,
            image=image,
            posts_left=ahead.posts,
            pictures_left=pictures,
            calls_left=ahead.calls,
            calls_last_hour=len(self._ledger.call_times(since=now() - HOUR)),
            quota=self._quota,
            pictures_per_second=picture_rate,
            call_seconds_left=_seconds(ahead.posts, post_rate)
            if ahead.seconds is None
            else ahead.seconds,
            picture_seconds_left=_seconds(pictures, picture_rate),
        )

    def _draw(self, snapshot: Snapshot) -> None:
        assert self._bars is not None
        self._bars.update(
            self._picture_bar,
            total=snapshot.photos,
            completed=snapshot.photos - snapshot.pictures_left,
            detail=f"{snapshot.pictures_per_second:.0f}/s, {left(snapshot.picture_seconds_left)}",
        )
        self._bars.update(
            self._post_bar,
            total=snapshot.photos,
            completed=snapshot.photos - snapshot.posts_left,
            detail=left(snapshot.call_seconds_left),
        )
        self._bars.figures = f"{snapshot.calls_text()}: {snapshot.outcomes()}"
        self._bars.refresh()


def _seconds(count: int, rate: float) -> float | None:
    if not count:
        return 0.0
    return count / rate if rate else None


def left(seconds: float | None) -> str:
    """Return the time left, in words."""
    if seconds is None:
        return "time left unknown"
    return f"{timedelta(seconds=round(seconds))} left" if seconds else "done"
