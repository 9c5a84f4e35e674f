"""A published list goes into the ledger: its photos, votes and pairs, and the rows that name none.

A file that is in the ledger already is skipped by its digest; one that was edited since replaces
what it said before. Outcomes are never touched: what was won stays.
"""

import hashlib
import sqlite3
from pathlib import Path

from harvest.errors import HarvestError
from harvest.ledger import Ledger
from harvest.sources.rows import ListedPhoto, ListFile, PublishedList, RejectedRow


def add_list(ledger: Ledger, published: PublishedList) -> list[str]:
    """Put a list into the ledger; return a line (file, row, why) for each row that names no photo.

    Raises ``HarvestError`` where the harvest holds a list of another kind.
    """
    kind = ledger.meta("kind")
    if kind not in (None, published.kind):
        raise HarvestError(
            f"{ledger.path} holds a list of {kind}, this one is of {published.kind}: "
            "give it a harvest folder of its own (--out)"
        )
    ledger.set_meta("kind", published.kind)
    with ledger.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO pairs VALUES (?, ?)", published.pair_sentiments.items()
        )
    known = {row["name"]: row["digest"] for row in ledger.query("SELECT * FROM files")}
    for file in published.files:
        digest = _digest(file.path)
        if known.get(file.name) != digest:
            with ledger.transaction() as connection:
                _replace(connection, file, digest)
    rows = ledger.query("SELECT * FROM rejected ORDER BY file, row")
    return [f"{row['file']}:{row['row'] or ''} {row['reason']}: {row['detail']}" for row in rows]


def _replace(connection: sqlite3.Connection, file: ListFile, digest: str) -> None:
    for table in ("listed", "rejected"):
        connection.execute(f"DELETE FROM {table} WHERE file = ?", (file.name,))
    photos, listed = [], []
    for row in file.rows():
        if isinstance(row, RejectedRow):
            connection.execute(
                "INSERT INTO rejected VALUES (?, ?, ?, ?)",
                (file.name, row.row, row.reason, row.detail),
            )
        else:
            photos.append(_photo(row))
            listed.append(
                (
                    *(file.name, row.row, row.reference.photo_id),
                    *(row.emotion, row.agree, row.disagree, row.pair),
                )
            )
    # Without server or secret the picture waits for the API's answer.
    connection.executemany(
        "INSERT OR IGNORE INTO photos (photo_id, server, farm, secret, image_next_try) "
        "VALUES (?, ?, ?, ?, ?)",
        photos,
    )
    connection.executemany("INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?)", listed)
    connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (file.name, digest))


def _photo(row: ListedPhoto) -> tuple[str, str | None, str | None, str | None, float | None]:
    reference = row.reference
    placed = reference.server is not None and reference.secret is not None
    return (
        *(reference.photo_id, reference.server, reference.farm, reference.secret),
        0.0 if placed else None,
    )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"
