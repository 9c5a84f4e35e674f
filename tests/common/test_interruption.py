"""A signal is not lost where Python drops the exception of its handler."""

import signal
import subprocess
import sys

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.interruption import SIGNALS

_DROPPED = """
import os, signal, sys, time, weakref
from flickr_emotion.common.interruption import end_like_ctrl_c

class Held:
    pass

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[2]))

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
end_like_ctrl_c()
try:
    if sys.argv[1] == "callback":
        held = Held()
        reference = weakref.ref(held, lambda _: os.kill(os.getpid(), int(sys.argv[2])))
    else:
        held = Finalised()
    del held
    time.sleep(60)
except KeyboardInterrupt:
    print("heard")
"""

_FAILING = """
import weakref
from flickr_emotion.common.interruption import end_like_ctrl_c

class Held:
    pass

end_like_ctrl_c()
held = Held()
reference = weakref.ref(held, lambda _: 1 / 0)
del held
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("place", ["callback", "finaliser"])
def test_it_is_heard_though_it_comes_in_a_callback(place: str, number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DROPPED, place, str(int(number))],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_other_failures_in_a_callback_are_reported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAILING],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ZeroDivisionError" in done.stderr
