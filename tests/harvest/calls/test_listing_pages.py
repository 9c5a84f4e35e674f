"""Which ids a page covers, what is stored of it, and what the sweep hears."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.calls.listing_pages import ListingPages
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.flickr.listings import owner_listing, word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import windows
from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import listed
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import serving
from tests.harvest.parts import client_of, ledger_of, settle_pictures

OF_WORDS, _ = word_listings("house")
# So many that a page does not show all of them.
POSTS = [post(number) for number in range(520)]
IDS = [int(it.photo_id) for it in POSTS]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        settle_pictures(opened, POSTS)
        yield opened


def images(ledger: Ledger) -> Path:
    return ledger.path.parent / "images"


def known(ledger: Ledger) -> int:
    return ledger.outcome_counts()[0]["ok"]


def sandbox(posts: list[Post]) -> SandboxServer:
    return SandboxServer(Corpus(posts), keys={KEY: SECRET})


def test_a_full_page_covers_what_lies_between_its_ends(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox(POSTS) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
        assert server.stats.api["flickr.photos.search"] == 1
    assert len(page.photo_ids) == 500 == known(ledger)
    assert page.window.results == page.window.won == 500
    # Of the ids at its end the middle one of nine is believed.
    assert page.window.oldest_id == sorted(page.photo_ids)[4]
    assert page.window.newest_id >= IDS[-1]
    assert sweep.open_count == 20
    assert windows(ledger, OF_WORDS) == [page.window]


def test_the_last_page_covers_all_that_is_older(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox(POSTS[:7]) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
    assert page.window.oldest_id == 0
    assert (page.window.sought, page.window.found) == (520, 7)
    assert sweep.open_count == 0


def test_a_page_of_nothing(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox([]) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
    assert page.photo_ids == ()
    assert (page.window.newest_id, page.window.oldest_id, page.window.results) == (IDS[-1], 0, 0)


def test_a_video_is_shown_and_nothing_of_it_is_kept(ledger: Ledger) -> None:
    posts = [post(number, media="video" if number == 3 else "photo") for number in range(7)]
    sweep = Sweep(IDS[:7])
    with sandbox(posts) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[6]
        )
    assert IDS[3] in page.photo_ids
    assert page.window.results == 7
    assert ledger.outcome_counts()[0]["video"] == 1
    assert known(ledger) == 6


def test_a_listing_of_other_dates_than_asked_for_is_none(ledger: Ledger) -> None:
    """A server that does not know `max_upload_date` would have everything taken for covered."""
    sweep = Sweep(IDS[:3])
    extras = ["description", "tags", "license", "date_upload", "date_taken", "media"]
    shown = listed(post(0, date_upload=2_000_000_000), extras)
    body = json.dumps({"photos": {"photo": [shown], "pages": 1}, "stat": "ok"}).encode()
    with (
        serving(lambda request: request.send(200, body)) as server,
        client_of(server) as client,
        pytest.raises(TransientError, match="a listing of other dates than asked for"),
    ):
        ListingPages(ledger, client, images=images(ledger)).list_once(
            owner_listing("1@N01"), sweep, IDS[0]
        )
    assert known(ledger) == 0
    assert windows(ledger, owner_listing("1@N01")) == []
