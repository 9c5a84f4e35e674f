"""Runs the stages of a crawl, pictures and API calls, side by side until nothing is left to do.

The two feed each other: a picture that lives makes its post worth a call, and an answer may say
where a picture is. So neither is finished before both are, and it is the ledger that says so.
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
    """One kind of work on photos, with threads of its own.

    A stage waits for retries that it planned by itself, works until ``stopped`` is set, and sets it
    where it fails.
    """

    name: str
    """``image`` or ``api``, as the ledger's columns are named."""

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight and nothing was due when it last looked at the ledger."""

    def start(self, changed: Callable[[], None]) -> None:
        """Start to work; tell ``changed`` what was recorded, when it falls idle, and the end."""

    def wake(self) -> None:
        """Look at the ledger and at ``stopped`` again."""

    def join(self) -> None:
        """Wait until what is in flight is finished; raise what the stage failed with."""


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
        """``stopped`` and ``last_row`` are what the stages were given.

        ``unfinished`` is asked when nothing is due any more: whether a stage still has to do.
        """
        self._ledger = ledger
        self._stages = stages
        self._last_row = last_row
        self._unfinished = unfinished
        self._stopped = stopped
        self._changed = threading.Event()

    def run(self, tick: Callable[[], None], say: Callable[[str], None]) -> bool:
        """Work until nothing is due any more, calling ``tick`` about twice a second meanwhile.

        Ctrl-C ends it early, with what is in flight finished; returns whether it did. A second
        Ctrl-C ends the process at once, which the ledger survives. Raises what a stage raised.
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
        except KeyboardInterrupt:  # the second, where it came before its handler
            os._exit(130)

    def _interrupted(
        self, tick: Callable[[], None], say: Callable[[str], None], second: SecondSignal
    ) -> bool:
        try:
            self._work(tick)
        except KeyboardInterrupt:
            second.ends_at_once()
            say("stopping: what is in flight has a few seconds; Ctrl-C again does not wait")
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
            # What one stage records may be work for another.
            for stage in self._stages:
                if stage.idle:
                    stage.wake()

    def _finished(self) -> bool:
        # A photo in flight is still planned, so the ledger alone is right whatever happens between
        # these two looks; that the stages are idle only spares it the question.
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
