"""Ctrl-C and its like while several threads are at work: one ends it well, a second at once.

What a scheduler (SIGTERM) or a closing session (SIGHUP) sends ends long work as cleanly as Ctrl-C.
"""

import os
import signal
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5.0
"""How long what is in flight may still take once a crawl is to end."""
_LOOK_UP_SECONDS = 0.5


def end_like_ctrl_c() -> None:
    """Let each of ``SIGNALS`` raise ``KeyboardInterrupt``; under ``nohup`` SIGHUP stays ignored.

    A shell that starts a command in the background (``&`` in a script) has it ignore SIGINT. Who
    sends SIGINT to such a command means it, so it ends as cleanly as any other.
    """
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


class SecondSignal:
    """What ``SIGNALS`` do once the first of them has come; at the end all is as before.

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
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, lambda *_: os._exit(130))


def wait_for(thread: threading.Thread) -> None:
    """Wait for the end of a thread, looking up often.

    The system may hand a signal to any thread. The main one handles it, but not while it waits.
    """
    while thread.is_alive():
        thread.join(_LOOK_UP_SECONDS)
