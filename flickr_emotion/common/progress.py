"""Shows the progress of long work: a bar on a terminal, plain lines elsewhere.

Everything goes to standard error, so that a command's output can be piped.
"""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from flickr_emotion.common.printing import printable_lines

SECONDS_BETWEEN_LINES = 10.0


class ProgressReport:
    """Reports progress towards ``total`` units; use it in a ``with`` statement."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(what, total=total, rate="")

    def __enter__(self) -> "ProgressReport":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, number: int) -> None:
        """Add ``number`` finished units."""
        self._done += number
        now = time.monotonic()
        rate = self._done / max(now - self._started, 1e-6)
        if self._bar:
            self._bar.update(self._task, advance=number, rate=f"{rate:,.0f} {self._unit}/s")
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            left = (self._total - self._done) / max(rate, 1e-6)
            self.say(
                f"{self._what}: {self._done:,} of {self._total:,} {self._unit}, "
                f"{rate:,.0f}/s, {left:,.0f} s left"
            )

    def say(self, line: str) -> None:
        """Print one or more lines above the bar."""
        self._console.print(printable_lines(line), markup=False)
