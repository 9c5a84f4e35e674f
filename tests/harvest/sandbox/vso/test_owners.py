"""Owners of the virtual corpus, and the lists that it is made from."""

import re
import tarfile
import time
from pathlib import Path

import pytest

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.lists import write_votes_lists, write_vso_lists
from flickr_emotion.harvest.sandbox.search import Query
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus
from tests.harvest.sandbox.virtual_vso import IDS, Client, owner, url, whole


def lives(corpus: VsoCorpus, number: int) -> bool:
    return corpus.listed.status(corpus.listed.place(number)) == "ok"


class TestOwners:
    """The photos of an owner are the same in every kind of query."""

    def test_every_way_leads_to_the_same_owner(self, client: Client, corpus: VsoCorpus) -> None:
        for name in {owner(number) for number in IDS}:
            nsid = client.ask("people.findByUsername", username=name)["user"]["nsid"]
            found = whole(client, 0, 2_000_000_000, user_id=nsid)
            assert {photo["owner"] for photo in found} == {nsid}
            assert {photo["ownername"] for photo in found} == {name}
            living = {str(n) for n in IDS if owner(n) == name and lives(corpus, n)}
            ids = [photo["id"] for photo in found]
            assert living == set(ids) & set(map(str, IDS))
            assert len(living) < len(ids) == len(set(ids))
            public = client.all_pages("people.getPublicPhotos", user_id=nsid)
            assert [photo["id"] for photo in public[:4_000]] == ids[:4_000]

    def test_windows_and_words(self, client: Client, corpus: VsoCorpus) -> None:
        name = owner(IDS[1])
        nsid = client.ask("people.findByUsername", username=name.upper())["user"]["nsid"]
        photos = client.all_pages(user_id=nsid)
        dates = sorted(int(photo["dateupload"]) for photo in photos)
        low, high = dates[len(dates) // 3], dates[len(dates) // 2]
        part = client.all_pages(user_id=nsid, min_upload_date=low, max_upload_date=high)
        assert part == [photo for photo in photos if low <= int(photo["dateupload"]) <= high]
        dogs = client.all_pages(user_id=nsid, text="happy dog")
        assert dogs
        assert all(photo in photos and int(photo["id"]) in IDS for photo in dogs)
        tagged = client.all_pages(user_id=nsid, tags="happy,dog", tag_mode="all")
        wanted = [photo for photo in dogs if {"happy", "dog"} <= set(photo["tags"].split())]
        assert tagged == wanted

    def test_strangers(self, client: Client) -> None:
        dogs = client.page(text="happy dog")["photo"]
        stranger = next(photo["owner"] for photo in dogs if int(photo["id"]) not in IDS)
        assert client.ask("people.getPublicPhotos", user_id=stranger)["code"] == 1
        assert client.ask("photos.search", user_id=stranger)["code"] == 2
        assert client.ask("people.findByUsername", username="nobody")["code"] == 1


class TestLists:
    """Paths that are not lists, and invalid lists."""

    def test_rows_that_say_little(self, tmp_path: Path) -> None:
        photos = ["http://photos1.flickr.com/77_abcdef01.jpg", url(78).replace(".jpg", "_o.jpg")]
        write_vso_lists(tmp_path, {"happy_dog": [(u, "") for u in photos]}, {"sad_dog": (0.1, 9)})
        served = vso_corpus(tmp_path)
        assert len(served.listed) == 2
        for number in (77, 78):
            post = served.get(str(number))
            assert post is not None
            assert re.fullmatch(r"\d+@N0\d", post.owner)
            assert post.secret
            assert post.server

    def test_capitals_in_a_files_name(self, tmp_path: Path) -> None:
        write_vso_lists(tmp_path, {"Happy_Dog": [(url(9), "a")]}, {"happy_dog": (0.1, 40)})
        served = vso_corpus(tmp_path)
        found = served.index.find(Query(text="HAPPY dog"), page=1, per_page=100)
        assert len(found.posts) == 40

    def test_other_lists_are_refused(self, tmp_path: Path) -> None:
        write_votes_lists(tmp_path, [("awe", url(1), 1, 4)])
        with pytest.raises(HarvestError, match="not a folder of VSO's lists"):
            vso_corpus(tmp_path)

    def test_an_id_beyond_flickr_is_refused(self, tmp_path: Path) -> None:
        rows = {"happy_dog": [(url(5), "a"), (url(10**17), "b")]}
        write_vso_lists(tmp_path, rows, {"happy_dog": (1, 9)})
        with pytest.raises(
            HarvestError, match=r"happy_dog\.txt: row 2: Flickr has no photo id as high"
        ):
            vso_corpus(tmp_path)

    def test_no_photo_at_all_is_refused(self, tmp_path: Path) -> None:
        rows = {"happy_dog": [("http://example.org/a.jpg", "a")]}
        write_vso_lists(tmp_path, rows, {"happy_dog": (1, 9)})
        with pytest.raises(HarvestError, match="none of the 1 rows of the list names a photo"):
            vso_corpus(tmp_path)


def test_the_real_sample(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "vso_lists.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    started = time.process_time()
    served = vso_corpus(tmp_path)
    assert time.process_time() - started < 10
    listed = served.listed
    assert (len(listed), len(listed.pairs)) == (115_186, 296)
    gone = sum(listed.status(place) != "ok" for place in range(len(listed)))
    assert 0.19 < gone / len(listed) < 0.21
    for pair, words in (("sweet_home", "sweet home"), ("cute_girls", "cute girls")):
        stream = served.of_pair(listed.pairs.index(pair), tagged=False)
        assert len(stream) == listed.counts[listed.pairs.index(pair)]
        page = served.index.find(Query(text=words), page=4, per_page=500)
        assert len(page.posts) == 500
        for post in page.posts[::50]:
            again = served.get(post.photo_id)
            assert again is not None
            assert (again.title, again.tags, again.owner) == (post.title, post.tags, post.owner)
    sizes = sorted(len(served.of_owner(number)) for number in range(0, len(listed.owners), 97))
    assert sizes[0] >= 30
    assert 150 < sizes[len(sizes) // 2] < 600
    assert 3_000 < sizes[-1] <= 30_000
