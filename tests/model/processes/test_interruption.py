"""Signals between two steps: noted, not acted upon, and given back afterwards."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from flickr_emotion.model.processes.interruption import StopSignals

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Whoever runs the tests may have them ignored."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_each_is_noted_and_then_as_before(number: signal.Signals) -> None:
    before = handlers()
    with StopSignals(patient=True) as stop:
        heard = [stop.requested]
        os.kill(os.getpid(), number)
        heard.append(stop.requested)
        assert heard == [False, True]
        os.kill(os.getpid(), number)
    assert handlers() == before


def test_a_second_ctrl_c_does_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    with StopSignals(patient=False):
        signal.raise_signal(signal.SIGINT)
        assert (
            capsys.readouterr().err
            == "stopping after this step; press Ctrl-C again to stop at once\n"
        )
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals(patient=False) as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop.requested


def test_in_another_thread_nothing_is_changed() -> None:
    found: list[object] = []

    def train() -> None:
        with StopSignals(patient=False):
            found.extend(handlers())

    before = handlers()
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert found == before
