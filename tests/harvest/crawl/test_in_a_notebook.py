"""A crawl is called where an event loop is at work already, as in a notebook."""

import asyncio
from pathlib import Path

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes


def test_a_crawl_inside_a_running_loop(tmp_path: Path) -> None:
    posts = [post(1), post(2)]
    lists = write_votes(tmp_path / "list", posts)

    async def cell() -> int:
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            return crawl(options(lists, tmp_path / "h", server), lambda line: None).photos

    assert asyncio.run(cell()) == 2
