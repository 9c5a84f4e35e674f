"""Which folders are served, and a crawl that is watched."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.serve.crawls import WatchedHarvest
from flickr_emotion.serve.server import PageServer
from flickr_emotion.serve.site import open_site
from tests.commands import refusal
from tests.harvest.corpora import options, post, write_votes
from tests.serve.conftest import Reader


def test_a_crawl_is_watched_and_nothing_is_written(tmp_path: Path) -> None:
    posts = [*(post(n) for n in range(8)), post(8, status="deleted")]
    published_list = write_votes(tmp_path / "list", posts)
    folder = tmp_path / "harvest"
    with SandboxServer(Corpus(posts)) as flickr:
        crawl(options(published_list, folder, flickr), lambda line: None)
    before = {it.name: it.read_bytes() for it in folder.iterdir() if it.is_file()}
    with PageServer(open_site([folder])) as server:
        assert "<dd>counting</dd>" in requests.get(server.url, timeout=20).text
        with Reader(server) as reader:
            second = reader.show("/crawl")
            reader.show("/explore", 404)
    assert "<dt>Posts a minute</dt><dd>0</dd>" in second
    rows = re.findall(r'<th scope="row">(\w+)</th><td class="number">(\d+)</td>', second)
    assert ("ok", "8") in rows
    assert ("gone", "1") in rows
    after = {it.name: it.read_bytes() for it in folder.iterdir() if it.is_file()}
    assert {n: raw for n, raw in after.items() if n in before} == before


def test_the_rate_is_that_of_what_was_done_between_two_looks(tmp_path: Path) -> None:
    posts = [post(n) for n in range(12)]
    folder = tmp_path / "harvest"
    with SandboxServer(Corpus(posts)) as flickr:
        one = write_votes(tmp_path / "one", posts[:4])
        crawl(options(one, folder, flickr), lambda line: None)
        watched = WatchedHarvest(folder)
        assert watched.look().posts_per_minute is None
        # The looks are as old as the test says: it does not wait.
        at, done, pictures = watched._looks[0]
        watched._looks[0] = (at - 30, done - 2, pictures - 3)
        look = watched.look()
    assert look.posts_per_minute == pytest.approx(4, rel=0.05)
    assert look.pictures_per_minute == pytest.approx(6, rel=0.05)
    assert look.share_done == 1


class TestRefusals:
    def test_a_folder_that_is_none_of_them(self, tmp_path: Path) -> None:
        assert "is neither a data set nor a run nor a harvest" in refusal("serve", tmp_path)

    def test_two_data_sets(self, data: Path, own_data: Path) -> None:
        assert "is a second data set" in refusal("serve", data, own_data)

    def test_options_of_a_data_set_without_one(self, run: Path, tmp_path: Path) -> None:
        assert "--suspects belongs to a data set" in refusal("serve", run, "--suspects", tmp_path)

    def test_corrections_within_the_data_set(self, data: Path) -> None:
        line = refusal("serve", data, "--corrections", data / "c.csv")
        assert "lies inside the data set" in line

    def test_a_port_that_is_taken(self, data: Path) -> None:
        with PageServer(open_site([data])) as server:
            assert "choose another --port" in refusal("serve", data, "--port", server.port)


def test_the_command_prints_the_address_and_ends_with_ctrl_c(data: Path) -> None:
    command = [sys.executable, str(PROJECT / "cli.py"), "serve", str(data)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        found = re.search(r"Open (http://127\.0\.0\.1:\d+/\?token=\S+)", line)
        assert found
        assert requests.get(found[1], timeout=20).status_code == 200
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
    assert running.returncode == 0
    assert errors == ""


def test_exploring_loads_no_torch(data: Path) -> None:
    """Nor SciPy and pandas: they would take seconds before a page that does not need them."""
    program = (
        "import sys; from pathlib import Path\n"
        "from flickr_emotion.serve.server import PageServer\n"
        "from flickr_emotion.serve.site import open_site\n"
        "from flickr_emotion.serve.filters import Filter\n"
        f"site = open_site([Path({json.dumps(str(data))})])\n"
        "site.explorer.find(Filter(words='storm', tag='riot'))\n"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
