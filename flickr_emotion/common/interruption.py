"""Handles Ctrl-C while several threads work: the first ends the work cleanly, a second at once.

SIGTERM (from a scheduler) and SIGHUP (from a closing session) are handled like Ctrl-C.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5.0
"""How long requests in flight may take to finish when a crawl is stopped."""
_POLL_SECONDS = 0.5
_LATER_SECONDS = 0.05


def end_like_ctrl_c() -> None:
    """Make each of ``SIGNALS`` raise ``KeyboardInterrupt``, except an ignored SIGHUP (``nohup``).

    A shell makes a command that a script starts in the background (``&``) ignore SIGINT. If such a
    command receives SIGINT nevertheless, it was sent on purpose, so it ends the command too.
    """
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    if not isinstance(sys.unraisablehook, _SendsAgain):
        sys.unraisablehook = _SendsAgain(sys.unraisablehook)


class _SendsAgain:
    """Sends a signal again whose ``KeyboardInterrupt`` Python has dropped.

    Python runs the handler of a signal wherever the main thread is. Where that is the callback of a
    weak reference or a finaliser, it drops what the handler raises. Each import has such a
    callback, so a signal could be lost that came during one.
    """

    def __init__(self, before: Callable[["sys.UnraisableHookArgs"], Any]) -> None:
        self._before = before

    def __call__(self, unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._before(unraisable)
            return
        main = threading.main_thread().ident
        assert main is not None
        # Later, in the hope that the main thread has left the callback; else it is sent once more.
        again = threading.Timer(_LATER_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        again.start()


class SecondSignal:
    """Decides what a second signal does; restores the former handlers at the end.

    A second signal ends the process instead of raising an exception, because an exception that is
    raised while another one is being handled can be lost.
    """

    def __enter__(self) -> "SecondSignal":
        self._before: dict[signal.Signals, Any] = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ends_at_once(self) -> None:
        """Make the next signal end the process immediately."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, lambda *_: os._exit(130))


def wait_for(thread: threading.Thread) -> None:
    """Wait until a thread ends, waking up regularly.

    The system may deliver a signal to any thread, but Python's handler runs in the main thread, and
    not while that thread waits.
    """
    while thread.is_alive():
        thread.join(_POLL_SECONDS)


def wait_for_signal() -> None:
    """Wait for Ctrl-C, SIGTERM or SIGHUP, and restore the handlers: for commands that serve."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
