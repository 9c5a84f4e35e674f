"""Ctrl-C, SIGTERM and SIGHUP, heard between two steps.

What a signal finds half done (a step, a file, a collective that other processes wait in) is done
first: only then is what a checkpoint says true.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from flickr_emotion.common.printing import say


class StopSignals:
    """Takes note of SIGINT, SIGTERM and SIGHUP instead of what they would do, in a ``with`` block.

    A second Ctrl-C does not wait, unless ``patient``: ``torchrun`` passes on a Ctrl-C that the
    terminal has already given to every process.
    """

    def __init__(self, *, patient: bool) -> None:
        self.requested = False
        self._patient = patient
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignals":
        # Python hears signals in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_IGN:  # nohup
                    continue
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT and not self._patient:
            raise KeyboardInterrupt
        if not self.requested and number == signal.SIGINT and not self._patient:
            say("stopping after this step; Ctrl-C again does not wait")
        self.requested = True
