"""Searches find what Flickr's find, page by page, and hide what Flickr hides."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.tags import normal_form
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post, upload_date
from flickr_emotion.harvest.sandbox.search import is_machine_tag, listed_tags, normalised, page_of
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.conftest import Call, query
from tests.harvest.sandbox.pictures import jpeg

MANY = 4321


def found(call: Call, **params: object) -> list[str]:
    """Return the last digits of the photos that a search finds, in order."""
    answer = call("photos.search", **params)
    assert answer["stat"] == "ok", answer
    return [photo["id"][-1] for photo in answer["photos"]["photo"]]


def failure(call: Call, method: str = "photos.search", **params: object) -> int:
    """Return the code of a failing call."""
    answer = call(method, **params)
    assert answer["stat"] == "fail"
    code: int = answer["code"]
    return code


class TestQueries:
    """Public posts, newest first."""

    def test_tags_any_and_all(self, call: Call) -> None:
        assert found(call, tags="sky,sea") == ["6", "2", "1"]
        assert found(call, tags="SKY, Sea", tag_mode="all") == ["2"]
        assert found(call, tags="westyorkshire") == ["1"]
        assert found(call, tags="sea,-sky") == ["6"]
        assert found(call, tags="unheard") == []

    def test_text_looks_at_title_description_and_tags(self, call: Call) -> None:
        assert found(call, text="calm") == ["6", "2"]
        assert found(call, text="Calm sea") == ["6", "2"]
        assert found(call, text="calm -storm") == ["2"]
        assert found(call, text="zebra") == ["1"]

    def test_owner_dates_and_order(self, call: Call) -> None:
        assert found(call, user_id="11111111@N01") == ["2", "1"]
        assert found(call, user_id="11111111@N01", sort="date-posted-asc") == ["1", "2"]
        assert found(call, min_upload_date=1_000_000_100) == ["6", "2"]
        assert found(call, max_upload_date=1_000_000_100) == ["2", "1"]
        assert found(call, min_upload_date="2001-09-09 01:48:20", text="calm") == ["6", "2"]

    def test_tags_show_in_another_order_than_in_get_info(self, call: Call) -> None:
        answer = call("photos.search", text="zebra", extras="tags,machine_tags")
        photo = answer["photos"]["photo"][0]
        assert sorted(photo["tags"].split()) == ["geo:lat=515n", "sky", "westyorkshire", "zebra"]
        assert photo["machine_tags"] == "geo:lat=515n"
        tags = call("photos.getInfo", photo_id="5000000001")["photo"]["tags"]["tag"]
        assert [tag["_content"] for tag in tags] == [
            "westyorkshire",
            "sky",
            "geo:lat=515n",
            "",
            "zebra",
        ]
        assert [tag["machine_tag"] for tag in tags] == [0, 0, 1, 0, 0]
        assert [tag["_content"] for tag in tags if tag["_content"]] != photo["tags"].split()

    def test_refusals(self, call: Call) -> None:
        assert failure(call) == 3
        assert failure(call, extras="tags") == 3
        assert failure(call, min_upload_date=20, max_upload_date=10) == 18
        assert failure(call, min_upload_date="yesterday") == 18
        assert failure(call, user_id="nobody") == 2
        assert failure(call, tag_mode="all", tags=",".join(map(str, range(21)))) == 1
        assert failure(call, "people.getPublicPhotos", user_id="22222222@N02") == 5
        assert failure(call, "people.findByUsername", username="nobody") == 1
        assert failure(call, "photos.nothing") == 112
        assert failure(call, "photos.search", format="rest") == 111
        assert failure(call, "photos.getInfo", photo_id="5000000003") == 1
        assert failure(call, "photos.getInfo", photo_id="5000000005") == 1
        assert failure(call, "photos.getSizes", photo_id="5000000004") == 2
        assert failure(call, "photos.getInfo", auth_token="x") == 98

    def test_other_protocols_are_refused(
        self, server: SandboxServer, http: requests.Session
    ) -> None:
        assert http.post(f"{server.url}/services/soap/").json()["code"] == 114
        assert http.post(f"{server.url}/services/xmlrpc/").json()["code"] == 115


@pytest.fixture(scope="module")
def crowd(http: requests.Session) -> Iterator[Call]:
    """Call a server with more posts than a query can reach; return the listing."""
    image = jpeg()
    corpus = Corpus(
        Post(photo_id=str(n), image=image, tags=("all",), date_upload=n) for n in range(1, MANY + 1)
    )
    with SandboxServer(corpus) as server:

        def ask(method: str, **params: object) -> dict[str, Any]:
            answer = http.get(f"{server.url}/services/rest/", params=query(method, **params))
            listing: dict[str, Any] = answer.json()["photos"]
            return listing

        yield ask


class TestPaging:
    """500 posts per page, and only the first 4,000 of a query."""

    def test_pages_join_without_gap_or_double(self, crowd: Call) -> None:
        ids = [
            int(photo["id"])
            for page in range(1, 9)
            for photo in crowd("photos.search", tags="all", per_page=500, page=page)["photo"]
        ]
        assert ids == list(range(MANY, MANY - 4000, -1))

    def test_later_pages_repeat_the_last_reachable_and_then_are_empty(self, crowd: Call) -> None:
        last = crowd("photos.search", tags="all", per_page=500, page=8)
        ninth = crowd("photos.search", tags="all", per_page=500, page=9)
        assert (ninth["total"], ninth["pages"], ninth["page"]) == (MANY, 9, 9)
        assert ninth["photo"] == last["photo"]
        assert crowd("photos.search", tags="all", per_page=500, page=10)["photo"] == []

    def test_a_date_window_reaches_the_rest(self, crowd: Call) -> None:
        page = crowd("photos.search", tags="all", per_page=500, max_upload_date=MANY - 4000)
        assert [int(photo["id"]) for photo in page["photo"]] == list(range(MANY - 4000, 0, -1))

    def test_per_page_is_bounded(self, crowd: Call) -> None:
        assert crowd("photos.search", tags="all", per_page=5000)["perpage"] == 500
        assert crowd("photos.search", tags="all")["perpage"] == 100
        assert crowd("photos.search", tags="all", per_page=0)["perpage"] == 100
        assert crowd("photos.search", tags="all", per_page=500, extras="geo")["perpage"] == 250


@settings(deadline=None)
@given(st.integers(1, 9000), st.integers(1, 500), st.integers(1, 100))
def test_a_page_never_exceeds_its_size_or_the_reachable(total: int, size: int, page: int) -> None:
    posts = [Post(photo_id="1", secret="s", owner="o", date_upload=0)] * total
    answer = page_of(posts, page=page, per_page=size)
    assert len(answer.posts) <= size
    assert bool(answer.posts) == (page <= answer.pages)


@settings(deadline=None)
@given(st.text())
def test_a_normalised_tag_is_normal(raw: str) -> None:
    tag = normalised(raw)
    assert is_machine_tag(raw) or tag == normal_form(raw)
    assert len(listed_tags([raw, raw])) == (tag != "")


@settings(deadline=None)
@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_ids_grow_with_upload_dates(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert upload_date(str(low)) <= upload_date(str(high))
