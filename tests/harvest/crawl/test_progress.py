"""What a crawl shows of its progress: which figures, in which words, how often and where."""

import io
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from flickr_emotion.harvest.crawl import progress
from flickr_emotion.harvest.crawl.progress import CrawlProgress, Snapshot, left
from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.clock import now
from tests.harvest.corpora import post
from tests.harvest.parts import ledger_of, settle_pictures

POSTS = [post(number) for number in range(5)]
IDS = [it.photo_id for it in POSTS]
SNAPSHOT = Snapshot(
    photos=20,
    api={"pending": 3, "ok": 15, "gone": 2, "private": 0},
    image={"pending": 8, "ok": 12},
    posts_left=3,
    pictures_left=8,
    calls_left=2,
    calls_last_hour=40,
    quota=3_600,
    pictures_per_second=2.6,
    call_seconds_left=None,
    picture_seconds_left=65.4,
)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=made))
    return made


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger of five posts, of which nothing was requested."""
    with ledger_of(tmp_path_factory.mktemp("new"), POSTS) as opened:
        return opened.path


@pytest.fixture
def ledger(tmp_path: Path, new: Path) -> Iterator[Ledger]:
    with Ledger(Path(shutil.copy(new, tmp_path)), create=True) as opened:
        yield opened


def progress_of(
    ledger: Ledger,
    *,
    quota: int = 0,
    last_row: int = ALL_ROWS,
    say: Callable[[str], None] = print,
    show: Callable[[Snapshot], None] | None = None,
) -> CrawlProgress:
    return CrawlProgress(ledger, quota=quota, last_row=last_row, say=say, show=show)


class TestWords:
    def test_a_line_says_what_is_done_how_fast_and_what_is_left(self) -> None:
        assert SNAPSHOT.line() == (
            "pictures 12 of 20 (3/s, 0:01:05 left), "
            "posts 17 of 20 (40 of 3600 calls in the last hour, 2 to come, time left unknown): "
            "3 pending, 15 ok, 2 gone"
        )

    def test_without_a_quota_none_is_named(self) -> None:
        assert replace(SNAPSHOT, quota=0).calls_text() == "40 calls in the last hour, 2 to come"

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (None, "time left unknown"),
            (0.0, "done"),
            (59.6, "0:01:00 left"),
            (90_061.0, "1 day, 1:01:01 left"),
        ],
    )
    def test_the_time_left(self, seconds: float | None, words: str) -> None:
        assert left(seconds) == words


class TestFigures:
    def test_they_are_the_ledgers_and_the_speed_is_this_crawls(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        ledger.record_seen(IDS[0])  # By an earlier crawl: it counts, but not for the speed.
        with progress_of(ledger) as shown:
            settle_pictures(ledger, POSTS[1:3])
            ledger.record_final_post(IDS[0], "gone", "Photo not found")
            ledger.record_failure("api", IDS[1], "answered 500", delay=9.0)
            ledger.record_call("flickr.photos.getInfo")
            with ledger.transaction() as connection:
                connection.execute("INSERT INTO calls (at, method) VALUES (?, '')", (now() - 3601,))
                connection.execute("INSERT INTO calls (at, method) VALUES (?, '')", (now() - 3590,))
            clock.seconds += 4.0
            found = shown.snapshot()
        none = dict.fromkeys(("ok", "private", "video"), 0)
        assert found == Snapshot(
            photos=5,
            api={"pending": 3, "gone": 1, "failed": 1, **none},
            image={"pending": 5, "gone": 0, "failed": 0, "placeholder": 0, "corrupt": 0, **none},
            posts_left=4,
            pictures_left=2,
            calls_left=4,
            calls_last_hour=2,
            quota=0,
            pictures_per_second=0.5,
            call_seconds_left=16.0,
            picture_seconds_left=4.0,
        )

    def test_the_time_left_for_calls_follows_from_plan_and_quota(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        PlanRecord(listed=10, won=9, calls=1).save(ledger)
        with progress_of(ledger, quota=1_800) as shown:
            ledger.record_final_post(IDS[0], "gone", "Photo not found")
            clock.seconds += 7.0
            found = shown.snapshot()
        # Of four posts, the listings left one; the others cost a fifth of a call each.
        assert (found.posts_left, found.calls_left, found.call_seconds_left) == (4, 2, 4.0)
        assert found.quota == 1_800

    def test_only_photos_up_to_the_last_row_count(self, ledger: Ledger, clock: Clock) -> None:
        with progress_of(ledger, last_row=3) as shown:
            settle_pictures(ledger, [*POSTS[:2], POSTS[3]])
            ledger.record_final_post(IDS[0], "gone", "no")
            ledger.record_final_post(IDS[3], "gone", "no")
            clock.seconds += 2.0
            found = shown.snapshot()
        assert (found.photos, found.posts_left, found.pictures_left) == (3, 2, 1)
        assert (found.api["gone"], found.image["pending"]) == (1, 3)
        assert (found.pictures_per_second, found.picture_seconds_left) == (1.0, 1.0)
        assert found.call_seconds_left == 4.0

    def test_where_nothing_is_left_no_time_is(self, ledger: Ledger, clock: Clock) -> None:
        settle_pictures(ledger, POSTS)
        with progress_of(ledger) as shown:
            found = shown.snapshot()
        assert (found.pictures_left, found.picture_seconds_left) == (0, 0.0)

    def test_without_a_speed_the_time_left_is_unknown(self, ledger: Ledger, clock: Clock) -> None:
        settle_pictures(ledger, POSTS[:2])
        with progress_of(ledger) as shown:
            ledger.start_crawl(images=True, verify_gone=False, refresh=False, limit=None)
            clock.seconds += 2.0
            found = shown.snapshot()
        # Two more are due than at the start.
        assert (found.pictures_left, found.pictures_per_second) == (5, 0.0)
        assert found.picture_seconds_left is found.call_seconds_left is None

    def test_a_first_look_divides_by_no_time_at_all(self, ledger: Ledger, clock: Clock) -> None:
        with progress_of(ledger) as shown:
            settle_pictures(ledger, POSTS[:1])
            assert shown.snapshot().pictures_per_second == 1_000.0

    def test_counting_has_its_own_connection(self, ledger: Ledger) -> None:
        with progress_of(ledger) as shown:
            with ledger.transaction():
                ledger.record_seen(IDS[0])
                assert shown.snapshot().pictures_left == 5  # Not committed yet.
            assert shown.snapshot().pictures_left == 4
        assert ledger.left("image") == 4  # The crawl's is still open.
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            shown.snapshot()


class TestLines:
    def test_there_is_one_every_thirty_seconds(self, ledger: Ledger, clock: Clock) -> None:
        said: list[str] = []
        with progress_of(ledger, say=said.append) as shown:
            counts = []
            for seconds in (1_000.0, 1_029.9, 1_030.0, 1_059.9, 1_060.0, 1_200.0):
                clock.seconds = seconds
                shown.tick()
                counts.append(len(said))
        assert counts == [0, 0, 1, 1, 2, 3]
        assert said[0] == (
            "pictures 0 of 5 (0/s, time left unknown), "
            "posts 0 of 5 (0 calls in the last hour, 5 to come, time left unknown): 5 pending"
        )

    def test_where_something_takes_snapshots_no_line_is_said(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        said: list[str] = []
        taken: list[Snapshot] = []
        with progress_of(ledger, say=said.append, show=taken.append) as shown:
            clock.seconds += 30.0
            shown.tick()
            assert taken == [shown.snapshot()]
        assert said == []

    def test_counting_takes_a_fiftieth_of_the_time_at_most(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        taken: list[Snapshot] = []

        def take(snapshot: Snapshot) -> None:
            taken.append(snapshot)
            clock.seconds += 2.0

        with progress_of(ledger, show=take) as shown:
            clock.seconds += 30.0
            shown.tick()
            for seconds, count in ((99.9, 1), (0.1, 2)):
                clock.seconds += seconds
                shown.tick()
                assert len(taken) == count


class TestTerminal:
    @pytest.fixture
    def screen(self, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
        """A terminal of 64 columns."""
        written = io.StringIO()

        def console(*, stderr: bool) -> Console:
            assert stderr
            return Console(file=written, force_terminal=True, width=64, legacy_windows=False)

        monkeypatch.setattr(progress, "Console", console)
        return written

    @staticmethod
    def last_lines(screen: io.StringIO) -> list[str]:
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
        return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()][-3:]

    def test_it_gets_bars_and_a_line_of_figures_cut_to_its_width(
        self, ledger: Ledger, clock: Clock, screen: io.StringIO
    ) -> None:
        said: list[str] = []
        with progress_of(ledger, quota=3_600, say=said.append) as shown:
            settle_pictures(ledger, POSTS[:2])
            ledger.record_final_post(IDS[0], "gone", "no")
            clock.seconds += 1.0
            shown.tick()
            pictures, posts, figures = self.last_lines(screen)
        assert re.fullmatch(r"pictures \S+ +2/5 2/s, 0:00:02 left", pictures)
        assert re.fullmatch(r"posts +\S+ +1/5 0:00:04 left", posts)
        whole = "0 of 3600 calls in the last hour, 4 to come: 4 pending, 1 gone"
        assert figures == whole
        assert said == []

    def test_figures_that_are_wider_are_cut(
        self, ledger: Ledger, clock: Clock, screen: io.StringIO
    ) -> None:
        with progress_of(ledger, quota=3_600) as shown:
            ledger.record_final_post(IDS[0], "gone", "no")
            ledger.record_final_post(IDS[1], "private", "no")
            shown.tick()
            figures = self.last_lines(screen)[-1]
        assert figures == "0 of 3600 calls in the last hour, 3 to come: 3 pending, 1 gone,…"

    def test_it_is_drawn_at_once_then_every_second_and_at_the_end(
        self, ledger: Ledger, clock: Clock, screen: io.StringIO
    ) -> None:
        with progress_of(ledger) as shown:
            drawn = []
            for seconds in (1_000.0, 1_000.9, 1_001.0):
                clock.seconds = seconds
                shown.tick()
                drawn.append(self.last_lines(screen)[0])
                ledger.record_seen(IDS[len(drawn)])
        done = [re.sub(r".* (\d/5) .*", r"\1", line) for line in drawn]
        assert done == ["0/5", "0/5", "2/5"]
        assert " 3/5 " in self.last_lines(screen)[0]

    def test_a_log_for_machines_is_no_terminal(
        self, ledger: Ledger, clock: Clock, screen: io.StringIO
    ) -> None:
        taken: list[Snapshot] = []
        with progress_of(ledger, show=taken.append) as shown:
            clock.seconds += 30.0
            shown.tick()
        assert len(taken) == 1
        assert screen.getvalue() == ""
