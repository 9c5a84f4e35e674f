"""Posts, folders of every kind made of them, and what must be found nowhere after a takedown."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes

PICTURE = jpeg(9_001, 64, 48)
OWNER, OTHER = "55555555@N07", "12345678@N00"
WITHDRAWN = post(
    # Its size on disk differs from that of the others, so that its picture is never theirs.
    9_001,
    photo_id="48260317594",
    secret="feedc0ffee",
    title="Zwiebelkuchen beside the quagmire of the old harbour",
    description="We laughed about the xylophonist until the lanterns went out again",
    tags=("evening", "petrichor", "river"),
    owner=OWNER,
    image=PICTURE,
)
OTHERS = [post(number, owner=OTHER) for number in range(90)]
POSTS = [*OTHERS[:40], WITHDRAWN, *OTHERS[40:]]
EMOTIONS = ("awe", "fear")


def traces_of(gone: Post) -> dict[str, bytes]:
    """What must not be found: the id, words and tags of this post alone, secret and picture."""
    return {
        "id": gone.photo_id.encode(),
        "id as a number": int(gone.photo_id).to_bytes(6, "big").lstrip(b"\x00"),
        "title": b"Zwiebelkuchen",
        "word": b"zwiebelkuchen",
        "description": b"xylophonist",
        "tag": b"petrichor",
        "secret": gone.secret.encode(),
        # The middle of the file: all small JPEGs of one encoder begin alike.
        "picture": PICTURE[len(PICTURE) // 2 : len(PICTURE) // 2 + 60],
    }


def make_list(folder: Path, posts: Sequence[Post] = POSTS) -> Path:
    return write_votes(folder, posts, EMOTIONS)


def crawl_list(
    published_list: Path, out: Path, posts: Sequence[Post] = POSTS, **fields: object
) -> list[str]:
    """Crawl what a sandbox serves; return what was said."""
    said: list[str] = []
    with SandboxServer(Corpus([*posts]), keys={KEY: SECRET}) as server:
        crawl(options(published_list, out, server, **fields), said.append)
    return said


def build(harvest: Path, out: Path, **fields: Any) -> Path:
    build_splits(harvest, out, BuildOptions(**fields), lambda line: None)
    return out


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to
