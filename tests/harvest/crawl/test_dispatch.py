"""Stages run side by side until the ledger says that nothing is left, or one fails, or Ctrl-C."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.crawl.api_stage import ApiStage
from flickr_emotion.harvest.crawl.dispatch import Dispatcher
from flickr_emotion.harvest.crawl.planner import Job, Planner
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.parts import calls_over, ledger_of

POSTS = [post(number) for number in range(6)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        yield opened


class OneByOne:
    """A stage that settles a due photo whenever it is woken, in a thread of its own."""

    def __init__(self, name: str, ledger: Ledger, stopped: threading.Event) -> None:
        self.name = name
        self.idle = False
        self.settled: list[str] = []
        self.fails_after = -1
        self.waits_for: OneByOne | None = None
        self._ledger = ledger
        self._stopped = stopped
        self._woken = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def start(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def join(self) -> None:
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait()
            self._woken.clear()
            after = self.name == "api"
            due = self._ledger.due(self.name, now=1e12, count=1, after_image=after)
            if len(self.settled) == self.fails_after:
                self._error = RuntimeError(f"{self.name} failed")
                self._stopped.set()
            elif due:
                self.idle = False
                photo_id = due[0].reference.photo_id
                if self.name == "image":
                    self._ledger.record_seen(photo_id)
                else:
                    self._ledger.record_final_post(photo_id, "gone", "no")
                self.settled.append(photo_id)
                self._woken.set()
            else:
                self.idle = True
            self._changed()


def stages(ledger: Ledger, stopped: threading.Event) -> tuple[OneByOne, OneByOne]:
    return OneByOne("image", ledger, stopped), OneByOne("api", ledger, stopped)


def test_it_ends_when_nothing_is_due_for_any_stage(ledger: Ledger) -> None:
    """What one stage records is work for the other."""
    stopped, ticks, said = threading.Event(), [0], list[str]()
    both = stages(ledger, stopped)

    def tick() -> None:
        ticks[0] += 1

    crawling = Dispatcher(
        ledger, [*both], last_row=ALL_ROWS, unfinished=lambda: False, stopped=stopped
    )
    assert crawling.run(tick, said.append) is False
    assert [sorted(stage.settled) for stage in both] == [[it.photo_id for it in POSTS]] * 2
    assert stopped.is_set()
    assert ticks[0] >= 1
    assert said == []


def test_what_is_unfinished_wakes_the_stages_again(ledger: Ledger) -> None:
    """As when the trust in a host is lost at the end, and its pictures are due again."""
    stopped, asked = threading.Event(), [0]
    both = stages(ledger, stopped)

    def unfinished() -> bool:
        asked[0] += 1
        if asked[0] == 1:
            with ledger.transaction() as connection:
                connection.execute("UPDATE photos SET image_next_try = 0 WHERE rowid = 1")
        return asked[0] == 1

    Dispatcher(ledger, [*both], last_row=ALL_ROWS, unfinished=unfinished, stopped=stopped).run(
        lambda: None, print
    )
    assert asked[0] == 2
    assert both[0].settled.count(POSTS[0].photo_id) == 2


@pytest.mark.parametrize("failing", [0, 1])
def test_where_one_stage_fails_the_other_ends_and_the_failure_is_raised(
    ledger: Ledger, failing: int
) -> None:
    stopped = threading.Event()
    both = stages(ledger, stopped)
    both[failing].fails_after = 2
    crawling = Dispatcher(
        ledger, [*both], last_row=ALL_ROWS, unfinished=lambda: False, stopped=stopped
    )
    with pytest.raises(RuntimeError, match=f"{both[failing].name} failed"):
        crawling.run(lambda: None, print)
    assert len(both[failing].settled) == 2
    assert not any(stage._thread.is_alive() for stage in both)


def test_a_failure_of_the_progress_ends_the_stages_too(ledger: Ledger) -> None:
    stopped = threading.Event()
    both = stages(ledger, stopped)

    def tick() -> None:
        raise ValueError("no terminal")

    with pytest.raises(ValueError, match="no terminal"):
        Dispatcher(
            ledger, [*both], last_row=ALL_ROWS, unfinished=lambda: False, stopped=stopped
        ).run(tick, print)
    assert not any(stage._thread.is_alive() for stage in both)


class Watched(Planner):
    """Counts how often it is asked for a job."""

    def __init__(self, ledger: Ledger, calls: ApiCalls, trust: PictureTrust) -> None:
        super().__init__(ledger, calls, trust, last_row=ALL_ROWS)
        self.asked = threading.Semaphore(0)

    def next_job(self) -> Job | None:
        job = super().next_job()
        self.asked.release()
        return job


def test_an_idle_stage_that_looks_again_in_vain_wakes_nobody(ledger: Ledger) -> None:
    """Who is woken wakes idle stages, so that both would keep a core busy while pictures come."""
    stopped = threading.Event()
    breaker = Breaker("a host", retry=RetryPolicy(), say=print)
    trust = PictureTrust(ledger, lambda _: breaker, settle_posts=True, say=print)
    with (
        SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server,
        calls_over(server, ledger, stopped=stopped) as parts,
    ):
        planner = Watched(ledger, parts.calls, trust)
        stage = ApiStage(planner, workers=1, stopped=stopped)
        became_idle, times = threading.Event(), [0]

        def changed() -> None:
            times[0] += 1
            became_idle.set()

        stage.start(changed)
        assert became_idle.wait(60)
        assert stage.idle
        for _ in range(5):
            stage.wake()
            assert planner.asked.acquire(timeout=60)
        assert times == [1]
        stopped.set()
        stage.wake()
        stage.join()


_CTRL_C = """
import os, signal, sys, threading
from pathlib import Path
from flickr_emotion.harvest.crawl.dispatch import Dispatcher
from flickr_emotion.common.interruption import end_like_ctrl_c
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from tests.harvest.crawl.test_dispatch import stages
end_like_ctrl_c()
with Ledger(Path(sys.argv[1]), create=True) as ledger:
    stopped = threading.Event()
    both = stages(ledger, stopped)
    tick = lambda: os.kill(os.getpid(), signal.SIGINT)
    crawling = Dispatcher(
        ledger, [*both], last_row=ALL_ROWS, unfinished=lambda: True, stopped=stopped
    )
    print(crawling.run(tick, print), stopped.is_set())
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_ctrl_c_ends_it_with_what_is_in_flight_finished(tmp_path: Path) -> None:
    """In a process of its own; afterwards Ctrl-C is what it was."""
    with ledger_of(tmp_path, POSTS) as ledger:
        path = ledger.path
    assert path.name == FILE_NAME
    done = subprocess.run(
        [sys.executable, "-c", _CTRL_C, str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    said, result, after = done.stdout.splitlines()
    assert said.startswith("stopping: requests in flight get a few seconds")
    assert (result, after) == ("True True", "True")
