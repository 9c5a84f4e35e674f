"""Tombstones in the ledger, and the removal of the rows that name a withdrawn post.

The row of a list that names the post stays as a rejected row without the photo's id, so that every
row of a list is accounted for. ``harvest.ledger.takedown`` decides what is removed and when.
"""

import re
import sqlite3
from collections.abc import Collection, Iterable

from flickr_emotion.common.takedown.tombstones import (
    OWNER,
    POST,
    WITHDRAWN,
    Tombstone,
    Tombstones,
    checked_tombstone,
    digest_of,
)
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection

_UNFINISHED = "takedown"
"""The key in ``meta`` of a takedown that has begun and not ended."""
_NUMBERS = re.compile(r"\d+")
_BY_PHOTO = ("photos", "evidence", "places", "withdrawals", "manifest_posts")


def tombstones_in(ledger: LedgerConnection) -> Tombstones:
    """Return the tombstones; an older ledger has none. Raises ``HarvestError``."""
    if not ledger.query("PRAGMA table_info(tombstones)"):
        return Tombstones()
    rows = ledger.query("SELECT digest, what, date, reason FROM tombstones")
    try:
        return Tombstones.of(checked_tombstone(dict(row)) for row in rows)
    except ValueError as error:
        raise HarvestError(
            f"the ledger {ledger.path} is refused: {error}; restore the folder from a backup"
        ) from None


def owners_withdrawn(connection: sqlite3.Connection) -> Tombstones:
    """Return the tombstones of owners, in a ledger that is open for a crawl."""
    rows = connection.execute(
        "SELECT digest, what, date, reason FROM tombstones WHERE what = ?", (OWNER,)
    )
    return Tombstones.of(Tombstone(**dict(row)) for row in rows)


def store_tombstones(connection: sqlite3.Connection, some: Iterable[Tombstone]) -> None:
    """Store tombstones that are not there yet; ``connection`` is in a transaction."""
    connection.executemany(
        "INSERT OR IGNORE INTO tombstones (digest, what, date, reason) VALUES (?, ?, ?, ?)",
        [(it.digest, it.what, it.date, it.reason) for it in some],
    )


def begin_takedown(connection: sqlite3.Connection) -> None:
    """Record that withdrawn posts are still to be removed."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, 'unfinished')", (_UNFINISHED,))


def end_takedown(ledger: LedgerConnection) -> None:
    """Record that nothing of a withdrawn post is left."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (_UNFINISHED,))


def takedown_is_unfinished(ledger: LedgerConnection) -> bool:
    """Whether withdrawn posts are still to be removed."""
    return ledger.meta(_UNFINISHED) is not None


def photos_named(ledger: LedgerConnection, tombstones: Tombstones) -> dict[str, Tombstone]:
    """Return the photos that tombstones name, by id, each with the tombstone of its post.

    A photo of a withdrawn owner that has no tombstone of its own gets one of the owner's date. The
    owner is the one in the API's answer, or in the URL of a page.
    """
    found: dict[str, Tombstone] = {}
    if not tombstones:
        return found
    known = tombstones.by_digest
    for (photo_id,) in ledger.stream("SELECT photo_id FROM photos"):
        if (digest := digest_of(POST, photo_id)) in known:
            found[photo_id] = known[digest]
    if any(it.what == OWNER for it in tombstones):
        for photo_id, *names in ledger.stream(
            "SELECT photo_id, owner, owner_name FROM photos "
            "WHERE owner IS NOT NULL OR owner_name IS NOT NULL"
        ):
            owners = (tombstones.of_owner(name) for name in names if name)
            if photo_id not in found and (of_owner := next(filter(None, owners), None)):
                found[photo_id] = of_owner.of_post(digest_of(POST, photo_id))
    return found


def remove_photos(connection: sqlite3.Connection, photo_ids: Collection[str]) -> None:
    """Remove every row that names these photos; the files of their pictures are removed before."""
    names = [(photo_id,) for photo_id in photo_ids]
    connection.executemany(
        f"INSERT INTO rejected SELECT DISTINCT file, row, '{WITHDRAWN}', '' FROM listed "
        "WHERE photo_id = ?",
        names,
    )
    connection.executemany("DELETE FROM listed WHERE photo_id = ?", names)
    for table in _BY_PHOTO:
        connection.executemany(f"DELETE FROM {table} WHERE photo_id = ?", names)
    # A page of a listing is stored with the ids at both of its ends.
    ids = [(int(photo_id),) for photo_id in photo_ids]
    connection.executemany("UPDATE windows SET newest_id = newest_id - 1 WHERE newest_id = ?", ids)
    connection.executemany("UPDATE windows SET oldest_id = oldest_id + 1 WHERE oldest_id = ?", ids)
    connection.execute("DELETE FROM windows WHERE oldest_id > newest_id")
    _remove_details(connection, photo_ids)


def _remove_details(connection: sqlite3.Connection, photo_ids: Collection[str]) -> None:
    """Remove the content of rejected rows and messages that name these photos."""
    ids = set(photo_ids)
    for table, column in (
        ("rejected", "detail"),
        ("photos", "api_error"),
        ("photos", "image_error"),
    ):
        rows = connection.execute(
            f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL AND {column} <> ''"
        )
        wrong = [(row[0],) for row in rows if not ids.isdisjoint(_NUMBERS.findall(row[1]))]
        connection.executemany(f"UPDATE {table} SET {column} = '' WHERE rowid = ?", wrong)


def compact(ledger: LedgerConnection) -> bool:
    """Write the ledger anew without free pages and without a log; return whether it is done.

    A deleted row stays readable in free pages, and in the write-ahead log, until they are written
    again. It is not done if another program is reading the ledger.
    """
    with ledger.alone() as connection:
        connection.execute("VACUUM")
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
