"""One connection to the ledger's file for all threads of a process.

SQLite allows one writer at a time, and a commit waits for the disk. So a writer holds the
connection until its commit is done, and several records can share one commit.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from flickr_emotion.harvest.ledger.rows.schema import open_ledger_file


class LedgerConnection:
    """An open ledger file. All its methods but ``stream`` may be called from any thread."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the ledger at ``path`` for reading; with ``create``, open or create it for a crawl.

        Raises ``HarvestError`` if the file is missing, not a ledger, or of a newer version.
        """
        self.path = path
        self._lock = threading.RLock()
        self._connection = open_ledger_file(path, create=create)

    def close(self) -> None:
        """Close the file; all records are already in it."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the ledger for several statements that commit together or not at all.

        A nested transaction is part of the outer one, so the records of a batch share a commit.
        """
        with self._lock:
            within_another = self._connection.in_transaction
            if within_another:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has already rolled back.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """Hold the ledger for statements that cannot be part of a transaction."""
        with self._lock:
            yield self._connection

    def query(self, sql: str, parameters: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of one read-only statement."""
        with self._lock:
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def tuples(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one read-only statement as tuples, which are made in less time."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, tuple(parameters)).fetchall()

    def stream(self, sql: str) -> Iterator[sqlite3.Row]:
        """Yield rows without holding all in memory; only one thread may use the ledger then."""
        yield from self._connection.execute(sql)

    def meta(self, key: str) -> str | None:
        """Return a fact about the whole harvest, for example ``kind``."""
        rows = self.query("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0]["value"] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the whole harvest."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
