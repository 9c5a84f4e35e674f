"""The virtual corpus over HTTP, as a crawler sees it: listings, posts, owners, pictures."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flickr_emotion.harvest.flickr.photo_url import parse_photo_url
from flickr_emotion.harvest.sandbox.search import Query, is_machine_tag, normalised, words_of
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus
from tests.harvest.sandbox.virtual_vso import IDS, Client, owner, url, whole


@pytest.fixture(scope="module")
def dogs(client: Client) -> list[dict[str, Any]]:
    return whole(client, 0, 2_000_000_000, text="happy dog")


class TestPairs:
    """A search for a pair finds as many posts as the ontology says, including the listed ones."""

    def test_as_many_as_the_ontology_says(self, dogs: list[dict[str, Any]]) -> None:
        assert len(dogs) == len({photo["id"] for photo in dogs}) == 5_200
        dates = [int(photo["dateupload"]) for photo in dogs]
        assert dates == sorted(dates, reverse=True)

    def test_a_list_longer_than_the_count_is_complete(self, client: Client) -> None:
        found = {photo["id"] for photo in client.all_pages(text="wild river")}
        assert 80 < len(found) <= 120
        assert found <= set(map(str, IDS))

    def test_only_the_first_4000_can_be_reached(
        self, client: Client, dogs: list[dict[str, Any]]
    ) -> None:
        last = client.page(text="happy dog", page=8)["photo"]
        assert [photo["id"] for photo in last] == [photo["id"] for photo in dogs[3_500:4_000]]
        assert client.page(text="happy dog", page=10)["photo"] == last
        assert client.page(text="happy dog", page=12)["photo"] == []

    def test_oldest_first(self, client: Client, dogs: list[dict[str, Any]]) -> None:
        first = client.page(text="happy dog", sort="date-posted-asc")["photo"]
        assert [photo["id"] for photo in first] == [photo["id"] for photo in dogs[:-501:-1]]

    @pytest.mark.parametrize("tags", ["happy,dog", "DOG, Happy!"])
    def test_tags_find_a_part(self, client: Client, dogs: list[dict[str, Any]], tags: str) -> None:
        tagged = [photo for photo in dogs if {"happy", "dog"} <= set(photo["tags"].split())]
        found = whole(client, 0, 2_000_000_000, tags=tags, tag_mode="all")
        assert [photo["id"] for photo in found] == [photo["id"] for photo in tagged]
        assert 0.6 < len(tagged) / len(dogs) < 0.7

    def test_the_words_are_in_every_post(self, dogs: list[dict[str, Any]]) -> None:
        for photo in dogs:
            text = f"{photo['title']} {photo['description']['_content']} {photo['tags']}"
            assert {"happy", "dog"} <= set(words_of(text)), photo

    def test_a_pair_with_a_slash(self, client: Client) -> None:
        by_text = client.all_pages(text="brave 9/11")
        assert len(by_text) == 700
        by_tags = client.all_pages(tags="brave,9/11", tag_mode="all")
        assert {photo["id"] for photo in by_tags} < {photo["id"] for photo in by_text}
        assert all("911" in photo["tags"].split() for photo in by_tags)

    def test_a_photo_of_two_pairs_is_found_under_both(self, client: Client) -> None:
        two = {str(number) for number in IDS[:15]}
        found = [
            {photo["id"] for photo in whole(client, 0, 2_000_000_000, text=text)} & two
            for text in ("happy dog", "brave 9 11")
        ]
        assert found[0] == found[1]
        assert found[0]

    @pytest.mark.parametrize(
        "asked",
        [
            {"text": "happy"},
            {"text": "happy dog -cat"},
            {"text": "wild river", "tags": "happy,dog", "tag_mode": "all"},
            {"tags": "happy,dog"},
            {"min_upload_date": 1},
        ],
    )
    def test_any_other_words_find_nothing(self, client: Client, asked: dict[str, Any]) -> None:
        assert client.page(**asked)["photo"] == []


class TestListedPhotos:
    """A listing of its pair shows a listed photo only if it exists and its owner kept the words."""

    def test_shown_if_it_lives_and_matches(
        self, client: Client, corpus: VsoCorpus, dogs: list[dict[str, Any]]
    ) -> None:
        shown = {photo["id"] for photo in dogs}
        for number in (*IDS[:120], *IDS[355:]):
            answer = client.ask("photos.getInfo", photo_id=number)
            text = ""
            if answer["stat"] == "ok":
                photo = answer["photo"]
                raw = " ".join(tag["raw"] for tag in photo["tags"]["tag"])
                text = f"{photo['title']['_content']} {photo['description']['_content']} {raw}"
            expected = {"happy", "dog"} <= set(words_of(text))
            assert (str(number) in shown) == expected, number

    def test_a_fifth_is_gone_and_some_are_edited(self, corpus: VsoCorpus) -> None:
        listed = corpus.listed
        fates = [listed.status(place) for place in range(len(listed))]
        assert 0.7 < fates.count("ok") / len(fates) < 0.9
        assert min(fates.count("private"), fates.count("placeholder")) > 0
        assert 0 < sum(map(listed.edited, range(len(listed)))) < 0.1 * len(listed)

    def test_answers_and_pictures_agree(self, client: Client, corpus: VsoCorpus) -> None:
        pictures = {"ok": 200, "deleted": 410, "private": 403, "placeholder": 302}
        codes = {"ok": None, "deleted": 1, "private": 2, "placeholder": 1}
        for place, number in enumerate(corpus.listed.numbers):
            status = corpus.listed.status(place)
            reference = parse_photo_url(url(number))
            picture = client.http.head(
                client.server.url + reference.image_path(), allow_redirects=False, timeout=10
            )
            assert picture.status_code == pictures[status]
            answer = client.ask("photos.getInfo", photo_id=number)
            assert answer.get("code") == codes[status]
            if status == "ok":
                assert answer["photo"]["secret"] == reference.secret
                assert answer["photo"]["owner"]["username"] == owner(number)

    def test_every_picture_is_its_own(self, client: Client, corpus: VsoCorpus) -> None:
        bodies = set()
        for number in IDS[:80]:
            path = parse_photo_url(url(number)).image_path()
            answer = client.http.get(client.server.url + path, allow_redirects=False, timeout=10)
            if answer.status_code == 200:
                bodies.add(answer.content)
                with Image.open(io.BytesIO(answer.content)) as picture:
                    picture.load()
                    assert picture.info["comment"] == str(number).encode()
        assert len(bodies) > 40


class TestGetInfo:
    """getInfo and listings show the same post, also for fillers."""

    @pytest.mark.parametrize("step", [0, 1])
    def test_as_in_the_listing(self, client: Client, dogs: list[dict[str, Any]], step: int) -> None:
        listed = [photo for photo in dogs if int(photo["id"]) in IDS]
        for shown in (listed, dogs[::97])[step]:
            photo = client.ask("photos.getInfo", photo_id=shown["id"])["photo"]
            assert photo["title"]["_content"] == shown["title"]
            assert photo["description"] == shown["description"]
            assert photo["owner"]["nsid"] == shown["owner"]
            assert photo["owner"]["username"] == shown["ownername"]
            assert photo["dateuploaded"] == shown["dateupload"]
            assert photo["license"] == shown["license"]
            assert photo["dates"]["taken"] == shown["datetaken"]
            tags = {tag["_content"] for tag in photo["tags"]["tag"]} - {""}
            assert tags == set(shown["tags"].split())

    def test_an_unknown_id(self, client: Client, dogs: list[dict[str, Any]]) -> None:
        for photo_id in (int(dogs[0]["id"]) + 1, "0" + dogs[0]["id"], "x", "9" * 30, ""):
            answer = client.ask("photos.getInfo", photo_id=photo_id)
            assert answer["code"] == 1, photo_id

    def test_posts_are_as_irregular_as_real_ones(self, corpus: VsoCorpus, dogs: list[Any]) -> None:
        posts = [corpus.get(photo["id"]) for photo in dogs[:2_000]]
        raw = [post.tags for post in posts if post is not None]
        assert any(is_machine_tag(tag) for tags in raw for tag in tags)
        assert any(" " in tag or tag != tag.lower() for tags in raw for tag in tags)
        assert any(len(set(map(normalised, tags))) < len(tags) for tags in raw)
        assert any(not photo["description"]["_content"] for photo in dogs)
        assert any("<a href=" in photo["description"]["_content"] for photo in dogs)
        assert any(not photo["title"].isascii() for photo in dogs)
        assert len({photo["title"] for photo in dogs}) > 1_000


class TestTotals:
    """Totals are estimates that change from call to call; the results do not change."""

    def test_they_jitter(self, client: Client) -> None:
        pages = [client.page(text="happy dog", page=3) for _ in range(12)]
        totals = {page["total"] for page in pages}
        assert len(totals) > 6
        assert all(0.8 * 5_200 <= total <= 1.2 * 5_200 for total in totals)
        assert all(page["pages"] == -(-page["total"] // 500) for page in pages)
        assert all(page["photo"] == pages[0]["photo"] for page in pages)

    def test_they_follow_from_seed_query_and_how_often_asked(self, vso_lists: Path) -> None:
        def totals(seed: int) -> list[int]:
            index, asked = vso_corpus(vso_lists, seed=seed).index, Query(text="happy dog")
            return [index.find(asked, page=1, per_page=10).total for _ in range(5)]

        assert totals(1) == totals(1) != totals(2)


@given(st.lists(st.integers(1_076_000_000, 1_360_000_000), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_windows_join_to_the_whole(corpus: VsoCorpus, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 2_000_000_000]
    joined: list[str] = []
    for low, high in pairwise(edges):
        window = Query(text="brave 9 11", oldest=low, newest=high - 1, oldest_first=True)
        joined += ids(corpus, window)
    assert joined == ids(corpus, Query(text="brave 9 11", oldest_first=True))


def ids(corpus: VsoCorpus, asked: Query) -> list[str]:
    pages = (corpus.index.find(asked, page=page, per_page=250) for page in range(1, 17))
    return [post.photo_id for page in pages for post in page.posts]
