"""Before anything is marked: the key and one picture are tried."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.key_check import check_key
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.image_hosts.placeholders import PlaceholderError
from flickr_emotion.harvest.ledger.facts import keep_service_of_posts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    RefusedError,
    TransientError,
    UnreachableError,
)
from tests.harvest.corpora import post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import calls_over, ledger_of

POSTS = [post(number) for number in range(60)]
OK = b'{"stat":"ok"}'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        keep_service_of_posts(opened, "other")
        yield opened


def checked(
    ledger: Ledger, *outcomes: Exception | None, body: bytes = OK
) -> tuple[list[str], list[str]]:
    """Check with pictures that answer so by turns, the last for ever; what was asked of each."""
    pictures: list[str] = []
    methods: list[str] = []

    def probe(reference: PhotoReference) -> Exception | None:
        pictures.append(reference.photo_id)
        return outcomes[min(len(pictures), len(outcomes)) - 1]

    def answer(request: Asked) -> None:
        methods.append(request.form["method"])
        request.send(200, body)

    with serving(answer) as server, calls_over(server, ledger) as made:
        check_key(ledger, made.calls, probe, last_row=ALL_ROWS)
    return pictures, methods


def gone() -> PhotoGoneError:
    return PhotoGoneError("answered 404")


class TestPictures:
    def test_one_that_is_there_is_enough(self, ledger: Ledger) -> None:
        pictures, methods = checked(ledger, gone(), gone(), None)
        assert (len(pictures), methods) == (3, ["flickr.test.echo"])

    @pytest.mark.parametrize(
        "error",
        [
            PhotoPrivateError("answered 403"),
            PlaceholderError("answered 302 to the placeholder picture"),
            TransientError("answered 500"),
        ],
    )
    def test_so_is_any_answer_but_gone(self, ledger: Ledger, error: Exception) -> None:
        assert len(checked(ledger, gone(), error)[0]) == 2

    def test_fifty_from_all_over_the_list_that_are_gone_stop_the_crawl(
        self, ledger: Ledger
    ) -> None:
        with pytest.raises(HarvestError, match=r"none of 50 pictures from all over .*--flickr-url"):
            checked(ledger, gone())

    @pytest.mark.parametrize("known", ["flickr", "a picture"])
    def test_but_not_where_the_server_is_known(self, ledger: Ledger, known: str) -> None:
        if known == "flickr":
            keep_service_of_posts(ledger, "flickr")
        else:
            with ledger.transaction() as connection:
                connection.execute("UPDATE photos SET image_outcome = 'ok' WHERE rowid = 60")
        pictures, methods = checked(ledger, gone())
        assert len(pictures) == len(set(pictures)) == 50
        assert methods == ["flickr.test.echo"]

    def test_a_short_list_may_have_lost_all(self, tmp_path: Path) -> None:
        with ledger_of(tmp_path, POSTS[:49]) as ledger:
            assert len(checked(ledger, gone())[0]) == 49

    def test_an_unreachable_server_is_named_at_once(self, ledger: Ledger) -> None:
        with pytest.raises(HarvestError, match=r"^no connection: check the network, or --flickr"):
            checked(ledger, UnreachableError("no connection"))


class TestKey:
    def test_a_refused_one_ends_it(self, ledger: Ledger) -> None:
        body = json.dumps({"stat": "fail", "code": 100, "message": "Invalid API Key"}).encode()
        with pytest.raises(RefusedError, match="API key"):
            checked(ledger, None, body=body)
        assert ledger.outcome_counts()[0]["pending"] == len(POSTS)

    def test_what_the_crawl_deals_with_itself_does_not(self, ledger: Ledger) -> None:
        assert checked(ledger, None, body=b"<html>")[1] == ["flickr.test.echo"]

    def test_no_call_is_spent_where_none_is_due(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET api_next_try = NULL")
        assert checked(ledger, None) == ([*checked(ledger, None)[0]], [])


def test_some_pictures_are_drawn_the_same_each_time(ledger: Ledger) -> None:
    asked: Callable[[], list[str]] = lambda: checked(ledger, *[gone()] * 9, None)[0]  # noqa: E731
    first = asked()
    assert first == asked()
    assert [int(it) for it in first] == sorted(map(int, first))
