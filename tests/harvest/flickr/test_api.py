"""The client of Flickr's API: what it asks, what it reads of an answer, where it never goes."""

import json
from collections.abc import Callable

import pytest

from flickr_emotion.harvest.flickr.listings import owner_listing, word_listings
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    RedirectedError,
    TransientError,
    UselessAnswerError,
)
from flickr_emotion.harvest.sandbox.shapes import photo
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import client_of, reference_of

POST = post(1)
INFO = json.dumps({"photo": photo(POST), "stat": "ok"}).encode()
NO_PAGE = b'{"stat":"ok","photos":{"photo":[],"pages":0,"total":0}}'


def failing(code: int) -> bytes:
    return json.dumps({"stat": "fail", "code": code, "message": "no"}).encode()


class TestRetryAfter:
    @pytest.mark.parametrize(("status", "too_many"), [(429, True), (503, False)])
    def test_it_is_read_of_every_status(self, status: int, too_many: bool) -> None:
        with (
            serving(lambda request: request.send(status, b"", Retry_After="700")) as server,
            client_of(server) as client,
            pytest.raises(TransientError) as caught,
        ):
            client.get_info(reference_of(POST))
        assert caught.value.retry_after == 700.0
        assert (caught.value.too_many, caught.value.down) == (too_many, not too_many)

    def test_of_one_answer_it_says_nothing_of_the_next(self) -> None:
        headers = iter([{"Retry_After": "700"}, {}])
        with (
            serving(lambda request: request.send(429, b"", **next(headers))) as server,
            client_of(server) as client,
        ):
            found = []
            for _ in range(2):
                with pytest.raises(TransientError) as caught:
                    client.check_key()
                found.append(caught.value.retry_after)
        assert found == [700.0, None]


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("ask", ["get_info", "search", "check_key"])
    def test_a_signed_call_goes_nowhere_else(self, status: int, ask: str) -> None:
        """Not on the same server either."""
        asked: list[str] = []

        def moved(request: Asked) -> None:
            asked.append(request.path)
            if request.path == "/elsewhere":
                request.send(200, INFO)
            else:
                request.send(status, b"", Location=f"/elsewhere?key={KEY}")

        with serving(moved) as server, client_of(server) as client:
            calls: dict[str, Callable[[], object]] = {
                "get_info": lambda: client.get_info(reference_of(POST)),
                "search": lambda: client.search(owner_listing("1@N01"), not_after=None),
                "check_key": client.check_key,
            }
            with pytest.raises(
                RedirectedError, match=r"redirects to .*/elsewhere; signed calls"
            ) as caught:
                calls[ask]()
        assert asked == ["/services/rest/"]
        assert KEY not in str(caught.value)
        assert caught.value.down


class TestCalls:
    def test_each_names_itself_before_it_is_made(self) -> None:
        spent: list[str] = []
        known: list[list[str]] = []

        def answer(request: Asked) -> None:
            known.append(list(spent))
            photos = request.form["method"] == "flickr.photos.search"
            request.send(200, NO_PAGE if photos else INFO)

        with serving(answer) as server, client_of(server, spent=spent) as client:
            client.check_key()
            client.get_info(reference_of(POST))
            client.search(owner_listing("1@N01"), not_after=None)
        names = ["flickr.test.echo", "flickr.photos.getInfo", "flickr.photos.search"]
        assert known == [names[:1], names[:2], names]

    def test_get_info_is_asked_by_id_and_secret(self) -> None:
        forms: list[dict[str, str]] = []

        def answer(request: Asked) -> None:
            forms.append(request.form)
            request.send(200, INFO)

        with serving(answer) as server, client_of(server) as client:
            found = client.get_info(reference_of(POST))
        assert found.title == POST.title
        assert forms[0]["photo_id"] == POST.photo_id
        assert forms[0]["secret"] == POST.secret
        assert forms[0]["format"] == "json"
        assert SECRET not in str(forms)

    def test_a_search_asks_for_all_that_a_post_is_and_the_newest_first(self) -> None:
        forms: list[dict[str, str]] = []

        def answer(request: Asked) -> None:
            forms.append(request.form)
            request.send(200, NO_PAGE)

        with serving(answer) as server, client_of(server) as client:
            for listing in (*word_listings("sunny_sky"), owner_listing("1@N01")):
                page = client.search(listing, not_after=1_300_000_000)
                assert (page.answers, page.videos, page.refused) == ((), (), 0)
            client.search(owner_listing("1@N01"), not_after=None)
        asked = [{**form} for form in forms]
        assert [form.get("text") for form in asked] == ["sunny sky", None, None, None]
        assert (asked[1]["tags"], asked[1]["tag_mode"]) == ("sunny,sky", "all")
        assert asked[2]["user_id"] == "1@N01"
        for form in asked:
            assert form["sort"] == "date-posted-desc"
            assert form["per_page"] == "500"
            assert set(form["extras"].split(",")) == {
                *("description", "tags", "license", "date_upload", "date_taken", "media"),
                "safety_level",
            }
        assert [form.get("max_upload_date") for form in asked] == ["1300000000"] * 3 + [None]

    def test_an_owner_who_is_gone_lists_nothing(self) -> None:
        with (
            serving(lambda request: request.send(200, failing(1))) as server,
            client_of(server) as client,
        ):
            page = client.search(owner_listing("1@N01"), not_after=None)
            assert (page.answers, page.total, page.pages) == ((), 0, 0)
            client.check_key()  # no photo is meant, so nothing is refused
            with pytest.raises(PhotoGoneError):
                client.get_info(reference_of(POST))

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (failing(2), PhotoPrivateError),
            (failing(105), TransientError),
            (failing(4711), UselessAnswerError),
            (b'{"photo": {"id": "1"}, "stat": "ok"}', UselessAnswerError),
        ],
    )
    def test_what_an_answer_means(self, body: bytes, error: type[Exception]) -> None:
        with (
            serving(lambda request: request.send(200, body)) as server,
            client_of(server) as client,
            pytest.raises(error) as caught,
        ):
            client.get_info(reference_of(POST))
        assert type(caught.value) is error
