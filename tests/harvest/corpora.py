"""Small corpora, their lists, and crawls of them."""

import io
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from flickr_emotion.harvest.crawl.crawl import CrawlReport, crawl
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer

KEY = "00112233445566778899aabbccddeeff"
SECRET = "a-secret-to-be-kept"
# Retries are made at once: tests check that they are made, not how long they wait.
AT_ONCE = RetryPolicy(attempts=12, first_delay=1e-6, longest_delay=1e-6)


def jpeg(seed: int, width: int = 48, height: int = 36) -> bytes:
    """Return a small JPEG, a different one for each seed."""
    random = Random(seed)
    picture = Image.frombytes("RGB", (12, 9), random.randbytes(12 * 9 * 3)).resize((width, height))
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG")
    return encoded.getvalue()


def post(number: int, **fields: Any) -> Post:
    """Return a complete English post, changed by ``fields``."""
    defaults: dict[str, Any] = {
        "photo_id": str(3_700_000_000 + number),
        "secret": f"{number:010x}",
        "server": "3456",
        "farm": 4,
        "title": f"The house on the hill number {number}",
        "description": "We walked along the river in the <b>warm</b> evening light",
        "tags": ("river", "evening", f"house{number % 7}"),
        "image": jpeg(number),
    }
    return Post(**(defaults | fields))


def url_of(listed: Post) -> str:
    """Return the URL of a post as in the lists of 2016."""
    return f"http://farm{listed.farm}.staticflickr.com/{listed.server}/{listed.photo_id}_{listed.secret}.jpg"


def write_votes(folder: Path, posts: Iterable[Post], emotions: tuple[str, ...] = ("awe",)) -> Path:
    """Write a list with five agreeing votes per post and alternating emotions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{emotions[number % len(emotions)]},{url_of(listed)},0,5\n"
        for number, listed in enumerate(posts)
    ]
    (folder / "emotions_1.csv").write_text("".join(rows), encoding="utf-8")
    return folder


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
