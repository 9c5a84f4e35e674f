"""Record pictures in the ledger, and remove them from it.

While a picture is fetched, the API may say that its photo is a video, or in a refresh that it is no
longer public. Then the result of the fetch is ignored, and the row keeps the API's answer.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.evidence import WITHDRAWN, forget, record_evidence
from flickr_emotion.harvest.ledger.rows.outcomes import NO_VIDEO
from flickr_emotion.harvest.ledger.rows.schema import NO_PICTURE
from flickr_emotion.harvest.pictures.files import Picture


class RecordedPicture(NamedTuple):
    """What the ledger records about a picture on disk."""

    photo_id: str
    sha256: str
    size: int
    """Bytes."""


def store_picture(
    connection: sqlite3.Connection,
    photo_id: str,
    picture: Picture,
    *,
    refresh: bool,
    headers: str | None,
) -> bool:
    """Store the record of a picture on disk; return False if it may not stay there."""
    done = connection.execute(
        "UPDATE photos SET image_outcome = 'ok', image_next_try = NULL, image_error = NULL,"
        " image_sha256 = ?, image_bytes = ?, image_width = ?, image_height = ?, file_secret = NULL,"
        f" image_headers = ? WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (picture.sha256, picture.size, picture.width, picture.height, headers, photo_id),
    )
    if done.rowcount:
        forget(connection, photo_id, "image")
    else:
        _ask_no_more(connection, photo_id)
    return done.rowcount > 0


def store_presence(
    connection: sqlite3.Connection, photo_id: str, *, refresh: bool, headers: str | None
) -> None:
    """Store that a picture exists, without having fetched it."""
    done = connection.execute(
        "UPDATE photos SET image_attempts = 0, image_next_try = NULL, image_error = NULL, "
        "image_outcome = CASE WHEN image_sha256 IS NULL THEN 'pending' ELSE 'ok' END, "
        f"image_headers = ? WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (headers, photo_id),
    )
    if not done.rowcount:
        _ask_no_more(connection, photo_id)
        return
    forget(connection, photo_id, "image")


def settle_picture(
    connection: sqlite3.Connection, photo_id: str, outcome: str, reason: str
) -> None:
    """Store a final outcome of a picture, and drop its record."""
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
    """Drop the record of a picture that is no longer on disk."""
    connection.execute(f"UPDATE photos SET {NO_PICTURE} WHERE photo_id = ?", (photo_id,))


def fetch_again(ledger: LedgerConnection, photo_ids: Iterable[str]) -> None:
    """Drop the records of pictures that are not on disk as recorded, and make them due."""
    with ledger.transaction() as connection:
        connection.executemany(
            "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, image_next_try = 0, "
            f"{NO_PICTURE} WHERE photo_id = ? AND image_outcome = 'ok'",
            [(photo_id,) for photo_id in photo_ids],
        )


def replace_broken(ledger: LedgerConnection, photo_ids: Sequence[str]) -> None:
    """Make pictures on disk due that a build could not use.

    Their files are kept. ``file_secret`` says that they are of no use; without it, the next crawl
    would take a file for one that a killed crawl left, and record it as it is.
    """
    with ledger.transaction() as connection:
        recorded = "SELECT 1 FROM photos WHERE photo_id = ? AND image_outcome = 'ok'"
        broken = [it for it in photo_ids if connection.execute(recorded, (it,)).fetchone()]
        fetch_again(ledger, broken)
        connection.executemany(
            "UPDATE photos SET file_secret = '' WHERE photo_id = ?",
            [(photo_id,) for photo_id in broken],
        )


def recorded_pictures(ledger: LedgerConnection) -> Iterator[RecordedPicture]:
    """Yield the pictures that should be on disk, folder by folder (the photo ids' last digits).

    Listing a folder is far cheaper than looking up each of its files by name.
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
    """Return the photos of small pictures that at least ``photos`` photos share.

    If the SHA-256 is in ``known``, fewer photos are enough. Pictures whose posts are all known and
    have the same owner are left out.
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
