"""What a crawl records of the use of a post, over HTTP from the sandbox."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import options, post, write_votes
from tests.harvest.older_ledgers import make_older

USAGE = ("Content-Usage: train-ai=n, search=y",)
ROBOTS = ("X-Robots-Tag: noai", "x-robots-tag: otherbot: noindex")
TDM = ("TDM-Reservation: 1", "tdm-policy: https://example.org/p.json")
BYTES = (f"Content-Usage: {chr(27)}]0;x{chr(7)}{chr(255)}",)
LONG = (f"X-Robots-Tag: noai, {'x' * 5000}",)
POSTS = [
    post(1, headers=USAGE, candownload=0, safety_level=1),
    post(2, headers=ROBOTS, candownload=1),
    post(3, headers=TDM, candownload=1),
    post(4, headers=LONG, candownload=1),
    post(5, candownload=1),
    post(6, status="deleted"),
]


def recorded(harvest: Path) -> dict[str, tuple[Any, ...]]:
    columns = "image_outcome, safety_level, usage, image_headers"
    with Ledger(harvest / FILE_NAME) as ledger:
        rows = ledger.query(f"SELECT photo_id, {columns} FROM photos")
    return {row[0]: tuple(row)[1:] for row in rows}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS)) as served:
        yield served


def settings_with(candownload: int) -> dict[str, int]:
    return {"candownload": candownload, "canblog": 0, "canprint": 0, "canshare": 1}


def test_everything_is_recorded_as_it_came(tmp_path: Path, server: SandboxServer) -> None:
    published = write_votes(tmp_path / "list", POSTS)
    crawl(options(published, tmp_path / "h", server), lambda line: None)
    found = recorded(tmp_path / "h")
    stated = [
        {"content-usage": ["train-ai=n, search=y"]},
        {"x-robots-tag": ["noai", "otherbot: noindex"]},
        {"tdm-reservation": ["1"], "tdm-policy": ["https://example.org/p.json"]},
        {"x-robots-tag": None},  # Too long to be kept.
        {},
    ]
    for it, headers in zip(POSTS, stated, strict=False):
        outcome, safety, usage, record = found[it.photo_id]
        assert (outcome, safety) == ("ok", str(it.safety_level))
        assert json.loads(usage) == settings_with(it.candownload)
        assert json.loads(record) == headers
    assert found[POSTS[5].photo_id] == ("gone", None, None, None)
    # No request is made for the signals alone.
    plain = [post(number) for number in range(1, 6)] + [POSTS[5]]
    with SandboxServer(Corpus(plain)) as other:
        crawl(options(published, tmp_path / "plain", other), lambda line: None)
    assert server.stats.api == other.stats.api
    assert (server.stats.images, server.stats.image_heads) == (
        other.stats.images,
        other.stats.image_heads,
    )


def test_heads_say_it_too_and_a_refresh_brings_what_is_said_today(
    tmp_path: Path, server: SandboxServer
) -> None:
    published = write_votes(tmp_path / "list", POSTS)
    crawl(options(published, tmp_path / "h", server, images=False), lambda line: None)
    first = recorded(tmp_path / "h")[POSTS[0].photo_id]
    assert first[0] == "pending"
    assert json.loads(first[3]) == {"content-usage": ["train-ai=n, search=y"]}
    crawl(options(published, tmp_path / "p", server), lambda line: None)
    changed = [replace(it, headers=(), candownload=1) for it in POSTS]
    with SandboxServer(Corpus(changed)) as today:
        crawl(options(published, tmp_path / "p", today, refresh=True), lambda line: None)
    for it in POSTS[:5]:
        _, _, usage, record = recorded(tmp_path / "p")[it.photo_id]
        assert (json.loads(usage), record) == (settings_with(1), "{}")


def test_control_bytes_in_a_field_are_stored_as_printable_ascii(tmp_path: Path) -> None:
    posts = [post(1, headers=BYTES), post(2)]
    with SandboxServer(Corpus(posts)) as server:
        published = write_votes(tmp_path / "list", posts)
        crawl(options(published, tmp_path / "h", server), lambda line: None)
    found = recorded(tmp_path / "h")
    record = found[posts[0].photo_id][3]
    assert record == r'{"content-usage": ["\u001b]0;x\u0007\u00ff"]}'
    assert found[posts[1].photo_id][3] == "{}"


def test_a_ledger_of_the_version_before_gains_them(tmp_path: Path, server: SandboxServer) -> None:
    published = write_votes(tmp_path / "list", POSTS)
    crawl(options(published, tmp_path / "h", server), lambda line: None)
    make_older(tmp_path / "h" / FILE_NAME, 7)
    crawl(options(published, tmp_path / "h", server), lambda line: None)
    assert recorded(tmp_path / "h")[POSTS[0].photo_id] == ("ok", None, None, None)
    crawl(options(published, tmp_path / "h", server, refresh=True), lambda line: None)
    assert recorded(tmp_path / "h")[POSTS[0].photo_id][1] == "1"
