"""Whole crawls by listings: nothing is lost, few calls are spent, and a restart continues."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.crawl import planner
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import OpenPhotos, open_photos
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.search import listed_tags
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus
from flickr_emotion.harvest.sandbox.wire import Request, Response
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.parts import ledger_of, settle_pictures
from tests.harvest.sandbox.virtual_vso import url

SEARCH = "flickr.photos.search"
GET_INFO = "flickr.photos.getInfo"
IDS = [40_013_928 + k * 9_456_789 for k in range(420)]
STATUS = {"ok": "ok", "deleted": "gone", "placeholder": "gone", "private": "private"}


def quiet(line: str) -> None:
    """Log nothing."""


def rows(harvest: Path, sql: str) -> list[dict[str, Any]]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return [dict(row) for row in ledger.query(sql)]


def write_lists(folder: Path, numbers: list[int]) -> Path:
    """Write a dense pair, a medium one, and a sparse one with photos of a few owners."""
    photos = [(url(number), f"owner {number % 40}") for number in numbers]
    shared, medium = len(numbers) * 3 // 7, len(numbers) * 5 // 7
    few_owners = [(url(number), f"busy {number % 4}") for number in numbers[medium:]]
    write_vso_lists(
        folder,
        {
            "happy_dog": photos[: len(numbers) * 10 // 21],
            "brave_9/11": photos[shared:medium],
            "wild_river": few_owners,
        },
        {"happy_dog": (1.0, 1_500), "brave_9/11": (0.5, 900), "wild_river": (-1.0, 900_000)},
    )
    return folder


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lists(tmp_path_factory.mktemp("vso"), IDS)


@pytest.fixture(scope="module")
def corpus(lists: Path) -> VsoCorpus:
    return vso_corpus(lists)


@pytest.fixture
def server(corpus: VsoCorpus) -> Iterator[SandboxServer]:
    with SandboxServer(corpus, keys={KEY: SECRET}) as running:
        yield running


def check_recall(harvest: Path, corpus: VsoCorpus | Corpus) -> None:
    """Check that every photo has the outcome of the corpus, and every existing one its post."""
    found = rows(harvest, "SELECT * FROM photos")
    assert found
    for row in found:
        truth = corpus.get(row["photo_id"])
        assert truth is not None
        assert row["api_outcome"] == STATUS[truth.status], row["photo_id"]
        if truth.status != "ok":
            assert row["title"] is row["tags"] is row["owner"] is None
            continue
        said = (row["title"], row["description"], row["owner"], row["license"], row["date_upload"])
        assert said == (
            *(truth.title, truth.description, truth.owner, str(truth.license)),
            truth.date_upload,
        )
        assert json.loads(row["tags"]) == sorted(t for t in listed_tags(truth.tags) if ":" not in t)


def test_a_look_for_a_ready_subject_that_had_to_wait_does_not_delay_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [post(number) for number in range(30)]

    def waiting(*arguments: Any, **options: Any) -> OpenPhotos:
        time.sleep(0.2)
        return open_photos(*arguments, **options)

    with ledger_of(tmp_path, posts) as ledger:
        trust = Mock(PictureTrust)
        trust.next_question.return_value = None
        chosen = planner.Planner(ledger, Mock(ApiCalls), trust, last_row=ALL_ROWS)
        monkeypatch.setattr(planner, "open_photos", waiting)
        assert chosen.next_job() is None
        monkeypatch.undo()
        settle_pictures(ledger, posts)
        time.sleep(1.0)
        assert chosen.next_job() is not None


class TestVirtualVso:
    def test_every_photo_is_settled_in_far_fewer_calls_than_there_are(
        self, tmp_path: Path, lists: Path, corpus: VsoCorpus, server: SandboxServer
    ) -> None:
        report = crawl(options(lists, tmp_path / "h", server), quiet)
        assert (report.photos, report.lost) == (len(IDS), 0)
        check_recall(tmp_path / "h", corpus)
        calls = server.stats.api.total()
        assert calls < 0.35 * len(IDS)
        assert harvest_status(tmp_path / "h")["calls"]["total"] == calls
        asked = {
            row["listing"].partition(":")[0]
            for row in rows(tmp_path / "h", "SELECT listing FROM windows")
        }
        assert asked == {"text", "tags", "owner"}
        assert set(server.stats.info_ok.values()) <= {1}
        searched = rows(tmp_path / "h", "SELECT photo_id FROM photos WHERE api_source = 'search'")
        # A photo that a listing showed is not requested by id too.
        assert not {row["photo_id"] for row in searched} & set(server.stats.info_ok)

    def test_a_second_crawl_asks_nothing(
        self, tmp_path: Path, lists: Path, server: SandboxServer
    ) -> None:
        crawl(options(lists, tmp_path / "h", server), quiet)
        server.stats.reset()
        crawl(options(lists, tmp_path / "h", server), quiet)
        assert server.stats.api.total() == server.stats.images == server.stats.image_heads == 0

    @pytest.mark.parametrize("calls", [9, 15])
    def test_a_restart_spends_no_call_on_a_window_it_has_covered(
        self, tmp_path: Path, lists: Path, corpus: VsoCorpus, calls: int
    ) -> None:
        with Expiring(corpus, keys={KEY: SECRET}) as server:
            server.left = calls
            with pytest.raises(Exception, match="Key has expired"):
                crawl(options(lists, tmp_path / "h", server), quiet)
            before = rows(tmp_path / "h", "SELECT * FROM windows")
            assert before
            server.left = 10_000
            crawl(options(lists, tmp_path / "h", server), quiet)
            assert set(server.stats.info_ok.values()) <= {1}
        check_recall(tmp_path / "h", corpus)
        after = rows(tmp_path / "h", "SELECT * FROM windows ORDER BY window_id")
        assert after[: len(before)] == before
        for old in before:
            for new in after[len(before) :]:
                if new["listing"] == old["listing"]:
                    assert not old["oldest_id"] < new["newest_id"] < old["newest_id"]

    def test_a_photo_that_a_listing_shows_again_is_back(
        self, tmp_path: Path, lists: Path, corpus: VsoCorpus, server: SandboxServer
    ) -> None:
        (tmp_path / "half").mkdir()
        made = options(lists, tmp_path / "h", server)
        crawl(made, quiet)
        # As if Flickr had said that some existing photos were gone while neighbours are still due.
        with sqlite3.connect(tmp_path / "h" / FILE_NAME) as connection:
            back = [
                row[0]
                for row in connection.execute(
                    "SELECT photo_id FROM photos WHERE api_source = 'search' LIMIT 10"
                )
            ]
            marks = ",".join("?" * len(back))
            connection.execute(
                "UPDATE photos SET api_outcome = 'gone', title = NULL, tags = NULL, owner = NULL, "
                f"api_source = NULL, api_error = 'Photo not found' WHERE photo_id IN ({marks})",
                back,
            )
            connection.execute(
                "UPDATE photos SET api_outcome = 'pending', api_next_try = 0, api_source = NULL "
                f"WHERE api_outcome = 'ok' AND photo_id NOT IN ({marks})",
                back,
            )
            connection.execute("DELETE FROM windows")
        connection.close()
        server.stats.reset()
        crawl(made, quiet)
        assert not set(back) & set(server.stats.info_ok)
        check_recall(tmp_path / "h", corpus)


class Expiring(SandboxServer):
    """A sandbox whose key expires after a number of calls."""

    left = 10_000

    def answer(self, request: Request) -> Response:
        """Answer code 100 after these calls."""
        if request.path.startswith("/services/"):
            self.left -= 1
            if self.left < 0:
                body = {"stat": "fail", "code": 100, "message": "Invalid API Key (Key has expired)"}
                return Response(200, json.dumps(body).encode(), "application/json")
        return super().answer(request)


POSTS = [
    post(number, title=f"Pure awe over the river {number}", tags=("awe", "river"))
    for number in range(60)
]


class TestEmotions:
    def test_the_emotions_word_finds_them(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api[SEARCH] == 1
            assert server.stats.api.total() <= 2
        check_recall(tmp_path / "h", Corpus(POSTS))
        (window,) = rows(tmp_path / "h", "SELECT * FROM windows")
        assert window["listing"] == "text:awe"


Page = dict[str, Any]


class Misleading(SandboxServer):
    """A sandbox whose listings are changed."""

    def tamper(self, change: Callable[[Page], Page]) -> None:
        """Use this function to change every page of a listing."""
        self._change = change

    def answer(self, request: Request) -> Response:
        """Answer as the sandbox does, then change the page."""
        response = super().answer(request)
        if request.path.startswith("/services/") and b'"photos"' in response.body[:20]:
            content = json.loads(response.body)
            content["photos"] = self._change(content["photos"])
            response.body = json.dumps(content).encode()
        return response


def nothing(page: Page) -> Page:
    return page | {"photo": [], "total": 0, "pages": 0}


def fewer(page: Page) -> Page:
    return page | {"photo": page["photo"][:7]}


def fewer_and_says_so(page: Page) -> Page:
    return page | {"photo": page["photo"][:7], "pages": 9}


def malformed(page: Page) -> Page:
    return page | {"photo": [None, 7, {"id": "x"}, *({"id": it["id"]} for it in page["photo"])]}


def other_dates(page: Page) -> Page:
    return page | {"photo": [it | {"dateupload": "999999999999"} for it in page["photo"]]}


def undated(page: Page) -> Page:
    return page | {"photo": [it | {"dateupload": "soon"} for it in page["photo"]]}


def others(page: Page) -> Page:
    return page | {"photo": [it | {"id": str(7_000_000 + n)} for n, it in enumerate(page["photo"])]}


def shuffled(page: Page) -> Page:
    return page | {"photo": sorted(page["photo"], key=lambda it: str(it["id"])[::-1])}


class TheSamePage:
    """Return the first page for ever."""

    def __init__(self) -> None:
        self.first: Page | None = None

    def __call__(self, page: Page) -> Page:
        self.first = self.first or page
        return self.first


# Where listings mislead or fail, each photo costs a call, and half of them show the same.
FEWER = IDS[::2]


@pytest.fixture(scope="module")
def fewer_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lists(tmp_path_factory.mktemp("fewer"), FEWER)


@pytest.fixture(scope="module")
def fewer_photos(fewer_lists: Path) -> VsoCorpus:
    return vso_corpus(fewer_lists)


class TestMisleadingServers:
    @pytest.mark.parametrize(
        "change",
        [
            *(nothing, fewer, fewer_and_says_so, malformed, other_dates),
            *(undated, others, shuffled, TheSamePage()),
        ],
        ids=lambda change: getattr(change, "__name__", "the_same_page"),
    )
    def test_no_photo_is_lost_and_calls_end(
        self,
        tmp_path: Path,
        fewer_lists: Path,
        fewer_photos: VsoCorpus,
        change: Callable[[Page], Page],
    ) -> None:
        with Misleading(fewer_photos, keys={KEY: SECRET}) as server:
            server.tamper(change)
            report = crawl(options(fewer_lists, tmp_path / "h", server), quiet)
            assert report.lost == 0
            assert server.stats.api[SEARCH] < 0.3 * len(FEWER)
            assert set(server.stats.info_ok.values()) <= {1}
        found = Counter(row["api_outcome"] for row in rows(tmp_path / "h", "SELECT * FROM photos"))
        truth = Counter(STATUS[it.status] for n in FEWER if (it := fewer_photos.get(str(n))))
        assert found == truth


class TestFailingListings:
    def test_get_info_settles_what_listings_cannot(
        self, tmp_path: Path, fewer_lists: Path, fewer_photos: VsoCorpus
    ) -> None:
        class NoSearch(SandboxServer):
            def answer(self, request: Request) -> Response:
                if b"photos.search" in request.body:
                    return Response(200, b"<html>", "text/html")
                return super().answer(request)

        with NoSearch(fewer_photos, keys={KEY: SECRET}) as server:
            crawl(options(fewer_lists, tmp_path / "h", server), quiet)
            calls = harvest_status(tmp_path / "h")["calls"]["total"]
            assert calls < 1.4 * server.stats.api[GET_INFO]
        check_recall(tmp_path / "h", fewer_photos)


class TestRefresh:
    @staticmethod
    def corpora() -> tuple[list[Post], list[Post]]:
        """Forty posts that were edited, deleted, made private, or lost their picture."""
        now = list(POSTS[:40])
        now[0] = replace(now[0], title="awe, edited", tags=("awe", "new"))
        now[1] = replace(now[1], status="deleted")
        now[2] = replace(now[2], status="private")
        now[3] = replace(now[3], status="placeholder")
        return list(POSTS[:40]), now

    def test_edits_are_stored_and_withdrawn_posts_dropped(self, tmp_path: Path) -> None:
        before, after = self.corpora()
        published_list = write_votes(tmp_path / "list", before)
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        with SandboxServer(Corpus(after), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, refresh=True), quiet)
            assert server.stats.images == 0
            assert server.stats.image_heads >= len(before)
        self.check(tmp_path / "h", after)

    def check(self, harvest: Path, after: list[Post]) -> None:
        check_recall(harvest, Corpus(after))
        files = {path.stem for path in (harvest / "images").rglob("*.jpg")}
        assert files == {it.photo_id for it in after if it.status == "ok"}
        for row in rows(harvest, "SELECT * FROM photos WHERE api_outcome <> 'ok'"):
            kept = (row["description"], row["date_upload"], row["date_taken"], row["image_sha256"])
            assert kept == (None,) * 4
            assert row["image_outcome"] in ("gone", "private", "placeholder")

    @pytest.mark.parametrize("images", [True, False])
    def test_failed_tries_do_not_keep_withdrawn_posts(self, tmp_path: Path, images: bool) -> None:
        before, after = self.corpora()
        published_list = write_votes(tmp_path / "list", before)
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        faults = "image-500=0.5,cut-json=0.5,seed=2"
        with SandboxServer(Corpus(after), keys={KEY: SECRET}, faults=faults) as server:
            made = options(published_list, tmp_path / "h", server, refresh=True, images=images)
            crawl(made, quiet)
            assert server.stats.images == 0
        self.check(tmp_path / "h", after)

    def test_a_post_that_is_gone_takes_its_picture_along(self, tmp_path: Path) -> None:
        before = list(POSTS[:5])

        class PicturesStay(SandboxServer):
            def answer(self, request: Request) -> Response:
                if b"photos.search" in request.body:
                    return Response(200, b'{"photos":{"photo":[],"pages":0},"stat":"ok"}')
                if request.path.startswith("/services/"):
                    if (self.cut_first or 0) > 0:
                        self.cut_first -= 1
                        return Response(200, b'{"stat":')
                    body = b'{"stat":"fail","code":1,"message":"Photo not found"}'
                    return Response(200, body, "application/json")
                return super().answer(request)

            cut_first = 30

        published_list = write_votes(tmp_path / "list", before)
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        with PicturesStay(Corpus(before), keys={KEY: SECRET}) as server:
            made = options(published_list, tmp_path / "h", server, refresh=True, max_withdrawn=1.0)
            crawl(made, quiet)
        self.check(tmp_path / "h", [replace(it, status="deleted") for it in before])

    def test_a_refresh_that_was_stopped_is_finished_by_the_next_crawl(self, tmp_path: Path) -> None:
        before, after = self.corpora()
        # They have no word in common, so each is requested by id.
        before, after = ([replace(it, tags=()) for it in some] for some in (before, after))
        published_list = write_votes(tmp_path / "list", before, ("fear",))
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        with Expiring(Corpus(after), keys={KEY: SECRET}) as server:
            server.left = 15
            with pytest.raises(Exception, match="Key has expired"):
                crawl(options(published_list, tmp_path / "h", server, refresh=True), quiet)
            server.left = 10_000
            crawl(options(published_list, tmp_path / "h", server), quiet)
            # Before it drops withdrawn posts, it requests three existing ones again.
            assert sorted(set(server.stats.info_ok.values())) == [1, 2]
            assert list(server.stats.info_ok.values()).count(2) == 3
        self.check(tmp_path / "h", after)

    def test_a_picture_that_is_gone_while_its_post_exists(self, tmp_path: Path) -> None:
        before = list(POSTS[:10])
        published_list = write_votes(tmp_path / "list", before)
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            server.set_faults("")
            moved = [replace(it, secret=f"{n:010x}") for n, it in enumerate(before, 5_000)]
        with SandboxServer(Corpus([*moved[:1], *before[1:]]), keys={KEY: SECRET}) as server:
            made = options(published_list, tmp_path / "h", server, refresh=True, verify_gone=True)
            crawl(made, quiet)
            # Its owner replaced it: the post names its new reference.
            assert server.stats.images == 1
        status = harvest_status(tmp_path / "h")
        assert status["api"]["ok"] == status["image"]["ok"] == len(before)
