"""What a call for one post leaves in the ledger, and which failures count together."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.retry import RefusedError, RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path, read_picture
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import calls_over, due_post, ledger_of, settle_pictures

POSTS = [post(number) for number in range(5)]
FIRST, SECOND = POSTS[:2]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        settle_pictures(opened, POSTS)
        yield opened


def row_of(ledger: Ledger, photo_id: str) -> sqlite3.Row:
    return ledger.query("SELECT * FROM photos WHERE photo_id = ?", (photo_id,))[0]


def failing(code: int, message: str = "no") -> bytes:
    return json.dumps({"stat": "fail", "code": code, "message": message}).encode()


class TestAnswers:
    def test_a_post_says_that_get_info_brought_it(self, ledger: Ledger) -> None:
        with (
            SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server,
            calls_over(server, ledger) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert row_of(ledger, FIRST.photo_id)["api_source"] == "getInfo"

    @pytest.mark.parametrize(
        ("code", "refresh", "staged"),
        [(1, True, "gone"), (2, True, "private"), (1, False, None), (2, False, None)],
    )
    def test_a_photo_that_is_not_shown(
        self, ledger: Ledger, code: int, refresh: bool, staged: str | None
    ) -> None:
        """In a refresh its picture is kept until the end, and its withdrawal is staged."""
        ledger.record_picture(FIRST.photo_id, read_picture(FIRST.jpeg()))
        with (
            serving(lambda request: request.send(200, failing(code, "not shown"))) as server,
            calls_over(server, ledger, refresh=refresh) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
        row = row_of(ledger, FIRST.photo_id)
        assert row["api_outcome"] == {1: "gone", 2: "private"}[code]
        assert row["api_error"] == f"Error: {code}: not shown"
        withdrawals = ledger.query("SELECT outcome FROM withdrawals")
        assert [it["outcome"] for it in withdrawals] == ([staged] if staged else [])

    def test_a_picture_that_should_go_may_be_away_already(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET api_source = 'yfcc100m'")
        ledger.record_picture(FIRST.photo_id, read_picture(FIRST.jpeg()))
        with (
            serving(lambda request: request.send(200, failing(1))) as server,
            calls_over(server, ledger) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
        assert row_of(ledger, FIRST.photo_id)["api_outcome"] == "gone"

    def test_a_video_is_settled_and_its_poster_frame_is_removed(self, tmp_path: Path) -> None:
        posts = [post(number, media="video" if number == 0 else "photo") for number in range(2)]
        with (
            ledger_of(tmp_path, posts) as ledger,
            SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server,
            calls_over(server, ledger) as made,
        ):
            frames = [image_path(ledger.path.parent / "images", it.photo_id) for it in posts]
            for it, frame in zip(posts, frames, strict=True):
                write_unsynced(frame, it.jpeg())
                made.calls.get_post_once(due_post(ledger, it))
            outcomes = [row_of(ledger, it.photo_id)["api_outcome"] for it in posts]
        assert outcomes == ["video", "ok"]
        assert [frame.exists() for frame in frames] == [False, True]


class TestFailures:
    def test_the_same_useless_answer_about_another_photo_is_another_case(
        self, ledger: Ledger
    ) -> None:
        with (
            serving(lambda request: request.send(200, failing(4711))) as server,
            calls_over(server, ledger) as made,
        ):
            made.calls.get_post_once(due_post(ledger, FIRST))
            made.calls.get_post_once(due_post(ledger, SECOND))
        assert ledger.due_post(FIRST.photo_id) is not None
        assert ledger.due_post(SECOND.photo_id) is not None

    def test_the_fifth_photo_that_flickr_rejects_as_a_wrong_call_ends_the_crawl(
        self, ledger: Ledger
    ) -> None:
        with (
            serving(lambda request: request.send(200, failing(112))) as server,
            calls_over(server, ledger) as made,
        ):
            for it in POSTS[:4]:
                made.calls.get_post_once(due_post(ledger, it))
            with pytest.raises(RefusedError, match="about 5 photos in a row"):
                made.calls.get_post_once(due_post(ledger, POSTS[4]))

    def test_the_tries_of_a_check_end_with_the_attempts(self, ledger: Ledger) -> None:
        asked: list[str] = []

        def answer(request: Asked) -> None:
            asked.append(request.photo_id)
            request.send(500, b"")

        retry = RetryPolicy(attempts=2, first_delay=1e-6, longest_delay=1e-6)
        with serving(answer) as server, calls_over(server, ledger, retry=retry) as made:
            assert made.calls.get_post_with_retries(due_post(ledger, FIRST)) is False
        assert asked == [FIRST.photo_id] * 2

    def test_a_crawl_that_is_stopped_between_the_tries_of_a_check_asks_no_more(
        self, ledger: Ledger
    ) -> None:
        asked: list[str] = []
        stopped = threading.Event()

        def answer(request: Asked) -> None:
            asked.append(request.photo_id)
            stopped.set()
            request.send(500, b"")

        with serving(answer) as server, calls_over(server, ledger, stopped=stopped) as made:
            assert made.calls.get_post_with_retries(due_post(ledger, FIRST)) is False
        assert asked == [FIRST.photo_id]
