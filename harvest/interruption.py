"""Ctrl-C while several threads are at work: the first ends it well, the second at once."""

import os
import signal
import threading
from typing import Any

_LOOK_UP_SECONDS = 0.5


class SecondSignal:
    """What Ctrl-C and SIGTERM do once the first has come; at the end all is as before.

    An exception would not do: raised within the clean-up after another, it can be swallowed.
    """

    def __enter__(self) -> "SecondSignal":
        self._before: dict[signal.Signals, Any] = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ends_at_once(self) -> None:
        """Let the next signal end the process, whatever it is at."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, lambda *_: os._exit(130))


def wait_for(thread: threading.Thread) -> None:
    """Wait for the end of a thread, looking up often.

    The system may hand a signal to any thread. The main one handles it, but not while it waits.
    """
    while thread.is_alive():
        thread.join(_LOOK_UP_SECONDS)
