"""Crawls with YFCC100M's metadata: found posts cost no call, and nothing withdrawn is kept."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.yfcc100m_rows import FORMS, Write, row, text, write_text

LIVING = [post(number, license=1 + number % 6) for number in range(20)]
DEAD = [post(number, license=4, status="deleted") for number in range(20, 24)]
PRIVATE = [post(number, license=4, status="private") for number in range(24, 26)]
PLACEHOLDERS = [post(number, license=4, status="placeholder") for number in range(26, 28)]
POSTS = [*LIVING, *DEAD, *PRIVATE, *PLACEHOLDERS]
UNKNOWN = LIVING[15:]
"""Posts that the metadata does not contain."""
ROWS = [row(listed) for listed in POSTS if listed not in UNKNOWN]
ANSWERS = "title, description, tags, owner, license, date_upload, date_taken, farm, secret"


def rows(harvest: Path, columns: str = ANSWERS) -> dict[str, tuple[Any, ...]]:
    with sqlite3.connect(harvest / FILE_NAME) as connection:
        found = connection.execute(f"SELECT photo_id, {columns} FROM photos").fetchall()
    connection.close()
    return {cells[0]: cells[1:] for cells in found}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as running:
        yield running


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    return write_votes(tmp_path / "list", POSTS)


class TestCrawl:
    @pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
    def test_no_call_is_spent_on_a_post_that_is_found(
        self, tmp_path: Path, server: SandboxServer, votes: Path, write: Write
    ) -> None:
        said: list[str] = []
        metadata = write(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), said.append)
        assert any(f"metadata: {len(ROWS)} of {len(POSTS)} posts found" in line for line in said)
        assert set(server.stats.info_ok) == {listed.photo_id for listed in UNKNOWN}
        # One dead picture is checked with the API.
        assert server.stats.api["flickr.photos.getInfo"] == len(UNKNOWN) + 1
        status = harvest_status(tmp_path / "h")
        assert status["api"] == {
            "pending": 0,
            "ok": 20,
            "gone": 6,
            "private": 2,
            "video": 0,
            "failed": 0,
        }
        assert status["image"]["ok"] == len(LIVING)

    def test_the_posts_are_those_of_a_crawl_without_it(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        metadata = write_text(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "with", server, metadata=metadata), print)
        crawl(options(votes, tmp_path / "without", server), print)
        assert rows(tmp_path / "with") == rows(tmp_path / "without")
        outcomes = "api_outcome, image_outcome"
        assert rows(tmp_path / "with", outcomes) == rows(tmp_path / "without", outcomes)
        sources = rows(tmp_path / "with", "api_source")
        assert sources[LIVING[0].photo_id] == ("yfcc100m",)
        assert sources[UNKNOWN[0].photo_id] == ("getInfo",)

    def test_nothing_is_kept_of_what_its_owner_withdrew(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        metadata = write_text(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        kept = rows(tmp_path / "h", "title, description, tags, owner, license, date_upload")
        for listed in (*DEAD, *PRIVATE, *PLACEHOLDERS):
            assert kept[listed.photo_id] == (None,) * 6
        errors = [rows(tmp_path / "h", "api_error")[it.photo_id][0] for it in DEAD]
        assert any(error.startswith("picture answered") for error in errors)

    def test_a_picture_without_a_reference_in_the_list_is_fetched(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        first = LIVING[0]
        votes = tmp_path / "list"
        votes.mkdir()
        url = f"http://photos4.flickr.com/{first.photo_id}_{first.secret}.jpg"  # No server.
        (votes / "awe.csv").write_text(f"awe,{url},0,5\n")
        metadata = write_text(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        assert rows(tmp_path / "h", "api_outcome, image_outcome, server") == {
            first.photo_id: ("ok", "ok", first.server)
        }
        assert server.stats.api["flickr.photos.getInfo"] == 0

    def test_the_lists_reference_is_kept_over_older_metadata(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        stale = [row(LIVING[0], secret="0123456789", serverid="1")]
        crawl(
            options(votes, tmp_path / "h", server, metadata=write_text(tmp_path / "m", stale)),
            print,
        )
        assert rows(tmp_path / "h", "image_outcome, server, secret")[LIVING[0].photo_id] == (
            *("ok", LIVING[0].server, LIVING[0].secret),
        )


class TestAgain:
    def test_the_same_file_is_seen_as_nothing_new(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        metadata = write_text(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        before, calls = rows(tmp_path / "h"), server.stats.api.total()
        said: list[str] = []
        moved = metadata.rename(tmp_path / "moved")
        crawl(options(votes, tmp_path / "h", server, metadata=moved), said.append)
        assert "moved: searched before, nothing new" in said
        assert (rows(tmp_path / "h"), server.stats.api.total()) == (before, calls)

    def test_photos_that_came_since_are_searched_for(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        metadata = write_text(tmp_path / "metadata", ROWS)
        for count in (5, 10):
            votes = write_votes(tmp_path / "list", LIVING[:count])
            crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        assert harvest_status(tmp_path / "h")["api"]["ok"] == 10
        assert server.stats.api["flickr.photos.getInfo"] == 0

    def test_a_post_that_the_api_gave_stays_as_it_is(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        crawl(options(votes, tmp_path / "h", server), print)
        before = rows(tmp_path / "h")
        stale = [row(listed, title="Older") for listed in POSTS]
        metadata = write_text(tmp_path / "metadata", stale)
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        assert rows(tmp_path / "h") == before


class TestRefused:
    def test_malformed_rows_are_counted_and_cost_a_call_each(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        bad = [row(LIVING[0], secret="?"), row(LIVING[1], marker="2"), *ROWS[2:]]
        metadata = tmp_path / "metadata"
        metadata.write_bytes(b"no row\n" + text(bad))
        said: list[str] = []
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), said.append)
        assert any(line.endswith("; 3 rows are malformed") for line in said)
        assert {LIVING[0].photo_id, LIVING[1].photo_id} <= set(server.stats.info_ok)

    def test_a_video_is_not_a_post(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        metadata = write_text(tmp_path / "metadata", [row(LIVING[0], marker="1")])
        crawl(options(votes, tmp_path / "h", server, metadata=metadata), print)
        video = LIVING[0].photo_id
        assert server.stats.info_ok[video] == server.stats.image_ok[video] == 0
        found = rows(tmp_path / "h", f"api_outcome, image_outcome, {ANSWERS}")[video]
        assert found[:2] == ("video", "video")
        assert found[2:9] == (None,) * 7

    def test_a_foreign_file_stops_the_crawl_before_it_writes(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        foreign = votes / "emotions_1.csv"
        with pytest.raises(HarvestError, match="is not metadata of YFCC100M"):
            crawl(options(votes, tmp_path / "h", server, metadata=foreign), print)
        assert not (tmp_path / "h").exists()

    def test_posts_before_the_end_of_a_truncated_file_are_kept(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        metadata = FORMS["gz"](tmp_path / "metadata.gz", ROWS[:10] + ROWS * 500)
        metadata.write_bytes(metadata.read_bytes()[:-1000])
        wanting = write_votes(tmp_path / "wanting", [*POSTS, post(999)])
        with pytest.raises(HarvestError, match="cannot be read"):
            crawl(options(wanting, tmp_path / "h", server, metadata=metadata), print)
        assert harvest_status(tmp_path / "h")["api"]["ok"] == len(ROWS)

    def test_without_pictures_head_requests_show_withdrawn_posts(
        self, tmp_path: Path, server: SandboxServer, votes: Path
    ) -> None:
        file = write_text(tmp_path / "metadata", ROWS)
        crawl(options(votes, tmp_path / "h", server, metadata=file, images=False), print)
        assert server.stats.images == 0
        status = harvest_status(tmp_path / "h")
        assert status["api"]["gone"] == sum(it.status in ("deleted", "placeholder") for it in POSTS)
