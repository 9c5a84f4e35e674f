"""Check a ledger before its rows are used: it may be damaged or come from an untrusted source.

SQLite stores any value in any column: a text instead of a number, a path instead of a photo id, a
blob of a gigabyte. Such a row would end a crawl or a build in the middle, or make it write outside
the harvest folder. The expected tables, columns and types are those of the ledger's schema;
``_RULES`` has further conditions for their values.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from flickr_emotion.common.cores import usable_cores
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.names import LONGEST_NAME
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.tombstones import OWNER, POST
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.facts import LARGEST, LONGEST_TEXT, is_good
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.outcomes import API_OUTCOMES, IMAGE_OUTCOMES
from flickr_emotion.harvest.ledger.rows.schema import VERSION, open_ledger_file
from flickr_emotion.harvest.preferences.headers import LONGEST_RECORD

_MOST_VOTES = 10_000
_MOST_ATTEMPTS = 10**6
_SHOWN_FAULTS = 10
_ROWS_PER_PART = 50_000
"""Fewer photos are not worth a second thread."""

_OF_POSTS = ("photos", "listed", "manifest_posts")

_TYPES = {"TEXT": "'text'", "INTEGER": "'integer'", "REAL": "'real', 'integer'"}


def _one_of(values: tuple[str, ...]) -> str:
    return f"{{0}} IN ({', '.join(repr(value) for value in values)})"


def _made_of(characters: str, longest: int) -> str:
    # Three times as fast as a pattern, which counts for millions of values.
    return f"length({{0}}) BETWEEN 1 AND {longest} AND ltrim({{0}}, '{characters}') = ''"


_DIGITS = "0123456789"
_PHOTO_ID = "{0} GLOB '[1-9]*' AND " + _made_of(_DIGITS, 19)
_NAME = f"length({{0}}) BETWEEN 1 AND {LONGEST_NAME}"
_VOTES = f"{{0}} BETWEEN 0 AND {_MOST_VOTES}"
_SENTIMENT = "{0} BETWEEN -2 AND 2"
_RULES = {
    "photo_id": _PHOTO_ID,
    "server": _made_of(_DIGITS, 9),
    "farm": _made_of(_DIGITS, 9),
    "secret": _made_of(f"{_DIGITS}abcdef", 20),
    "file_secret": "{0} = '' OR " + _made_of(f"{_DIGITS}abcdef", 20),
    "api_outcome": _one_of(API_OUTCOMES),
    "image_outcome": _one_of(IMAGE_OUTCOMES),
    "api_attempts": f"{{0}} BETWEEN 0 AND {_MOST_ATTEMPTS}",
    "image_attempts": f"{{0}} BETWEEN 0 AND {_MOST_ATTEMPTS}",
    "image_sha256": "length({0}) = 64 AND " + _made_of(f"{_DIGITS}abcdef", 64),
    "emotion": _NAME,
    "pair": _NAME,
    "label": _NAME,
    "agree": _VOTES,
    "disagree": _VOTES,
    "votes": _VOTES,
    "sentiment": _SENTIMENT,
    "split": _one_of(SPLITS),
    "modalities": _one_of(SUBSETS),
    "what": _one_of(("api", "image", POST, OWNER)),
    "safety_level": _made_of(_DIGITS, 1),
    "usage": "length({0}) <= 200",
    "image_headers": f"length({{0}}) <= {LONGEST_RECORD}",
}
"""The condition for the values of a column, in all tables that have it."""


class _Column(NamedTuple):
    name: str
    type: str
    nullable: bool
    key: bool

    def rule(self) -> str:
        """Return the SQL condition for every value of the column; it is never null."""
        good = f"typeof({self.name}) IN ({_TYPES[self.type]}) AND "
        if self.name in _RULES:
            good += f"({_RULES[self.name].format(self.name)})"
        elif self.type == "TEXT":
            good += f"length({self.name}) <= {LONGEST_TEXT}"
        elif self.type == "REAL":
            good += f"{self.name} BETWEEN -{LARGEST} AND {LARGEST}"
        else:
            good += "1"
        if self.nullable:
            return f"({self.name} IS NULL OR ({good}))"
        return f"ifnull({good}, 0)"


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[_Column, ...]]:
    """Return the columns of a new ledger's tables."""
    connection = open_ledger_file(Path(":memory:"), create=True)
    names = [
        row["name"]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    tables = {
        name: tuple(
            _Column(row["name"], row["type"], not row["notnull"] and not row["pk"], row["pk"] > 0)
            for row in connection.execute(f"PRAGMA table_info({name})")
        )
        for name in names
    }
    connection.close()
    return tables


def check_ledger(ledger: Ledger) -> None:
    """Check a ledger's tables, facts and outcomes, but not its rows; raises ``HarvestError``."""
    try:
        _check_tables(ledger)
        for row in ledger.query("SELECT key, value FROM meta LIMIT 10000"):
            if not is_good(row["key"], row["value"]):
                raise refused(ledger.path, f"its {shown(row['key'])} is {shown(row['value'])}")
        for what, known in (("api", API_OUTCOMES), ("image", IMAGE_OUTCOMES)):
            for row in ledger.query(f"SELECT DISTINCT {what}_outcome AS outcome FROM photos"):
                if row["outcome"] not in known:
                    raise refused(ledger.path, f"a photo's outcome is {shown(row['outcome'])}")
    except sqlite3.Error as error:
        raise refused(ledger.path, f"it cannot be read ({error})") from None


def check_rows(ledger: Ledger, *, posts: bool = True) -> None:
    """Check every row of a ledger before it is used; raises ``HarvestError``.

    A million photos take seconds, on several cores, which each check a part of them. Without
    ``posts``, the photos and the rows of lists that name them are left to ``check_posts``.
    """
    check_ledger(ledger)
    try:
        parts = [
            (table, columns, rows)
            for table, columns in _known_tables(ledger)
            if posts or table not in _OF_POSTS
            for rows in _parts(ledger, table)
        ]

        def wrong_row(part: tuple[str, list[_Column], str]) -> str | None:
            with LedgerConnection(ledger.path) as connection:
                return _wrong_row(connection, *part)

        with ThreadPoolExecutor(usable_cores()) as threads:
            for why in filter(None, threads.map(wrong_row, parts)):
                raise refused(ledger.path, why)
    except sqlite3.Error as error:
        raise refused(ledger.path, f"it cannot be read ({error})") from None


def check_posts(ledger: Ledger, photo_ids: Sequence[Any]) -> None:
    """Check the rows of these photos, and of the lists that name them, as ``check_rows`` does.

    ``photo_ids``: as they were read from the ledger, of any type.
    """
    if not photo_ids:
        return
    named = f"photo_id IN ({', '.join('?' * len(photo_ids))})"
    for table, columns in _known_tables(ledger):
        if table in _OF_POSTS and (why := _wrong_row(ledger, table, columns, named, photo_ids)):
            raise refused(ledger.path, why)


def _parts(ledger: Ledger, table: str) -> list[str]:
    """Return the conditions for the rows of each part of a table."""
    if table != "photos":
        return ["1"]
    last = ledger.query("SELECT ifnull(max(rowid), 0) FROM photos")[0][0]
    size = max(_ROWS_PER_PART, -(-last // usable_cores()))
    bounds = range(size, last, size)
    # The first and the last part have no bound: a stranger's rows may have any number.
    after = ["1", *(f"rowid > {bound}" for bound in bounds)]
    upto = [*(f"rowid <= {bound}" for bound in bounds), "1"]
    return [" AND ".join(both) for both in zip(after, upto, strict=True)]


def _wrong_row(
    ledger: LedgerConnection,
    table: str,
    columns: list[_Column],
    rows: str,
    values: Sequence[Any] = (),
) -> str | None:
    """Return what is wrong with the first wrong row of a part of a table, if any is.

    ``rows``: the condition for the part, in which ``values`` stand for the question marks.
    """
    key = " || ':' || ".join(column.name for column in columns if column.key) or "rowid"
    names = " ".join(f"WHEN NOT {it.rule()} THEN '{it.name}'" for it in columns)
    rules = " AND ".join(column.rule() for column in columns)
    wrong = ledger.query(
        f"SELECT substr({key}, 1, 60) AS place, CASE {names} END AS name FROM {table} "
        f"WHERE {rows} AND NOT ({rules}) LIMIT 1",
        values,
    )
    for row in wrong:
        return f"its {row['name']} in table {table}, row {shown(row['place'])} is invalid"
    return None


def ledger_faults(ledger: Ledger) -> list[str]:
    """Return the faults that SQLite finds in a ledger, one per line; none if it is intact.

    It finds a broken structure, but not a changed letter in a text: SQLite has no checksums.
    """
    try:
        found = [str(row[0]) for row in ledger.query(f"PRAGMA integrity_check({_SHOWN_FAULTS})")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    return [" ".join(fault.split()) for fault in found if fault != "ok"]


def _known_tables(ledger: Ledger) -> Iterator[tuple[str, list[_Column]]]:
    """Yield the tables that the ledger has; older versions have fewer."""
    for table, columns in _tables().items():
        there = {row["name"] for row in ledger.query(f"PRAGMA table_info({table})")}
        if there:
            yield table, [column for column in columns if column.name in there]


def _check_tables(ledger: Ledger) -> None:
    kinds = {
        row["name"]: row["type"] for row in ledger.query("SELECT name, type FROM sqlite_master")
    }
    for name, kind in kinds.items():
        if kind in ("view", "trigger"):
            raise refused(ledger.path, f"it contains a {kind} {shown(name)}")
    version = ledger.query("PRAGMA user_version")[0][0]
    if version < VERSION:
        return  # A crawl adds the missing tables when it opens the ledger.
    for table, columns in _tables().items():
        there = {row["name"] for row in ledger.query(f"PRAGMA table_info({table})")}
        for column in columns:
            if column.name not in there:
                raise refused(ledger.path, f"its table {table} lacks {column.name}")


def shown(value: object) -> str:
    """Return a value of a ledger as a message may show it."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def refused(path: Path, why: str) -> HarvestError:
    """Return the error for a ledger that no crawl has written so."""
    return HarvestError(
        f"the ledger {path} is refused: {why}, which no crawl writes; restore the folder from a "
        "backup, or ask its sender for another copy"
    )
