"""Pictures of a harvest that a build could not use go back to the crawl: they are due again."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.folder import harvest_at_work
from flickr_emotion.harvest.pace.clock import now


def ask_again(harvest: Path, photo_ids: Sequence[str], say: Callable[[str], None]) -> None:
    """Make pictures due that are on disk and cannot be used; the next crawl replaces them.

    Where a crawl is at work on the harvest, or it cannot be written, that is said, and all stays.
    """
    try:
        with harvest_at_work(harvest) as ledger, ledger.transaction() as connection:
            for photo_id in photo_ids:
                _make_due(connection, photo_id)
    except HarvestError as error:
        say(f"{len(photo_ids)} pictures are not marked to be fetched again: {error}")
        return
    say(f"the next crawl of {harvest} fetches {len(photo_ids)} pictures again")


def _make_due(connection: sqlite3.Connection, photo_id: str) -> None:
    changed = connection.execute(
        "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, image_next_try = 0, "
        "image_sha256 = NULL, image_bytes = NULL, image_width = NULL, image_height = NULL "
        "WHERE photo_id = ? AND image_outcome = 'ok'",
        (photo_id,),
    ).rowcount
    if changed:
        connection.execute(
            "INSERT OR REPLACE INTO evidence VALUES (?, 'image', 'broken', 'build', NULL, NULL, "
            "?, 0)",
            (photo_id, now()),
        )
