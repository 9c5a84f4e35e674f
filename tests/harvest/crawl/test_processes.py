"""Crawls as real processes that are interrupted and killed."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.processes import ended, start, until

POSTS = [post(number) for number in range(300)]


def status(out: Path) -> dict[str, dict[str, int]]:
    done = subprocess.run(
        [sys.executable, "cli.py", "status", out, "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


class TestInterrupted:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_cleanly_and_goes_on_where_it_stopped(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            first = start(published_list, tmp_path / "h", server)
            until(lambda: server.stats.api.total() >= 20, first)
            first.send_signal(number)
            out, err = first.communicate(timeout=60)
            assert first.returncode == 130, err
            assert "the same command starts again" in err
            assert "Traceback" not in err
            assert "pending" in out
            second = start(published_list, tmp_path / "h", server)
            out, err = second.communicate(timeout=60)
            assert second.returncode == 0, err
            # Calls in flight were finished, so not even those are repeated.
            assert server.stats.api["flickr.photos.getInfo"] == len(POSTS)
            assert server.stats.images == len(POSTS)
        assert KEY not in out + err
        assert SECRET not in out + err
        assert status(tmp_path / "h")["api"]["ok"] == len(POSTS)

    def test_at_any_moment(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            for moment in (0, 1, 3, 9, 30):
                process = start(published_list, tmp_path / "h", server)
                wanted = server.stats.images + moment
                until(lambda wanted=wanted: server.stats.images >= wanted, process)  # type: ignore[misc]
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
                assert "Error" not in err
            process = start(published_list, tmp_path / "h", server)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            assert server.stats.api["flickr.photos.getInfo"] == len(POSTS)
            assert server.stats.images == len(POSTS)

    @pytest.mark.slow
    def test_a_second_ctrl_c_does_not_wait(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, images=False), lambda line: None)
            server.set_faults("image-hang=1")
            process = start(published_list, tmp_path / "h", server)
            until(lambda: server.stats.images >= 10, process)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert "press Ctrl-C again to end at once" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
            assert process.returncode == 130


class TestKilled:
    def test_at_most_what_was_in_flight_is_asked_twice(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        kills = 0
        fetched: dict[str, int] = {}
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            for calls in (10, 90, 170):
                process = start(published_list, tmp_path / "h", server)
                until(lambda calls=calls: server.stats.api.total() >= calls, process)  # type: ignore[misc]
                process.kill()
                process.communicate(timeout=60)
                kills += 1
                for path in (tmp_path / "h").rglob("*.jpg"):
                    fetched.setdefault(path.stem, server.stats.image_ok[path.stem])
            process = start(published_list, tmp_path / "h", server)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            # Four threads make calls.
            assert server.stats.api["flickr.photos.getInfo"] <= len(POSTS) + 4 * kills
            # A picture on disk is never requested again, recorded or not.
            assert fetched
            assert {name: server.stats.image_ok[name] for name in fetched} == fetched
        found = status(tmp_path / "h")
        assert found["api"]["ok"] == found["image"]["ok"] == len(POSTS)
        assert not list((tmp_path / "h").rglob("*.part"))

    def test_at_random_moments_with_listings_at_work(self, tmp_path: Path) -> None:
        # A third of the posts is found by listings of their emotion, the others only by getInfo.
        posts = [
            post(n, tags=("awe", "river")) if n % 3 == 0 else post(n) for n in range(len(POSTS))
        ]
        published_list = write_votes(tmp_path / "list", posts)
        random, kills = Random(7), 6
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            for _ in range(kills):
                process = start(published_list, tmp_path / "h", server)
                asked = server.stats.images + server.stats.api.total() + random.randrange(120)
                until(
                    lambda asked=asked: server.stats.images + server.stats.api.total() >= asked,  # type: ignore[misc]
                    process,
                )
                process.kill()
                process.communicate(timeout=60)
            process = start(published_list, tmp_path / "h", server)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            calls, found = server.stats.api, server.stats.info_ok
        listed = {it.photo_id for it in posts if "awe" in it.tags}
        # Four threads make calls, and each start also checks the key.
        assert calls["flickr.photos.getInfo"] <= len(posts) - len(listed) + 5 * (kills + 1)
        assert calls["flickr.photos.search"] <= 2 + 4 * kills
        assert sum(found.values()) - len(found) <= 4 * kills
        after = status(tmp_path / "h")
        assert after["api"]["ok"] == after["image"]["ok"] == len(posts)


def _little_room() -> None:
    """Limit files to 160 KB, which gives SQLite the same error as a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (160 * 1024, 160 * 1024))


class TestFullDisk:
    def test_it_is_reported_in_one_line_and_the_crawl_continues_with_room(
        self, tmp_path: Path
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            small = start(published_list, tmp_path / "h", server, prepare=_little_room)
            code, _, err = ended(small)
            assert code == 1, err
            assert "make room" in err.splitlines()[-1]
            assert "Traceback" not in err
            process = start(published_list, tmp_path / "h", server)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            assert server.stats.api["flickr.photos.getInfo"] <= len(POSTS) + 5
        after = status(tmp_path / "h")
        assert after["api"]["ok"] == after["image"]["ok"] == len(POSTS)
