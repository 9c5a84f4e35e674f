"""Crawls that may be killed with `kill -9`, a few milliseconds each to start.

A new program takes half a second for its imports, which is too long for a test that kills thousands
of them. So one process imports everything once and forks a child for each crawl. The child is a
real process that a real signal can end at any moment, and it ends like the command, with the same
exit code.

    with ForkedCrawls() as crawls:
        ended = crawls.run({"out": .., "refresh": True}, started=lambda pid: ...)
"""

import contextlib
import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from flickr_emotion.common.checkout import PROJECT

_LOOK_SECONDS = 0.1
# The time that a crawl may take to end after Ctrl-C on a busy machine.
_PATIENCE_SECONDS = 60.0
MAX_LOSS = 0.01
"""The default of `crawl --max-loss`."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a crawl ended."""

    killed: bool
    interrupted: bool
    error: str | None
    """The one-line error of a crawl that ended with 1; a traceback for an unexpected exception."""
    code: int | None
    """The exit code; None if it was killed."""
    kept_back: int
    """Number of posts that a refresh kept because they were too many to drop."""
    said: tuple[str, ...]


def send(pid: int, number: int) -> None:
    """Send a signal to a process, unless it has just ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class CrawlHangsError(AssertionError):
    """A crawl did not end after Ctrl-C."""


class ForkedCrawls:
    """The process that forks crawls; use it as a context manager."""

    def __enter__(self) -> Self:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harvest.forked_crawls"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # Without a buffer: select does not see buffered data.
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.communicate(timeout=60)

    def run(
        self,
        job: dict[str, Any],
        *,
        started: Callable[[int], None],
        still: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """Run one crawl; `started` is told its process id.

        `still` returns whether nothing happens any more: then the crawl is sent Ctrl-C, as by a
        user, and must end. `job`: the fields of `CrawlOptions`, with paths and `RetryPolicy` as
        JSON, and `kill_at`, the number of the step on disk (an SQL statement, a rename, a removal)
        at which it kills itself.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        pid = self._line()["pid"]
        started(pid)
        sent: float | None = None
        while not self._ready():
            if sent is None and still():
                sent = time.monotonic()
                send(pid, signal.SIGINT)
            if sent is not None and time.monotonic() > sent + _PATIENCE_SECONDS:
                send(pid, signal.SIGUSR1)
                time.sleep(1)  # It writes where its threads are.
                send(pid, signal.SIGKILL)
                self._line()
                stacks = _stacks_file(job).read_text()
                raise CrawlHangsError(f"{_PATIENCE_SECONDS:.0f} s after Ctrl-C it is at\n{stacks}")
        ended = self._line()
        return Ended(**(ended | {"said": tuple(ended["said"])}))

    def _ready(self) -> bool:
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], _LOOK_SECONDS)[0])

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


# The process that forks, and its children.


def _stacks_file(job: dict[str, Any]) -> Path:
    """Write the threads' stacks of a crawl to a file when it gets SIGUSR1."""
    return Path(job["out"] + ".stacks")


def _serve() -> None:
    import flickr_emotion.harvest.crawl.crawl  # noqa: F401 - imported once, for all children
    from flickr_emotion.common.interruption import end_like_ctrl_c

    end_like_ctrl_c()  # as the command does: whoever runs the tests may ignore SIGINT
    # Only processes are killed, not the machine, so waiting for the disk is not needed.
    os.sync = lambda: None
    for line in sys.stdin:
        ended_read, ended_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ended_read)
            _child(json.loads(line), ended_write)
        os.close(ended_write)
        _say({"pid": pid})
        with os.fdopen(ended_read, "rb") as file:
            told = file.read()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            killed: dict[str, Any] = {"killed": True, "interrupted": False, "error": None}
            _say(killed | {"code": None, "kept_back": 0, "said": []})
        elif told:
            _say({"killed": False} | json.loads(told))
        else:
            code = os.waitstatus_to_exitcode(status)
            ended = {
                "killed": False,
                "interrupted": code == 130,
                "code": code,
                "kept_back": 0,
                "said": [],
            }
            _say(ended | {"error": None if code == 130 else f"ended with {code}, and said nothing"})


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def _child(job: dict[str, Any], told: int) -> None:
    ended: dict[str, Any] = {"interrupted": False, "error": None, "code": 0, "kept_back": 0}
    said: list[str] = []
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        faulthandler.register(signal.SIGUSR1, file=_stacks_file(job).open("w"))
        if (kill_at := job.pop("kill_at", None)) is not None:
            _kill_at(kill_at)
        ended |= _crawled(job, said.append)
    except KeyboardInterrupt:
        ended |= {"interrupted": True, "code": 130}
    except BaseException as error:
        ended |= {"error": _described(error), "code": 1}
    with os.fdopen(told, "wb") as file:
        file.write(json.dumps(ended | {"said": said}).encode())
    os._exit(0)


def _described(error: BaseException) -> str:
    import traceback

    from flickr_emotion.harvest.errors import HarvestError

    if isinstance(error, HarvestError):
        return str(error)
    return "TRACEBACK " + "".join(traceback.format_exception(error))


def _crawled(job: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    from flickr_emotion.harvest.crawl.crawl import crawl
    from flickr_emotion.harvest.crawl.options import CrawlOptions
    from flickr_emotion.harvest.pace.retry import RetryPolicy

    fields = job | {
        "published_lists": tuple(map(Path, job["published_lists"])),
        "out": Path(job["out"]),
        "retry": RetryPolicy(**job["retry"]),
    }
    report = crawl(CrawlOptions(**fields), say, lambda snapshot: None)
    if report.interrupted:
        return {"interrupted": True, "code": 130}
    lost = report.kept_back or report.lost > MAX_LOSS * report.photos
    return {"code": 3 if lost else 0, "kept_back": report.kept_back}


def _kill_at(number: int) -> None:
    """Make this process kill itself before its n-th step on disk from now.

    Steps are what Python's audit hooks and SQLite's trace report before they happen: an SQL
    statement, including COMMIT; the renaming or removal of a file; the creation of a folder.
    """
    import sqlite3

    left = number

    def step(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.remove", "os.mkdir", "os.link"):
            step()

    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(step)
        return connection

    sys.addaudithook(hook)
    sqlite3.connect = traced  # type: ignore[assignment]


if __name__ == "__main__":
    _serve()
