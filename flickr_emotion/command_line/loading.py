"""Says on a terminal that libraries are still loading, where that takes more than a second.

PyTorch alone may take ten seconds from a cold disk, and a command that says nothing looks as if it
hung. What is loading can be told by modules whose import has begun and not ended.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flickr_emotion.common.printing import say

_SECONDS = 1.0
_OWN = "flickr_emotion."


@contextmanager
def loading_said() -> Iterator[None]:
    """Run a command; on a terminal, say after a second that it is loading if it still is."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(_SECONDS, say_if_loading)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say_if_loading() -> None:
    """Say that libraries are loading if a module of this program is being imported."""
    if any(_is_loading(name) for name in list(sys.modules) if name.startswith(_OWN)):
        say("loading libraries")


def _is_loading(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    # Python's own mark of an import that has not ended (`importlib._bootstrap`).
    return bool(getattr(spec, "_initializing", False))
