"""What a crawl shows and lets the user choose: a plan, a limit, several lists, logs, bars."""

import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.plan import plan
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, url_of, write_votes
from tests.harvest.sandbox.virtual_vso import IDS, url

POSTS = [post(number) for number in range(40)]


def quiet(line: str) -> None:
    """Log nothing."""


def start(*arguments: object, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "cli.py", *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET},
        text=True,
        **streams,
    )


def run(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as running:
        yield running


class TestPlan:
    def test_it_spends_the_calls_that_it_names_and_keeps_their_posts(self, tmp_path: Path) -> None:
        posts = [post(number, tags=("awe", "river")) for number in range(40)]
        published_list = write_votes(tmp_path / "list", posts)
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            text = plan(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api == {"flickr.photos.search": 1}
            assert "spent on this plan: 1 calls, a page each of text:awe" in text
            assert server.stats.images == 0
            assert harvest_status(tmp_path / "h")["api"]["ok"] == len(posts)
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api.total() == 1

    def test_a_server_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        command = ("crawl", published_list, "--out", tmp_path / "h", "--plan")
        code, out, err = run(*command, "--flickr-url", "http://127.0.0.1:1")
        assert (code, out) == (1, "")
        assert "check the network, or --flickr-url" in err.splitlines()[-1]

    def test_it_does_not_begin_a_refresh(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        crawl(options(published_list, tmp_path / "h", server), quiet)
        with pytest.raises(HarvestError, match="give only one of them"):
            plan(options(published_list, tmp_path / "h", server, refresh=True), quiet)
        assert harvest_status(tmp_path / "h")["left"]["posts"] == 0


class TestLimit:
    def test_only_the_first_photos_are_requested_and_the_next_crawl_continues(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        for done in (15, 30, 40, 40):
            crawl(options(published_list, tmp_path / "h", server, limit=15), quiet)
            assert harvest_status(tmp_path / "h")["image"]["ok"] == done
            assert set(server.stats.image_ok.values()) == {1}
        assert set(server.stats.info_ok.values()) == {1}

    def test_what_is_shown_is_of_the_limit(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with Ledger(tmp_path / FILE_NAME, create=True) as ledger, ledger.transaction() as c:
            c.executemany("INSERT INTO photos (photo_id) VALUES (?)", ((n,) for n in range(9)))
            counts = ledger.outcome_counts(last_row=4).api
            assert counts["pending"] == ledger.left("api", last_row=4) == 4
        crawl(options(published_list, tmp_path / "h", server, limit=1), quiet)


class TestSeveralLists:
    def test_they_go_into_one_harvest(self, tmp_path: Path, server: SandboxServer) -> None:
        first = write_votes(tmp_path / "first", POSTS[:10])
        second = write_votes(tmp_path / "second", POSTS[10:25], ("fear",))
        second = second.rename(tmp_path / "third")
        made = options(first, tmp_path / "h", server, published_lists=(first, second))
        assert crawl(made, quiet).photos == 25
        assert harvest_status(tmp_path / "h")["api"]["ok"] == 25

    def test_two_kinds_are_refused(self, tmp_path: Path, server: SandboxServer) -> None:
        votes = write_votes(tmp_path / "votes", POSTS[:3])
        (tmp_path / "vso").mkdir()
        write_vso_lists(
            tmp_path / "vso", {"happy_dog": [(url(IDS[0]), "a")]}, {"happy_dog": (1.0, 9)}
        )
        made = options(votes, tmp_path / "h", server, published_lists=(votes, tmp_path / "vso"))
        with pytest.raises(HarvestError, match="different kinds"):
            crawl(made, quiet)
        assert not (tmp_path / "h").exists()

    def test_folders_with_the_same_names_are_refused(
        self, tmp_path: Path, server: SandboxServer
    ) -> None:
        one = write_votes(tmp_path / "one" / "list", POSTS[:3])
        two = write_votes(tmp_path / "two" / "list", POSTS[3:5])
        made = options(one, tmp_path / "h", server, published_lists=(one, two))
        with pytest.raises(HarvestError, match="rename one of the folders"):
            crawl(made, quiet)


class TestLogs:
    def test_every_line_of_the_json_log_parses(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with (published_list / "emotions_1.csv").open("a", encoding="utf-8") as file:
            file.write("awe,http://example.org/ä.jpg,0,5\n")
        arguments = ("crawl", published_list, "--out", tmp_path / "h", "--log-json")
        code, out, err = run(*arguments, "--flickr-url", server.url, "--quota", 0)
        assert code == 0
        assert "40 photos" in out
        server.expire_key(KEY)
        write_votes(published_list, [*POSTS, post(99)])
        refused, _, error = run(*arguments, "--flickr-url", server.url, "--verify-gone")
        no_list, _, absent = run("crawl", tmp_path / "x", "--out", tmp_path / "h", "--log-json")
        assert (refused, no_list) == (1, 1)
        lines = [json.loads(line) for line in (err + error + absent).splitlines()]
        assert all(line["time"] > 0 and line["event"] == "message" for line in lines)
        texts = [line["text"] for line in lines]
        assert any(text.startswith("skipped list/emotions_1.csv:41 not-flickr") for text in texts)
        assert any(text.startswith("error: ") and "Key has expired" in text for text in texts)
        assert texts[-1].startswith("error: ")


class TestSecrets:
    @pytest.mark.parametrize("how", ["--debug", "--log-json", "--no-images"])
    def test_no_form_of_output_shows_key_or_secret(self, tmp_path: Path, how: str) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        # Flickr's answer to a wrong signature repeats the key.
        with SandboxServer(Corpus(POSTS), keys={KEY: "another"}) as server:
            command = ("crawl", published_list, "--out", tmp_path / "h", "--flickr-url", server.url)
            code, out, err = run(*command, how)
        assert code == 1
        assert "signature_invalid" in err
        assert KEY not in out + err
        assert SECRET not in out + err


class TestTerminal:
    def test_no_line_of_the_bars_is_wider_than_the_screen(self, tmp_path: Path) -> None:
        posts = [post(number, status="private" if number % 9 == 0 else "ok") for number in range(9)]
        published_list = tmp_path / "list"
        published_list.mkdir()
        # A million photos are listed and a few served, so the figures have their largest width.
        text = "".join(f"awe,{url_of(it)},0,5\n" for it in posts)
        (published_list / "a.csv").write_text(text, encoding="utf-8")
        screen, tty = pty.openpty()
        ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            process = start(
                *("crawl", published_list, "--out", tmp_path / "h", "--flickr-url", server.url),
                *("--quota", 0),
                stdout=subprocess.DEVNULL,
                stderr=tty,
            )
            os.close(tty)
            shown = b""
            try:
                while chunk := os.read(screen, 65536):
                    shown += chunk
            except OSError:
                pass  # The other side is closed.
            assert process.wait(60) == 0
        os.close(screen)
        lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()))
        assert max(map(len, lines)) <= 80
        assert any(line.startswith("pictures") and "9/9" in line for line in lines)
        assert any(line.startswith("posts") and "9/9" in line for line in lines)
        assert any("calls in the last hour" in line and "8 ok" in line for line in lines)
