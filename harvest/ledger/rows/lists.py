"""Published lists in the ledger: their files, their rows, and VSO's pairs.

The rows of a file are replaced as a whole. Photos that they name are added to ``photos`` if they
are not there; the posts and pictures of others are kept, whatever the lists say.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.references import add_references
from flickr_emotion.harvest.ledger.rows.tombstones import tombstones_in

_ROWS_AT_ONCE = 10_000


class ListFileRecord(NamedTuple):
    """A file of a list that is in the ledger."""

    name: str
    digest: str


class ListedRow(NamedTuple):
    """A row of a list that names a photo."""

    row: int
    reference: PhotoReference
    owner: str | None
    """The owner's user name, or the owner in the URL of a page."""
    emotion: str | None
    """The emotion or label."""
    agree: int | None
    disagree: int | None
    pair: str | None


class RejectedRow(NamedTuple):
    """A row of a list, or a whole file, that names no photo."""

    file: str
    row: int | None
    """None if it is a whole file."""
    reason: str
    detail: str

    @property
    def source(self) -> str:
        """The position of the row: file and row number."""
        return self.file if self.row is None else f"{self.file}:{self.row}"


class Pair(NamedTuple):
    """A pair of VSO's ontology."""

    pair: str
    sentiment: float
    search_count: int | None
    """How many pictures a search found when the ontology was made."""


# Storing.


def store_pairs(ledger: LedgerConnection, pairs: Iterable[Pair]) -> None:
    """Store pairs, and replace those of the same name."""
    with ledger.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO pairs (pair, sentiment, search_count) VALUES (?, ?, ?)", pairs
        )


def store_list_file(
    ledger: LedgerConnection, file: ListFileRecord, rows: Iterable[ListedRow | RejectedRow]
) -> None:
    """Store a file's rows, and replace those of an earlier file of the same name.

    A row that names a withdrawn post is stored as rejected, without the photo. If ``rows`` raises,
    nothing is stored.
    """
    numbers, withdrawn = _Parts(), tombstones_in(ledger)
    with ledger.transaction() as connection:
        for table in ("listed", "rejected"):
            connection.execute(f"DELETE FROM {table} WHERE file = ?", (file.name,))
        remaining = (_unless_withdrawn(row, file.name, withdrawn) for row in rows)
        while some := list(islice(remaining, _ROWS_AT_ONCE)):
            _store_rows(connection, file.name, numbers, some)
        connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", file)


def _unless_withdrawn(
    row: ListedRow | RejectedRow, file: str, withdrawn: Tombstones
) -> ListedRow | RejectedRow:
    if isinstance(row, ListedRow) and withdrawn.name(row.reference.photo_id, row.owner):
        return RejectedRow(file, row.row, WITHDRAWN, "")
    return row


class _Parts:
    """Numbers the rows of the ledger that come from one row of a list."""

    def __init__(self) -> None:
        self._row = self._part = -1

    def of(self, row: int) -> int:
        self._part = self._part + 1 if row == self._row else 0
        self._row = row
        return self._part


def _store_rows(
    connection: sqlite3.Connection,
    file: str,
    numbers: _Parts,
    some: list[ListedRow | RejectedRow],
) -> None:
    rows = [row for row in some if isinstance(row, ListedRow)]
    # Without server or secret, the picture is only due after the API's answer.
    connection.executemany(
        "INSERT OR IGNORE INTO photos (photo_id, server, farm, secret, owner_name, "
        "image_next_try) VALUES (?, ?, ?, ?, ?, ?)",
        map(_photo, rows),
    )
    add_references(connection, (row.reference for row in rows))
    connection.executemany(
        "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(file, row.row, numbers.of(row.row), row.reference.photo_id),
                *(row.emotion, row.agree, row.disagree, row.pair),
            )
            for row in rows
        ),
    )
    connection.executemany(
        "INSERT INTO rejected VALUES (?, ?, ?, ?)",
        (row for row in some if isinstance(row, RejectedRow)),
    )


def store_unreadable_file(ledger: LedgerConnection, name: str, detail: str) -> None:
    """Store that a file cannot be read, and replace its earlier rejected rows."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM rejected WHERE file = ?", (name,))
        connection.execute("INSERT INTO rejected VALUES (?, NULL, 'malformed', ?)", (name, detail))


def _photo(
    row: ListedRow,
) -> tuple[str, str | None, str | None, str | None, str | None, float | None]:
    reference = row.reference
    placed = reference.server is not None and reference.secret is not None
    return (
        *(reference.photo_id, reference.server, reference.farm, reference.secret, row.owner),
        0.0 if placed else None,
    )


# Reading.


def list_files(ledger: LedgerConnection) -> list[ListFileRecord]:
    """Return the files of the lists, or the manifest, by name."""
    rows = ledger.query("SELECT name, digest FROM files ORDER BY name")
    return [ListFileRecord(*row) for row in rows]


def listed_photos(ledger: LedgerConnection) -> int:
    """Return the number of different photos that the lists name."""
    return int(ledger.query("SELECT count(DISTINCT photo_id) AS n FROM listed")[0]["n"])


def listed_photo_ids(ledger: LedgerConnection) -> Iterator[str]:
    """Yield the ids of the photos that the lists name."""
    for row in ledger.stream("SELECT DISTINCT photo_id FROM listed"):
        yield row["photo_id"]


def rejected_count(ledger: LedgerConnection) -> int:
    """Return the number of rows that name no photo; rows of withdrawn posts do not count."""
    rows = ledger.query(f"SELECT count(*) AS n FROM rejected WHERE reason <> '{WITHDRAWN}'")
    return int(rows[0]["n"])


def first_rejected(ledger: LedgerConnection, count: int) -> list[RejectedRow]:
    """Return the first rows that name no photo, in the order of files and rows."""
    rows = ledger.query(
        f"SELECT file, row, reason, detail FROM rejected WHERE reason <> '{WITHDRAWN}' "
        "ORDER BY file, row LIMIT ?",
        (count,),
    )
    return [RejectedRow(*row) for row in rows]


def rejected_rows(ledger: LedgerConnection) -> Iterator[RejectedRow]:
    """Yield all rows without a photo, those of withdrawn posts too, in order."""
    for row in ledger.stream("SELECT file, row, reason, detail FROM rejected ORDER BY file, row"):
        yield RejectedRow(*row)


def pair_sentiments(ledger: LedgerConnection) -> dict[str, float]:
    """Return the sentiment of each pair of the ontology."""
    rows = ledger.query("SELECT pair, sentiment FROM pairs")
    return {row["pair"]: row["sentiment"] for row in rows}


def search_counts(ledger: LedgerConnection) -> dict[str, int]:
    """Return how many pictures a search for each pair found when VSO's ontology was made."""
    rows = ledger.query("SELECT pair, search_count FROM pairs WHERE search_count > 0")
    return {row["pair"]: row["search_count"] for row in rows}
