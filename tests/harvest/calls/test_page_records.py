"""A page of a listing is stored as a whole: its posts, its videos and its range."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.listings import owner_listing
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import Covered, record_page, windows
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from tests.harvest.parts import answered

OWNER = owner_listing("1@N00")
POST, VIDEO = "11", "12"
SHOWN = ListingPage(
    answers=(
        answered(
            PhotoReference(photo_id=POST, server="1", farm="1", secret="a"),
            title="a title",
            owner="1@N00",
            license="0",
            date_upload=1_400_000_000,
        ),
    ),
    videos=(VIDEO,),
    refused=1,
    total=3,
    pages=1,
)
COVERED = Covered(newest_id=12, oldest_id=0, oldest_date=None)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / FILE_NAME, create=True) as opened:
        with opened.transaction() as connection:
            connection.executemany("INSERT INTO photos (photo_id) VALUES (?)", [(POST,), (VIDEO,)])
        yield opened


def outcomes(ledger: Ledger) -> dict[str, str]:
    rows = ledger.query("SELECT photo_id, api_outcome FROM photos")
    return {row["photo_id"]: row["api_outcome"] for row in rows}


def test_posts_videos_and_window_are_there_together(ledger: Ledger) -> None:
    window = record_page(ledger, OWNER, SHOWN, COVERED, sought={11, 12, 13})
    assert outcomes(ledger) == {POST: "ok", VIDEO: "video"}
    assert windows(ledger, OWNER) == [window]
    assert (window.results, window.sought, window.found, window.won) == (3, 3, 2, 1)


@pytest.mark.parametrize(
    "event", ["INSERT ON windows", "UPDATE ON photos WHEN new.api_outcome = 'video'"]
)
def test_all_are_written_or_none(ledger: Ledger, event: str) -> None:
    with ledger.transaction() as connection:
        connection.execute(
            f"CREATE TEMP TRIGGER full BEFORE {event} BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(sqlite3.Error, match="full"):
        record_page(ledger, OWNER, SHOWN, COVERED, sought={11, 12})
    assert outcomes(ledger) == {POST: "pending", VIDEO: "pending"}
    assert windows(ledger, OWNER) == []
