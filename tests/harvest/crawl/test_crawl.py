"""Whole crawls of the sandbox over HTTP."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger import folder
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME, VERSION
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox import rest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.faults import CODES
from flickr_emotion.harvest.sandbox.rest import fail, http_fault
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.commands import run
from tests.harvest.corpora import AT_ONCE, KEY, SECRET, crawl_posts, options, post, write_votes

POSTS = [
    *(post(number) for number in range(20)),
    *(post(number, status="deleted") for number in range(20, 25)),
    *(post(number, status="private") for number in range(25, 28)),
    *(post(number, status="placeholder") for number in range(28, 30)),
]
LIVING = 20
EIGHT = RetryPolicy(attempts=8, first_delay=1e-6, longest_delay=1e-6)


class Outage(SandboxServer):
    """A sandbox whose API is down for its first calls."""

    left = 200

    def answer(self, request: Request) -> Response:
        """Answer 503 to the first calls."""
        if request.path.startswith("/services/") and self.left > 0:
            self.left -= 1
            return http_fault("503")
        return super().answer(request)


class Expiring(SandboxServer):
    """A sandbox that refuses every key after a few calls."""

    left = 5

    def answer(self, request: Request) -> Response:
        """Answer code 100 after these calls."""
        if request.path.startswith("/services/"):
            self.left -= 1
            if self.left < 0:
                return fail(100, CODES[100], {"format": "json", "nojsoncallback": "1"})
        return super().answer(request)


def rows(harvest: Path, columns: str) -> dict[str, tuple[object, ...]]:
    with sqlite3.connect(harvest / FILE_NAME) as connection:
        found = connection.execute(f"SELECT photo_id, {columns} FROM photos").fetchall()
    connection.close()
    return {row[0]: row[1:] for row in found}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as running:
        yield running


class TestOutcomes:
    def test_every_photo_has_its_outcome_and_its_post(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        report = crawl(options(published_list, tmp_path / "h", server), print)
        assert (report.photos, report.lost, report.interrupted) == (30, 0, False)
        status = harvest_status(tmp_path / "h")
        assert status["api"] == {
            "pending": 0,
            "ok": 20,
            "gone": 7,
            "private": 3,
            "video": 0,
            "failed": 0,
        }
        assert status["image"]["ok"] == 20
        assert status["image"]["gone"] == 5
        assert status["image"]["placeholder"] == 2
        found = rows(tmp_path / "h", "title, description, tags, image_bytes, image_width")
        first = POSTS[0]
        assert found[first.photo_id] == (
            first.title,
            first.description,
            '["evening", "house0", "river"]',
            len(first.jpeg()),
            48,
        )
        assert image_path(tmp_path / "h" / "images", first.photo_id).read_bytes() == first.jpeg()

    def test_a_dead_picture_settles_its_post_without_a_call(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        crawl(options(write_votes(tmp_path / "list", POSTS), tmp_path / "h", server), print)
        # One of the ten is checked with the API.
        assert server.stats.api["flickr.photos.getInfo"] == LIVING + 1
        assert harvest_status(tmp_path / "h")["calls"]["total"] == server.stats.api.total()

    def test_without_images_a_head_request_does_the_same(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        crawl(options(published_list, tmp_path / "h", server, images=False), print)
        assert server.stats.images == 0
        assert server.stats.api["flickr.photos.getInfo"] == LIVING + 1
        # The pictures are fetched when they are wanted later, and no call is spent again.
        crawl(options(published_list, tmp_path / "h", server), print)
        assert server.stats.api["flickr.photos.getInfo"] == LIVING + 1
        assert harvest_status(tmp_path / "h")["image"]["ok"] == 20

    def test_verify_gone_spends_the_call(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        crawl(options(published_list, tmp_path / "h", server), print)
        crawl(options(published_list, tmp_path / "h", server, verify_gone=True), print)
        assert server.stats.api["flickr.photos.getInfo"] == len(POSTS)
        assert harvest_status(tmp_path / "h")["api"]["gone"] == 7

    def test_a_photo_whose_server_is_unknown_is_asked_for_first(self, tmp_path: Path) -> None:
        listed = post(1)
        (tmp_path / "list").mkdir()
        url = f"http://photos23.flickr.com/{listed.photo_id}_{listed.secret}.jpg"
        (tmp_path / "list" / "a.csv").write_text(f"awe,{url},0,5\n", encoding="utf-8")
        with SandboxServer(Corpus([listed]), keys={KEY: SECRET}) as server:
            crawl(options(tmp_path / "list", tmp_path / "h", server), print)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (1, 1)

    def test_a_picture_that_moved_is_found_again(self, tmp_path: Path) -> None:
        now = post(1)
        (tmp_path / "list").mkdir()
        url = f"http://farm4.staticflickr.com/3456/{now.photo_id}_ffffffffff.jpg"
        (tmp_path / "list" / "a.csv").write_text(f"awe,{url},0,5\n", encoding="utf-8")
        with SandboxServer(Corpus([now]), keys={KEY: SECRET}) as server:
            crawl(options(tmp_path / "list", tmp_path / "h", server), print)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (1, 1)


class TestNothingTwice:
    def test_the_same_command_again_asks_nothing(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        crawl(options(published_list, tmp_path / "h", server), print)
        server.stats.reset()
        crawl(options(published_list, tmp_path / "h", server), print)
        assert server.stats.as_json()["api_total"] == 0
        assert server.stats.images == 0

    def test_a_longer_list_asks_only_for_what_is_new(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        crawl(options(write_votes(tmp_path / "list", POSTS[:10]), tmp_path / "h", server), print)
        crawl(options(write_votes(tmp_path / "list", POSTS), tmp_path / "h", server), print)
        assert set(server.stats.info_ok.values()) == {1}
        assert set(server.stats.image_ok.values()) == {1}
        assert harvest_status(tmp_path / "h")["photos"] == len(POSTS)


class TestFaults:
    @pytest.mark.parametrize(
        "faults",
        [
            "429=0.3",
            "429-retry-after=0.3,503=0.2,500=0.1",
            "reset=0.3",
            "html=0.2,cut-json=0.2,empty=0.1",
            "code-105=0.2,code-201=0.2,code-0=0.1,code-10=0.1",
            "image-429=0.3",
            "image-429-retry-after=0.1",
            "image-500=0.2,image-reset=0.2",
            "image-half=0.3",
        ],
    )
    def test_what_exists_is_still_stored(
        self, tmp_path: Path, faults: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rest, "RETRY_AFTER", 0.02)  # seconds
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), faults=f"{faults},seed=3", keys={KEY: SECRET}) as server:
            report = crawl(options(published_list, tmp_path / "h", server), print)
            drawn = {part.partition("=")[0] for part in faults.split(",")}
            assert set(server.stats.faults) == drawn
            assert set(server.stats.info_ok.values()) == {1}
        assert report.lost == 0
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (20, 20)

    def test_a_server_that_asks_for_a_rest_gets_it(self, tmp_path: Path) -> None:
        """Of the API and of a picture host: the next one comes no sooner than it may."""
        times: dict[str, list[float]] = {"picture": [], "call": []}

        class Tired(SandboxServer):
            def answer(self, request: Request) -> Response:
                kind = "call" if request.path.startswith("/services/") else "picture"
                if b"echo" in request.body or request.method == "HEAD":
                    return super().answer(request)
                times[kind].append(time.monotonic())
                if len(times[kind]) == 1:
                    return Response(429, headers="Retry-After: 0.4\r\n")
                return super().answer(request)

        published_list = write_votes(tmp_path / "list", POSTS[:1])
        with Tired(Corpus(POSTS), keys={KEY: SECRET}) as server:
            report = crawl(options(published_list, tmp_path / "h", server), print)
        assert report.lost == 0
        for asked in times.values():
            assert len(asked) == 2
            assert asked[1] - asked[0] >= 0.4

    def test_an_outage_is_waited_for_and_spends_no_attempts(self, tmp_path: Path) -> None:
        # 200 failures would use up all the attempts of 20 posts, and more.
        published_list = write_votes(tmp_path / "list", POSTS[:LIVING])
        said: list[str] = []
        with Outage(Corpus(POSTS), keys={KEY: SECRET}) as server:
            made = options(published_list, tmp_path / "h", server, retry=EIGHT)
            report = crawl(made, said.append)
            assert server.left == 0
        assert report.lost == 0
        assert [line for line in said if "Flickr's API does not answer" in line]
        assert [line for line in said if "Flickr's API answers again" in line]
        assert harvest_status(tmp_path / "h")["api"]["ok"] == LIVING

    def test_a_429_spends_no_attempts(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:LIVING])
        with SandboxServer(Corpus(POSTS), faults="429=0.9,seed=1", keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, retry=EIGHT), print)
            assert server.stats.faults["429"] > 100
        assert harvest_status(tmp_path / "h")["api"]["ok"] == LIVING

    def test_a_key_that_expires_stops_the_crawl_and_results_are_kept(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with Expiring(Corpus(POSTS), keys={KEY: SECRET}) as server:
            with pytest.raises(HarvestError, match="Key has expired"):
                crawl(options(published_list, tmp_path / "h", server), print)
            before = harvest_status(tmp_path / "h")["api"]
            assert before["failed"] == 0
            assert before["pending"] > 0
            server.left = 1000
            crawl(options(published_list, tmp_path / "h", server), print)
            assert set(server.stats.info_ok.values()) == {1}
        assert harvest_status(tmp_path / "h")["api"]["ok"] == LIVING

    def test_spent_attempts_are_named_and_tried_by_the_next_crawl(self, tmp_path: Path) -> None:
        # Otherwise an apparent outage is waited for ten minutes.
        impatient = replace(AT_ONCE, patience=0.0)
        published_list = write_votes(tmp_path / "list", POSTS[:5])
        plan = "cut-json=1,image-half=1"
        with SandboxServer(Corpus(POSTS), faults=plan, keys={KEY: SECRET}) as server:
            made = options(published_list, tmp_path / "h", server, retry=impatient)
            report = crawl(made, print)
            status = harvest_status(tmp_path / "h")
            assert report.lost == 5
            assert (status["api"]["failed"], status["image"]["failed"]) == (5, 5)
            reasons = [(it["what"], it["reason"]) for it in status["failures"]]
            assert any(what == "image" and "JPEG ends" in reason for what, reason in reasons)
            assert any(what == "api" and "cannot be read" in reason for what, reason in reasons)
            server.set_faults("")
            crawl(options(published_list, tmp_path / "h", server), print)
        # If a host served no complete picture, it is not certain that the pictures are corrupt.
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (5, 5)


class TestKeys:
    def test_no_key_says_how_to_set_one_before_anything_is_written(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="set FLICKR_API_KEY"):
            crawl_posts(tmp_path, POSTS[:1], api_key="")
        assert not (tmp_path / "harvest").exists()

    @pytest.mark.parametrize(
        "pair", [{"api_key": "no key/"}, {"api_key": "f" * 32}, {"api_secret": "another"}]
    )
    def test_a_refused_key_stops_at_once_and_records_nothing(
        self, tmp_path: Path, pair: dict[str, Any]
    ) -> None:
        with pytest.raises(HarvestError, match=r"refused the API key.*FLICKR_API_KEY") as error:
            crawl_posts(tmp_path, POSTS[:20], **pair)
        status = harvest_status(tmp_path / "harvest")
        assert status["api"]["pending"] == status["image"]["pending"] == 20
        assert status["calls"]["total"] == 1
        for secret in (KEY, SECRET, *pair.values()):
            assert secret not in str(error.value)

    def test_key_and_secret_are_nowhere_on_disk(self, tmp_path: Path) -> None:
        said: list[str] = []
        crawl_posts(tmp_path, POSTS, said=said)
        files = [path for path in (tmp_path / "harvest").rglob("*") if path.is_file()]
        assert files
        for content in (*(path.read_bytes() for path in files), "".join(said).encode()):
            assert KEY.encode() not in content
            assert SECRET.encode() not in content


class TestFolder:
    def test_bad_rows_are_reported_and_the_crawl_goes_on(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:2])
        with (published_list / "emotions_1.csv").open("a", encoding="utf-8") as file:
            file.write("awe,http://example.org/a.jpg,0,5\nawe,x,0,five\n")
        said: list[str] = []
        report = crawl(options(published_list, tmp_path / "h", server), said.append)
        assert report.rejected == 2
        assert said[0].startswith("skipped list/emotions_1.csv:3 not-flickr: ")
        assert said[1].startswith("skipped list/emotions_1.csv:4 malformed: ")
        assert harvest_status(tmp_path / "h")["api"]["ok"] == 2

    def test_a_copy_or_a_renamed_folder_counts_no_vote_twice(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:3])
        copy = published_list / "copy"
        copy.mkdir()
        (copy / "again.csv").write_bytes((published_list / "emotions_1.csv").read_bytes())
        said: list[str] = []
        crawl(options(published_list, tmp_path / "h", server), said.append)
        assert any("skipped 1 files that are copies of others" in line for line in said)
        crawl(options(published_list.rename(tmp_path / "renamed"), tmp_path / "h", server), print)
        with Ledger(tmp_path / "h" / FILE_NAME) as ledger:
            (row,) = ledger.query("SELECT count(*) AS n, sum(agree) AS votes FROM listed")
        assert (row["n"], row["votes"]) == (3, 15)

    def test_an_edited_list_replaces_what_it_said(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:3])
        crawl(options(published_list, tmp_path / "h", server), print)
        write_votes(published_list, POSTS[:2], ("fear",))
        crawl(options(published_list, tmp_path / "h", server), print)
        with Ledger(tmp_path / "h" / FILE_NAME) as ledger:
            rows = ledger.query("SELECT emotion, agree FROM listed")
        assert [tuple(row) for row in rows] == [("fear", 5), ("fear", 5)]

    def test_a_second_crawl_on_the_same_folder_is_refused(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        (tmp_path / "h").mkdir()
        with (
            FileLock(tmp_path / "h" / ".crawl.lock"),
            pytest.raises(HarvestError, match="another crawl"),
        ):
            crawl(options(published_list, tmp_path / "h", server), print)

    def test_the_status_says_whether_a_crawl_is_at_work(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:3])
        crawl(options(published_list, tmp_path / "h", server), print)
        assert run("status", tmp_path / "h").out.endswith("\nno crawl is at work\n")
        with FileLock(tmp_path / "h" / ".crawl.lock"):
            assert run("status", tmp_path / "h").out.endswith("\na crawl is at work\n")
            assert harvest_status(tmp_path / "h")["at_work"]
        assert not harvest_status(tmp_path / "h")["at_work"]

    def test_asking_for_the_status_never_keeps_a_crawl_from_starting(
        self, tmp_path: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The question holds the lock for a moment."""
        monkeypatch.setattr(folder, "_MOMENT", 30)
        published_list = write_votes(tmp_path / "list", POSTS[:3])
        crawl(options(published_list, tmp_path / "h", server), print)
        lock = FileLock(tmp_path / "h" / ".crawl.lock", thread_local=False)
        lock.acquire()
        threading.Timer(0.05, lock.release).start()
        crawl(options(published_list, tmp_path / "h", server), print)

    def test_a_folder_of_something_else_is_refused(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        (tmp_path / "h").mkdir()
        (tmp_path / "h" / "thesis.tex").write_text("years of work", encoding="utf-8")
        with pytest.raises(HarvestError, match=r"contains 'thesis\.tex'"):
            crawl(options(published_list, tmp_path / "h", server), print)
        assert [path.name for path in (tmp_path / "h").iterdir()] == ["thesis.tex"]

    def test_a_ledger_of_a_newer_version_is_refused(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        Ledger(tmp_path / FILE_NAME, create=True).close()
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.close()
        with pytest.raises(HarvestError, match="update the program"):
            harvest_status(tmp_path)

    def test_another_file_instead_of_the_ledger_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_text("no database" * 100, encoding="utf-8")
        with pytest.raises(HarvestError, match="cannot be opened as a ledger"):
            harvest_status(tmp_path)

    def test_no_harvest_folder(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="is not there"):
            harvest_status(tmp_path)
