"""Ctrl-C, SIGTERM and SIGHUP end a crawl within seconds wherever it waits; all results are kept."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flickr_emotion.common.interruption import SIGNALS, end_like_ctrl_c
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.sandbox.shapes import photo
from tests.harvest.corpora import jpeg, post, write_votes
from tests.harvest.http_servers import Asked, serving
from tests.harvest.processes import start, until

POSTS = [post(number) for number in range(8)]
# Requests in flight get 5 seconds; the machine may be busy.
MOST_SECONDS = 20.0
ECHO = b'{"stat":"ok"}'


class Waiting:
    """Answers until a request that is meant to hang; then says so."""

    def __init__(self, hangs: Callable[[Asked], bool], how: str = "drip") -> None:
        self._hangs = hangs
        self._how = how
        self.reached = threading.Event()
        self.over = threading.Event()

    def __call__(self, request: Asked) -> None:
        if self._hangs(request):
            self.reached.set()
            if self._how == "rest":
                request.send(429, b"", Retry_After="3600")
            elif self._how == "down":
                request.send(503, b"")
            else:
                request.send_response(200)
                request.end_headers()
                request.close_connection = True
                while not self.over.wait(0.05):
                    request.wfile.write(b" ")
        elif request.form.get("method") == "flickr.test.echo":
            request.send(200, ECHO)
        elif request.photo_id:
            it = post(int(request.photo_id) - 3_700_000_000)
            request.send(200, json.dumps({"photo": photo(it), "stat": "ok"}).encode())
        elif request.form:
            request.send(200, b'{"stat":"ok","photos":{"photo":[],"pages":0}}')
        else:
            number = int(request.path.partition("_")[0][-1])
            request.send(200, b"" if request.command == "HEAD" else jpeg(number))


def is_call(method: str) -> Callable[[Asked], bool]:
    return lambda request: request.form.get("method", "").endswith(method)


def stopped(
    tmp_path: Path,
    answer: Waiting,
    number: signal.Signals,
    prepare: Callable[[], None] | None = None,
) -> tuple[subprocess.Popen[str], str, float]:
    """Crawl until it waits, send a signal; return the process, what it said, and the seconds.

    ``prepare`` runs in its process before it.
    """
    published_list = write_votes(tmp_path / "list", POSTS)
    with serving(answer) as server:
        process = start(published_list, tmp_path / "h", server, prepare=prepare)
        try:
            until(answer.reached.is_set, process)
            sent = time.monotonic()
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
            return process, err, time.monotonic() - sent
        finally:
            answer.over.set()
            process.kill()


HUP, TERM, INT = signal.SIGHUP, signal.SIGTERM, signal.SIGINT


class TestWhereverItWaits:
    @pytest.mark.parametrize(
        ("place", "how", "number"),
        [
            ("echo", "drip", HUP),
            ("HEAD", "drip", TERM),
            ("GET", "drip", TERM),
            ("search", "down", INT),
            pytest.param("echo", "rest", HUP, marks=pytest.mark.slow),
            pytest.param("HEAD", "drip", INT, marks=pytest.mark.slow),
            pytest.param("getInfo", "drip", HUP, marks=pytest.mark.slow),
            pytest.param("getInfo", "rest", TERM, marks=pytest.mark.slow),
        ],
    )
    def test_it_ends_within_seconds(
        self, tmp_path: Path, place: str, how: str, number: signal.Signals
    ) -> None:
        def hangs(request: Asked) -> bool:
            if place in ("HEAD", "GET"):
                return request.command == place
            return is_call(place)(request)

        process, err, seconds = stopped(tmp_path, Waiting(hangs, how), number)
        assert process.returncode == 130, err
        assert "the same command starts again" in err
        assert "Traceback" not in err
        assert seconds < MOST_SECONDS
        status = harvest_status(tmp_path / "h")
        # A photo whose answer was not waited for loses no attempt.
        assert status["api"]["failed"] == status["image"]["failed"] == 0
        if place in ("getInfo", "search"):
            assert status["image"]["ok"] == len(POSTS)

    def test_earlier_results_are_kept(self, tmp_path: Path) -> None:
        last = POSTS[-1].photo_id
        answer = Waiting(lambda request: request.photo_id == last)
        process, err, _ = stopped(tmp_path, answer, signal.SIGTERM)
        assert process.returncode == 130, err
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["pending"]) == (len(POSTS) - 1, 1)


class TestIgnored:
    @pytest.mark.parametrize("number", [INT, pytest.param(TERM, marks=pytest.mark.slow)])
    def test_a_crawl_in_the_background_of_a_script_still_hears(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        """A shell without job control has ``crawl ... &`` ignore SIGINT from its start."""

        def ignore() -> None:
            signal.signal(number, signal.SIG_IGN)

        answer = Waiting(is_call("test.echo"), "rest")
        process, err, seconds = stopped(tmp_path, answer, number, prepare=ignore)
        assert process.returncode == 130, err
        assert "the same command starts again" in err
        assert seconds < MOST_SECONDS

    def test_which_signals_may_stay_ignored(self) -> None:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
        try:
            end_like_ctrl_c()
            assert [signal.getsignal(number) for number in (INT, TERM, HUP)] == [
                *[signal.default_int_handler] * 2,
                signal.SIG_IGN,
            ]
            signal.signal(HUP, signal.SIG_DFL)
            end_like_ctrl_c()
            assert signal.getsignal(HUP) is signal.default_int_handler
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def test_a_crawl_under_nohup_goes_on(self, tmp_path: Path) -> None:
        answer = Waiting(is_call("test.echo"))
        published_list = write_votes(tmp_path / "list", POSTS)

        def nohup() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        with serving(answer) as server:
            process = start(published_list, tmp_path / "h", server, prepare=nohup)
            until(answer.reached.is_set, process)
            process.send_signal(signal.SIGHUP)
            answer.over.set()
            _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err


@pytest.mark.slow
def test_while_a_long_list_is_added(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    for first in (1, 750_001):  # a file has a million rows at most
        with (tmp_path / "list" / f"from_{first}.csv").open("w", encoding="utf-8") as file:
            for number in range(first, first + 750_000):
                file.write(f"awe,http://farm4.staticflickr.com/1/{number}_0123456789.jpg,0,5\n")

    with serving(Waiting(lambda request: False)) as server:
        process = start(tmp_path / "list", tmp_path / "h", server)
        until((tmp_path / "h" / "ledger.sqlite-wal").exists, process)
        sent = time.monotonic()
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert time.monotonic() - sent < MOST_SECONDS
