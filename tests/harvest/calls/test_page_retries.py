"""Which answers to a page or a post count together, and when a page is not tried again."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.flickr.listings import word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import photo
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import calls_over, due_post, ledger_of, settle_pictures

POSTS = [post(number) for number in range(4)]
IDS = [int(it.photo_id) for it in POSTS]
OF_WORDS, _ = word_listings("house")
UNREADABLE = b"<html>"
EMPTY_PAGE = json.dumps({"photos": {"photo": [], "pages": 1}, "stat": "ok"}).encode()
OK = b'{"stat":"ok"}'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        settle_pictures(opened, POSTS)
        yield opened


def answering(pages: list[bytes], asked: list[str]) -> Callable[[Asked], None]:
    """Answer pages in turn and all other calls rightly; ``asked`` takes the methods."""

    def answer(request: Asked) -> None:
        method = request.form["method"].rpartition(".")[2]
        asked.append(method)
        if method == "search":
            request.send(200, pages.pop(0))
        elif method == "echo":
            request.send(200, OK)
        else:
            shown = POSTS[IDS.index(int(request.photo_id))]
            request.send(200, json.dumps({"photo": photo(shown), "stat": "ok"}).encode())

    return answer


def test_one_call_for_one_page(tmp_path: Path) -> None:
    posts = [post(number, media="video" if number == 2 else "photo") for number in range(4)]
    with (
        ledger_of(tmp_path, posts) as ledger,
        SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server,
        calls_over(server, ledger) as made,
    ):
        poster_frame = image_path(ledger.path.parent / "images", posts[2].photo_id)
        write_unsynced(poster_frame, posts[2].jpeg())
        page = made.calls.list_page_once(OF_WORDS, Sweep(IDS), IDS[-1])
        assert server.stats.api.total() == 1
    assert page is not None
    assert set(page.photo_ids) == set(IDS)
    assert not poster_frame.exists()


def test_a_page_that_can_be_read_ends_the_count_of_those_that_cannot(ledger: Ledger) -> None:
    """Otherwise the fifth of them would ask whether the API answers other calls."""
    asked: list[str] = []
    pages = [*[UNREADABLE] * 4, EMPTY_PAGE, *[UNREADABLE] * 4, EMPTY_PAGE]
    with (
        serving(answering(pages, asked)) as server,
        calls_over(server, ledger) as made,
    ):
        came = [
            made.calls.list_page_with_retries(OF_WORDS, Sweep(IDS), IDS[-1]) is not None
            for _ in range(4)
        ]
    assert came == [False, True, False, True]
    assert asked == ["search"] * 10


def test_a_post_does_not_end_the_count_of_pages_that_cannot_be_read(ledger: Ledger) -> None:
    asked: list[str] = []
    pages = [*[UNREADABLE] * 5, EMPTY_PAGE]
    with (
        serving(answering(pages, asked)) as server,
        calls_over(server, ledger) as made,
    ):
        assert made.calls.list_page_with_retries(OF_WORDS, Sweep(IDS), IDS[-1]) is None
        made.calls.get_post_once(due_post(ledger, POSTS[0]))
        assert made.calls.list_page_with_retries(OF_WORDS, Sweep(IDS), IDS[-1]) is not None
    assert asked == ["search", "search", "search", "getInfo", "search", "search", "echo", "search"]


def test_a_page_is_tried_no_more_often_than_the_policy_says(ledger: Ledger) -> None:
    asked: list[str] = []

    def answer(request: Asked) -> None:
        asked.append(request.form["method"])
        request.send(500, b"")

    sweep = Sweep(IDS, usual_span=50)
    retry = RetryPolicy(attempts=2, first_delay=1e-6, longest_delay=1e-6)
    with serving(answer) as server, calls_over(server, ledger, retry=retry) as made:
        assert made.calls.list_page_with_retries(OF_WORDS, sweep, IDS[-1]) is None
    assert len(asked) == 2
    assert sweep.next_start() == IDS[-2]


def test_a_crawl_that_is_stopped_between_the_tries_of_a_page_asks_no_more(ledger: Ledger) -> None:
    asked: list[str] = []
    stopped = threading.Event()

    def answer(request: Asked) -> None:
        asked.append(request.form["method"])
        stopped.set()
        request.send(500, b"")

    sweep = Sweep(IDS, usual_span=50)
    with serving(answer) as server, calls_over(server, ledger, stopped=stopped) as made:
        assert made.calls.list_page_with_retries(OF_WORDS, sweep, IDS[-1]) is None
    assert len(asked) == 1
    assert sweep.next_start() == IDS[-2]


def test_the_same_useless_answer_to_another_page_is_not_a_repetition(ledger: Ledger) -> None:
    useless = (200, b'{"stat":"fail","code":4711,"message":"no"}')
    answers = [useless, (500, b""), (500, b""), useless, useless]

    with (
        serving(lambda request: request.send(*answers.pop(0))) as server,
        calls_over(server, ledger) as made,
    ):
        for start in IDS[:2]:
            assert made.calls.list_page_with_retries(OF_WORDS, Sweep(IDS), start) is None
    assert answers == [], "the second page is asked for again"
