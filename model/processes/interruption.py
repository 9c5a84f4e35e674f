"""Handles Ctrl-C, SIGTERM and SIGHUP between two steps.

The work in progress when a signal arrives (a step, a file, a collective that other processes wait
in) is finished first, so that a checkpoint is always consistent.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from flickr_emotion.common.printing import say


class StopSignals:
    """Records SIGINT, SIGTERM and SIGHUP instead of their usual effect, in a ``with`` block.

    A second Ctrl-C stops at once unless ``patient``: the terminal sends Ctrl-C to every process,
    and ``torchrun`` passes it on again.
    """

    def __init__(self, *, patient: bool) -> None:
        self.requested = False
        self._patient = patient
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignals":
        # Python handles signals in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_IGN:  # nohup
                    continue
                self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT and not self._patient:
            raise KeyboardInterrupt
        if not self.requested and number == signal.SIGINT and not self._patient:
            say("stopping after this step; press Ctrl-C again to stop at once")
        self.requested = True
