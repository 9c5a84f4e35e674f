"""One API call and what becomes of it: its turn, its outcome in the ledger, its retry."""

import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.flickr.listings import word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.retry import RefusedError, RetryPolicy, TransientError
from flickr_emotion.harvest.pictures.files import image_path, read_picture
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import photo
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import calls_over, due_post, ledger_of, settle_pictures

POSTS = [post(number) for number in range(8)]
FIRST = POSTS[0]
OF_WORDS, _ = word_listings("house")


def info(request: Asked) -> bytes:
    it = post(int(request.photo_id) - 3_700_000_000)
    return json.dumps({"photo": photo(it), "stat": "ok"}).encode()


def outcome(ledger: Ledger, photo_id: str = FIRST.photo_id) -> tuple[str, int, str | None]:
    row = ledger.query(
        "SELECT api_outcome, api_attempts, api_error FROM photos WHERE photo_id = ?", (photo_id,)
    )[0]
    return row["api_outcome"], row["api_attempts"], row["api_error"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        settle_pictures(opened, POSTS)
        yield opened


class Waits(threading.Event):
    """Records how long it is waited for, and lets no time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return False


class LongestDelays(RetryPolicy):
    """Waits for the longest time that the jitter allows."""

    def backoff(self, failures: int) -> float:
        return self.first_delay * 2.0 ** (failures - 1)


class TestTooMany:
    """A 429 is about us, not about what was asked: everybody rests, and nothing is counted."""

    @pytest.mark.parametrize("ask", ["photo", "page", "key"])
    @pytest.mark.parametrize("attempts", [1, 8])
    def test_retry_after_is_the_rest_of_all_calls(
        self, ledger: Ledger, ask: str, attempts: int
    ) -> None:
        retry = RetryPolicy(attempts=attempts, first_delay=1e-6, longest_delay=1e-6)
        stopped = threading.Event()

        def answer(request: Asked) -> None:
            stopped.set()  # or it would be waited for
            request.send(429, b"", Retry_After="900")

        with (
            serving(answer) as server,
            calls_over(server, ledger, stopped=stopped, retry=retry) as made,
        ):
            if ask == "photo":
                made.calls.get_post_once(due_post(ledger, FIRST))
            elif ask == "page":
                assert made.calls.list_page_with_retries(OF_WORDS, Sweep([1, 2]), 2) is None
            else:
                with pytest.raises(TransientError):
                    made.calls.check_key_once()
            assert 800 < made.rest() <= 900
        assert outcome(ledger) == ("pending", 0, None)

    def test_without_it_the_rest_grows_from_one_to_the_next(self, ledger: Ledger) -> None:
        """Full jitter has no lower bound, so its upper one is looked at."""
        left = 6

        def answer(request: Asked) -> None:
            nonlocal left
            left -= 1
            request.send(*((429, b"") if left else (200, info(request))))

        retry = RetryPolicy(attempts=3, first_delay=1e-6, longest_delay=1e-5)
        with serving(answer) as server, calls_over(server, ledger, retry=retry) as made:
            made.calls.get_post_once(due_post(ledger, FIRST))
            assert made.rest() < 1
        assert left == 0
        assert outcome(ledger) == ("ok", 0, None)

    def test_the_rest_doubles_up_to_that_before_the_last_attempt(self, ledger: Ledger) -> None:
        statuses = [429] * 5
        stopped = Waits()

        def answer(request: Asked) -> None:
            request.send(*((statuses.pop(), b"") if statuses else (200, info(request))))

        retry = LongestDelays(attempts=4, first_delay=3.0)
        with (
            serving(answer) as server,
            calls_over(
                server, ledger, stopped=stopped, retry=retry, clock=lambda: sum(stopped.waited)
            ) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert stopped.waited == [3.0, 6.0, 12.0, 12.0, 12.0]
        assert outcome(ledger) == ("ok", 0, None)


class TestItsOwnFailure:
    def test_retry_after_puts_off_its_next_try(self, ledger: Ledger) -> None:
        with (
            serving(lambda request: request.send(503, b"", Retry_After="900")) as server,
            calls_over(server, ledger) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
            assert made.rest() < 1, "no other call waits for it"
        kind, attempts, error = outcome(ledger)
        assert (kind, attempts) == ("failed", 1)
        assert error is not None
        assert "503" in error
        (row,) = ledger.query(
            "SELECT api_next_try AS at FROM photos WHERE photo_id = ?", (FIRST.photo_id,)
        )
        assert 800 < row["at"] - now() <= 900

    def test_the_last_attempt_plans_no_further_one(self, ledger: Ledger) -> None:
        retry = RetryPolicy(attempts=2, first_delay=1e-6, longest_delay=1e-6)
        with (
            serving(lambda request: request.send(503, b"")) as server,
            calls_over(server, ledger, retry=retry) as made,
        ):
            for _ in range(2):
                made.calls.get_post_once(due_post(ledger, FIRST))
        assert outcome(ledger)[:2] == ("failed", 2)
        assert ledger.due_post(FIRST.photo_id) is None

    def test_the_same_useless_answer_twice_is_the_last(self, ledger: Ledger) -> None:
        body = b'{"stat":"fail","code":4711,"message":"no such thing"}'
        with (
            serving(lambda request: request.send(200, body)) as server,
            calls_over(server, ledger) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
            assert ledger.due_post(FIRST.photo_id) is not None
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert ledger.due_post(FIRST.photo_id) is None
        assert outcome(ledger) == ("failed", 2, "Error: 4711: no such thing")


class TestTheServiceIsDown:
    def test_who_waits_for_it_looks_again_and_again_and_asks_nothing(self, ledger: Ledger) -> None:
        class ThreeLooks(threading.Event):
            looks = 0

            def wait(self, timeout: float | None = None) -> bool:
                """Let no time pass; the third time the crawl is stopped."""
                assert timeout == 0.5, "while another one makes the trial"
                self.looks += 1
                if self.looks == 3:
                    self.set()
                return self.is_set()

        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.path)
            request.send(200, info(request))

        stopped = ThreeLooks()
        with (
            serving(answer) as server,
            calls_over(server, ledger, stopped=stopped) as made,
        ):
            for _ in range(5):
                made.breaker.failed()
            while made.breaker.delay():  # until another one is handed the trial
                pass
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert stopped.looks == 3
        assert asked == []
        assert outcome(ledger) == ("pending", 0, None)

    def test_what_fails_meanwhile_is_held_against_nobody(self, ledger: Ledger) -> None:
        statuses = iter([503] * 12)

        def answer(request: Asked) -> None:
            status = next(statuses, 200)
            request.send(status, info(request) if status == 200 else b"")

        with serving(answer) as server, calls_over(server, ledger) as made:
            for it in POSTS[:4]:
                made.calls.get_post_once(due_post(ledger, it))  # the first four count
            made.calls.get_post_once(due_post(ledger, POSTS[4]))
        assert [outcome(ledger, it.photo_id)[:2] for it in POSTS[:5]] == [
            *[("failed", 1)] * 4,
            ("ok", 0),
        ]
        assert [line.partition(" (")[0] for line in made.said] == [
            "Flickr's API does not answer",
            "Flickr's API answers again, after 0 s",
        ]


class TestAnswers:
    def test_of_photos(self, tmp_path: Path) -> None:
        states = ["ok", "deleted", "private"]
        posts = [post(number, status=status) for number, status in enumerate(states)]
        with (
            ledger_of(tmp_path, posts) as ledger,
            SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server,
            calls_over(server, ledger) as made,
        ):
            for it in posts:
                made.calls.get_post_once(due_post(ledger, it))
            assert [outcome(ledger, it.photo_id)[0] for it in posts] == ["ok", "gone", "private"]
            assert [ledger.due_post(it.photo_id) for it in posts] == [None] * 3

    @pytest.mark.parametrize("code", [1, 2])
    def test_a_picture_that_metadata_alone_vouched_for_goes_with_its_photo(
        self, ledger: Ledger, code: int
    ) -> None:
        images = ledger.path.parent / "images"
        with ledger.transaction() as connection:
            connection.execute(
                "UPDATE photos SET api_source = 'yfcc100m' WHERE photo_id = ?", (FIRST.photo_id,)
            )
        for it in POSTS[:2]:
            write_unsynced(image_path(images, it.photo_id), it.jpeg())
            ledger.record_picture(it.photo_id, read_picture(it.jpeg()))
        body = json.dumps({"stat": "fail", "code": code, "message": "no"}).encode()
        with (
            serving(lambda request: request.send(200, body)) as server,
            calls_over(server, ledger) as made,
        ):
            for it in POSTS[:2]:
                made.calls.get_post_once(due_post(ledger, it))
        assert [image_path(images, it.photo_id).exists() for it in POSTS[:2]] == [False, True]

    def test_a_refused_key_marks_nothing(self, ledger: Ledger) -> None:
        with (
            SandboxServer(Corpus(POSTS), keys={"another": SECRET}) as server,
            calls_over(server, ledger) as made,
            pytest.raises(RefusedError, match="API key"),
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert outcome(ledger) == ("pending", 0, None)

    def test_a_check_says_whether_the_api_has_answered(self, ledger: Ledger) -> None:
        statuses = [500, 500, 200, *[500] * 9]

        def answer(request: Asked) -> None:
            status = statuses.pop(0)
            request.send(status, info(request) if status == 200 else b"")

        with serving(answer) as server, calls_over(server, ledger) as made:
            assert made.calls.get_post_with_retries(due_post(ledger, FIRST))
            assert not made.calls.get_post_with_retries(due_post(ledger, POSTS[1]))
        assert outcome(ledger)[0] == "ok"
        assert outcome(ledger, POSTS[1].photo_id) == ("pending", 0, None)
        assert len(statuses) == 6, "three tries each"

    def test_between_the_tries_of_a_check_the_service_gets_the_rest_that_it_asks_for(
        self, ledger: Ledger
    ) -> None:
        stopped = Waits()
        with (
            serving(lambda request: request.send(500, b"", Retry_After="700")) as server,
            calls_over(server, ledger, stopped=stopped) as made,
        ):
            assert not made.calls.get_post_with_retries(due_post(ledger, FIRST))
        assert stopped.waited == [700.0] * 3

    def test_nothing_is_asked_once_the_crawl_is_stopped(self, ledger: Ledger) -> None:
        stopped = threading.Event()
        stopped.set()
        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.path)
            request.send(503, b"")

        with serving(answer) as server, calls_over(server, ledger, stopped=stopped) as made:
            assert made.calls.stopped
            made.calls.check_key_once()
            made.calls.get_post_once(due_post(ledger, FIRST))
            assert not made.calls.get_post_with_retries(due_post(ledger, FIRST))
            assert made.calls.list_page_once(OF_WORDS, Sweep([1, 2]), 2) is None
            assert made.calls.list_page_with_retries(OF_WORDS, Sweep([1, 2]), 2) is None
        assert asked == []


class TestPages:
    IDS = tuple([int(it.photo_id) for it in POSTS])

    def test_what_a_page_shows_is_stored_and_told_to_the_sweep(self, ledger: Ledger) -> None:
        sweep = Sweep(self.IDS)
        with (
            SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server,
            calls_over(server, ledger) as made,
        ):
            page = made.calls.list_page_with_retries(OF_WORDS, sweep, max(self.IDS))
            assert server.stats.api.total() == 1
        assert page is not None
        assert page.window.won == page.window.found == page.window.sought == len(POSTS)
        assert sweep.open_count == 0
        assert {outcome(ledger, it.photo_id)[0] for it in POSTS} == {"ok"}

    def test_a_page_is_tried_three_times_then_given_up(self, ledger: Ledger) -> None:
        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.form["method"])
            request.send(400 + len(asked), b"") if len(asked) > 8 else request.send(500, b"")

        sweep = Sweep(self.IDS)
        with serving(answer) as server, calls_over(server, ledger) as made:
            assert made.calls.list_page_with_retries(OF_WORDS, sweep, max(self.IDS)) is None
            assert asked == ["flickr.photos.search"] * 3
            with pytest.raises(TransientError):
                made.calls.list_page_once(OF_WORDS, Sweep(self.IDS), max(self.IDS))
        assert len(asked) == 4
        assert sweep.next_start() is None

    def test_the_same_useless_answer_to_another_page_is_another_case(self, ledger: Ledger) -> None:
        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.form["method"])
            request.send(200, b'{"stat":"fail","code":4711,"message":"no"}')

        with serving(answer) as server, calls_over(server, ledger) as made:
            for start in self.IDS[:2]:
                assert made.calls.list_page_with_retries(OF_WORDS, Sweep(self.IDS), start) is None
        assert len(asked) == 4, "each is asked for a second time, and no third"

    def test_where_only_listings_cannot_be_read_photos_are_asked_for(self, ledger: Ledger) -> None:
        """Five pages in a row that are none; the key's check is answered, so it is not down."""
        asked: list[str] = []

        def answer(request: Asked) -> None:
            method = request.form["method"].rpartition(".")[2]
            asked.append(method)
            bodies = {"search": b"<html>", "echo": b'{"stat":"ok"}'}
            request.send(200, bodies.get(method) or info(request))

        with serving(answer) as server, calls_over(server, ledger) as made:
            for _ in range(2):
                made.calls.list_page_with_retries(OF_WORDS, Sweep(self.IDS), max(self.IDS))
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert asked == [*["search"] * 5, "echo", "search", "getInfo"]
        assert outcome(ledger)[0] == "ok"
        assert made.said == []

    def test_between_the_tries_of_a_page_the_service_gets_the_rest_that_it_asks_for(
        self, ledger: Ledger
    ) -> None:
        stopped = Waits()
        sweep = Sweep(self.IDS, usual_span=50)
        first, second = sorted(self.IDS, reverse=True)[:2]
        with (
            serving(lambda request: request.send(500, b"", Retry_After="700")) as server,
            calls_over(server, ledger, stopped=stopped) as made,
        ):
            assert made.calls.list_page_with_retries(OF_WORDS, sweep, first) is None
        assert stopped.waited == [700.0] * 2
        assert sweep.next_start() == second

    @pytest.mark.parametrize("of_listing", [True, False])
    def test_only_pages_that_cannot_be_read_are_looked_into(
        self, ledger: Ledger, of_listing: bool
    ) -> None:
        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.form["method"])
            request.send(500 if of_listing else 200, b"<html>")

        stopped = threading.Event()
        with serving(answer) as server, calls_over(server, ledger, stopped=stopped) as made:
            if of_listing:
                made.calls.list_page_with_retries(OF_WORDS, Sweep(self.IDS), max(self.IDS))
                with pytest.raises(TransientError):
                    made.calls.list_page_once(OF_WORDS, Sweep(self.IDS), max(self.IDS))
            else:
                for it in POSTS[:4]:
                    made.calls.get_post_once(due_post(ledger, it))
        assert set(asked) == {"flickr.photos.search" if of_listing else "flickr.photos.getInfo"}

    def test_where_nothing_can_be_read_the_service_is_down(self, ledger: Ledger) -> None:
        asked: list[str] = []
        stopped = threading.Event()

        def answer(request: Asked) -> None:
            asked.append(request.form["method"].rpartition(".")[2])
            if len(asked) == 12:
                stopped.set()
            request.send(200, b"<html>")

        with serving(answer) as server, calls_over(server, ledger, stopped=stopped) as made:
            for _ in range(2):
                made.calls.list_page_with_retries(OF_WORDS, Sweep(self.IDS), max(self.IDS))
        assert asked[:6] == [*["search"] * 5, "echo"]
        assert made.said[0].startswith("Flickr's API does not answer")

    @pytest.mark.parametrize("page", [True, False])
    def test_a_fault_of_ours_told_of_five_in_a_row_ends_it(
        self, ledger: Ledger, page: bool
    ) -> None:
        body = json.dumps({"stat": "fail", "code": 112, "message": "unknown method"}).encode()
        with (
            serving(lambda request: request.send(200, body)) as server,
            calls_over(server, ledger) as made,
        ):
            for number in range(5):
                with pytest.raises(RefusedError) if number == 4 else nullcontext():
                    if page:
                        start = self.IDS[number]
                        made.calls.list_page_with_retries(OF_WORDS, Sweep(self.IDS), start)
                    else:
                        made.calls.get_post_with_retries(due_post(ledger, POSTS[number]))
