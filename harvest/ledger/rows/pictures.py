"""How pictures come into the ledger's rows, and leave them.

While a picture is fetched, the API may say that its photo is a video, or in a refresh that it is
not public any more. What comes after that does not count: the row keeps what the API said.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.evidence import (
    FETCH_ANEW,
    WITHDRAWN,
    forget,
    record_evidence,
)
from flickr_emotion.harvest.ledger.rows.outcomes import NO_VIDEO, quoted
from flickr_emotion.harvest.ledger.rows.schema import NO_PICTURE
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pictures.files import Picture


class RecordedPicture(NamedTuple):
    """What the ledger records of a picture that is on disk."""

    photo_id: str
    sha256: str
    size: int
    """Bytes."""


def store_picture(
    connection: sqlite3.Connection, photo_id: str, picture: Picture, *, refresh: bool
) -> bool:
    """Store what is recorded of a picture on disk; False where it may not stay there."""
    done = connection.execute(
        "UPDATE photos SET image_outcome = 'ok', image_next_try = NULL, image_error = NULL,"
        " image_sha256 = ?, image_bytes = ?, image_width = ?, image_height = ? "
        f"WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (picture.sha256, picture.size, picture.width, picture.height, photo_id),
    )
    if done.rowcount:
        forget(connection, photo_id, "image")
    else:
        _ask_no_more(connection, photo_id)
    return done.rowcount > 0


def store_presence(connection: sqlite3.Connection, photo_id: str, *, refresh: bool) -> None:
    """Store that a picture is there, which was not fetched."""
    done = connection.execute(
        "UPDATE photos SET image_attempts = 0, image_next_try = NULL, image_error = NULL, "
        "image_outcome = CASE WHEN image_sha256 IS NULL THEN 'pending' ELSE 'ok' END "
        f"WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (photo_id,),
    )
    if not done.rowcount:
        _ask_no_more(connection, photo_id)
        return
    connection.execute(
        "DELETE FROM evidence WHERE photo_id = ? AND what = 'image' "
        f"AND outcome NOT IN ({quoted(FETCH_ANEW)})",
        (photo_id,),
    )


def settle_picture(
    connection: sqlite3.Connection, photo_id: str, outcome: str, reason: str
) -> None:
    """Store an outcome after which a picture is not asked for again, and drop what was known."""
    drop_picture(connection, photo_id)
    connection.execute(
        "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_error = ? "
        "WHERE photo_id = ?",
        (outcome, reason, photo_id),
    )
    record_evidence(
        connection, photo_id, "image", None, sure=True, outcome=outcome, witness="picture"
    )


def drop_picture(connection: sqlite3.Connection, photo_id: str) -> None:
    """Drop what is known of a picture that is not on disk any more."""
    connection.execute(f"UPDATE photos SET {NO_PICTURE} WHERE photo_id = ?", (photo_id,))


def fetch_again(ledger: LedgerConnection, photo_ids: Iterable[str]) -> None:
    """Make pictures due that are recorded and not on disk as they should be, and forget them."""
    with ledger.transaction() as connection:
        connection.executemany(
            "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, image_next_try = 0, "
            f"{NO_PICTURE} WHERE photo_id = ? AND image_outcome = 'ok'",
            [(photo_id,) for photo_id in photo_ids],
        )


def replace_broken(ledger: LedgerConnection, photo_ids: Sequence[str]) -> None:
    """Make pictures due that are on disk and that a build could not use.

    Their files stay: without the evidence one would be taken for what a killed crawl has left.
    """
    with ledger.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO evidence SELECT photo_id, 'image', 'broken', 'build', NULL, "
            "NULL, ?, 0 FROM photos WHERE photo_id = ? AND image_outcome = 'ok'",
            [(now(), photo_id) for photo_id in photo_ids],
        )
        fetch_again(ledger, photo_ids)


def recorded_pictures(ledger: LedgerConnection) -> Iterator[RecordedPicture]:
    """Yield the pictures that should be on disk, folder by folder (the photo ids' last digits).

    One look at a folder is far cheaper than one at each file by its name.
    """
    rows = ledger.stream(
        "SELECT photo_id, image_sha256, image_bytes FROM photos WHERE image_outcome = 'ok' "
        "ORDER BY substr(photo_id, -3)"
    )
    for row in rows:
        yield RecordedPicture(*row)


def shared_pictures(
    ledger: LedgerConnection, *, most_bytes: int, photos: int, known: Sequence[str]
) -> list[str]:
    """Return the photos of small pictures that so many photos or more share.

    Of those with a SHA-256 in ``known``, fewer are enough. Pictures whose posts are all known and
    of one owner are left out.
    """
    marks = ",".join("?" * len(known))
    rows = ledger.query(
        "SELECT photo_id FROM photos WHERE image_outcome = 'ok' AND image_sha256 IN ("
        "SELECT image_sha256 FROM photos WHERE image_outcome = 'ok' AND image_bytes <= ? "
        f"GROUP BY image_sha256 HAVING (count(*) >= ? OR image_sha256 IN ({marks})) "
        "AND NOT (count(owner) = count(*) AND count(DISTINCT owner) = 1))",
        (most_bytes, photos, *known),
    )
    return [row["photo_id"] for row in rows]


def _may_be_shown(refresh: bool) -> str:
    return f"{NO_VIDEO} AND NOT ({WITHDRAWN})" if refresh else NO_VIDEO


def _ask_no_more(connection: sqlite3.Connection, photo_id: str) -> None:
    connection.execute("UPDATE photos SET image_next_try = NULL WHERE photo_id = ?", (photo_id,))
