"""Run the two stages of a crawl, pictures and API calls, side by side until nothing is due.

They create work for each other: an existing picture makes its post worth a call, and an answer may
say where a picture is. So neither stage is finished before both are, and the ledger decides that.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol

from flickr_emotion.common.interruption import SecondSignal
from flickr_emotion.harvest.ledger.ledger import Ledger

_TICK_SECONDS = 0.5


class Stage(Protocol):
    """One kind of work on photos, with separate threads.

    A stage waits for the retries that it planned, works until ``stopped`` is set, and sets it
    itself if it fails.
    """

    name: str
    """``image`` or ``api``, as the ledger's columns are named."""

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight and nothing was due when it last looked at the ledger."""

    def start(self, changed: Callable[[], None]) -> None:
        """Start working; call ``changed`` after a record, when idle, and at the end."""

    def wake(self) -> None:
        """Make the stage look at the ledger and at ``stopped`` again."""

    def join(self) -> None:
        """Wait until requests in flight are finished; raise the stage's exception, if any."""


class Dispatcher:
    """Runs stages over a ledger."""

    def __init__(
        self,
        ledger: Ledger,
        stages: list[Stage],
        *,
        last_row: int,
        unfinished: Callable[[], bool],
        stopped: threading.Event,
    ) -> None:
        """``stopped`` and ``last_row`` are those of the stages.

        ``unfinished`` is called when nothing is due: it returns whether a stage has more to do.
        """
        self._ledger = ledger
        self._stages = stages
        self._last_row = last_row
        self._unfinished = unfinished
        self._stopped = stopped
        self._changed = threading.Event()

    def run(self, tick: Callable[[], None], say: Callable[[str], None]) -> bool:
        """Work until nothing is due, and call ``tick`` about twice a second.

        Ctrl-C ends the work early, after requests in flight have finished; returns whether that
        happened. A second Ctrl-C ends the process at once, without harm to the ledger. Raises what
        a stage raised.
        """
        try:
            with SecondSignal() as second:
                try:
                    interrupted = self._interrupted(tick, say, second)
                except Exception:
                    self._end()
                    raise
                self._end()
                return interrupted
        except KeyboardInterrupt:  # The second Ctrl-C, if it came before its handler was set.
            os._exit(130)

    def _interrupted(
        self, tick: Callable[[], None], say: Callable[[str], None], second: SecondSignal
    ) -> bool:
        try:
            self._work(tick)
        except KeyboardInterrupt:
            second.ends_at_once()
            say("stopping: requests in flight get a few seconds; press Ctrl-C again to end at once")
            return True
        return False

    def _work(self, tick: Callable[[], None]) -> None:
        for stage in self._stages:
            stage.start(self._changed.set)
        next_tick = 0.0
        while not self._stopped.is_set() and not self._finished():
            if (now := time.monotonic()) >= next_tick:
                tick()
                next_tick = now + _TICK_SECONDS
            self._changed.wait(_TICK_SECONDS)
            self._changed.clear()
            # What one stage records may be work for the other.
            for stage in self._stages:
                if stage.idle:
                    stage.wake()

    def _finished(self) -> bool:
        # A photo in flight is still due in the ledger, so the ledger alone gives the right answer.
        # The stages are asked first only to save its queries.
        if not all(stage.idle for stage in self._stages) or any(
            self._ledger.next_due(stage.name, last_row=self._last_row) is not None
            for stage in self._stages
        ):
            return False
        if self._unfinished():
            for stage in self._stages:
                stage.wake()
            return False
        return True

    def _end(self) -> None:
        self._stopped.set()
        for stage in self._stages:
            stage.wake()
        # All have ended before the failure of one is raised: the ledger is closed after it.
        with ExitStack() as ends:
            for stage in self._stages:
                ends.callback(stage.join)
