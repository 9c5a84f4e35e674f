"""Small corpora, their lists, and crawls of them."""

from pathlib import Path
from typing import Any

from flickr_emotion.harvest.crawl.crawl import CrawlReport, crawl
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.testing import jpeg, post, url_of, write_votes

__all__ = [
    "AT_ONCE",
    "KEY",
    "SECRET",
    "crawl_posts",
    "jpeg",
    "options",
    "post",
    "url_of",
    "write_votes",
]

KEY = "00112233445566778899aabbccddeeff"
SECRET = "a-secret-to-be-kept"
# Retries are made at once: tests check that they are made, not how long they wait.
AT_ONCE = RetryPolicy(attempts=12, first_delay=1e-6, longest_delay=1e-6)


def options(published_list: Path, out: Path, server: SandboxServer, **fields: Any) -> CrawlOptions:
    """Return options for a crawl of the sandbox at full speed."""
    defaults: dict[str, Any] = {
        "published_lists": (published_list,),
        "out": out,
        "api_key": KEY,
        "api_secret": SECRET,
        "flickr_url": server.url,
        "quota": 0,
        "retry": AT_ONCE,
    }
    return CrawlOptions(**(defaults | fields))


def crawl_posts(
    folder: Path, posts: list[Post], *, said: list[str] | None = None, **fields: Any
) -> CrawlReport:
    """Serve posts, crawl them into ``folder / "harvest"``, and return the report."""
    published_list = write_votes(folder / "list", posts)
    with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
        return crawl(
            options(published_list, folder / "harvest", server, **fields),
            (said if said is not None else []).append,
        )
