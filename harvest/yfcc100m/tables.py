"""YFCC100M's metadata in tables with named columns: Parquet and SQLite.

Both can be searched by photo id alone, without reading the texts of a hundred million rows.
"""

import sqlite3
from collections.abc import Iterator, Set
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flickr_emotion.harvest.yfcc100m.rows import (
    NEEDED,
    UNREADABLE,
    Row,
    Tick,
    needed_columns,
    no_metadata,
    unreadable,
)

_LONGEST_ROW = 2**24  # Bytes.


class ParquetFile:
    """Parquet with named columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (*UNREADABLE, pa.ArrowException) as error:
            raise unreadable(path, error) from None
        self._names = _all_needed(path, self._file.schema_arrow.names)
        self._id_type = self._file.schema_arrow.field(self._names["photoid"]).type
        if pa.types.is_float16(self._id_type) or pa.types.is_float32(self._id_type):
            raise no_metadata(path, f"its photo ids are {self._id_type}, which rounds them")

    def _as_stored(self, wanted: Set[str]) -> Any:
        """Return the ids in a type in which they equal those of the file.

        A data frame makes the ids floating-point numbers if one is missing, and as text those have
        an exponent. 64 bits hold ids of up to 15 digits exactly.
        """
        if pa.types.is_floating(self._id_type):
            return pa.array([float(it) for it in wanted], pa.float64())
        if pa.types.is_decimal(self._id_type):
            whole = pa.decimal128(38, self._id_type.scale)
            return pc.cast(pa.array(wanted, pa.string()), whole)
        return pa.array(wanted, pa.string())

    def rows(self, wanted: Set[str], tick: Tick) -> Iterator[Row | None]:
        try:
            ids = self._as_stored(wanted)
            for group in range(self._file.num_row_groups):
                yield from self._group(group, ids)
                tick(self._file.metadata.row_group(group).num_rows)
        except (*UNREADABLE, pa.ArrowException) as error:
            raise unreadable(self._path, error) from None

    def _group(self, group: int, wanted_ids: Any) -> Iterator[Row | None]:
        name = self._names["photoid"]
        ids = self._file.read_row_group(group, columns=[name]).column(name)
        yield from [None] * pc.sum(pc.is_null(ids, nan_is_null=True)).as_py()
        hits = pc.is_in(pc.cast(ids, wanted_ids.type), value_set=wanted_ids)
        if not pc.any(hits).as_py():
            return
        start = 0
        columns = list(self._names.values())
        for batch in self._file.iter_batches(row_groups=[group], columns=columns):
            found = batch.filter(hits.slice(start, batch.num_rows).combine_chunks())
            start += batch.num_rows
            for row in found.to_pylist():
                yield {column: row[own] for column, own in self._names.items()}


class SqliteFile:
    """SQLite with named columns in one table, ``yfcc100m_dataset`` in the best-known copy."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found: list[str] = []
        try:
            with self._connect() as connection:
                tables = connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
                ).fetchall()
                for (self._table,) in tables:
                    info = connection.execute(
                        f"PRAGMA table_info({_quoted(self._table)})"
                    ).fetchall()
                    self._types = {name: kind for _, name, kind, *_ in info}
                    found = list(self._types)
                    if len(needed_columns(found)) == len(NEEDED):
                        break
        except sqlite3.Error as error:
            raise unreadable(path, error) from None
        self._names = _all_needed(path, found)

    def rows(self, wanted: Set[str], tick: Tick) -> Iterator[Row | None]:
        columns = ", ".join(f"t.{_quoted(self._names[column])}" for column in NEEDED)
        table, photo_id = _quoted(self._table), f"t.{_quoted(self._names['photoid'])}"
        by_index = (
            f"SELECT {columns} FROM wanted CROSS JOIN {table} AS t ON {photo_id} = wanted.photo_id"
        )
        by_scan = (
            # As text, a floating-point number would have an exponent.
            f"SELECT {columns} FROM {table} AS t WHERE CAST(CASE typeof({photo_id}) WHEN 'real' "
            f"THEN CAST({photo_id} AS INTEGER) ELSE {photo_id} END AS TEXT) IN "
            "(SELECT photo_id FROM wanted)"
        )
        try:
            with self._connect() as connection:
                connection.execute("PRAGMA temp_store = MEMORY")
                connection.execute(
                    "CREATE TEMP TABLE wanted (photo_id TEXT PRIMARY KEY) WITHOUT ROWID"
                )
                connection.executemany("INSERT INTO wanted VALUES (?)", ((i,) for i in wanted))
                plan = connection.execute(f"EXPLAIN QUERY PLAN {by_index}").fetchall()
                # Ids only match through the index if the column has a type to convert them to.
                indexed = self._types[self._names["photoid"]] and any(
                    "SEARCH t" in step[-1] for step in plan
                )
                for number, row in enumerate(connection.execute(by_index if indexed else by_scan)):
                    yield dict(zip(NEEDED, row, strict=True))
                    if number % 1000 == 999:
                        tick(1000)
        except sqlite3.Error as error:
            raise unreadable(self._path, error) from None

    def _connect(self) -> AbstractContextManager[sqlite3.Connection]:
        connection = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)
        # SQLite reads a value as a whole, so refuse values of a gigabyte.
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_ROW)
        connection.text_factory = lambda text: text.decode("utf-8", errors="replace")
        return closing(connection)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _all_needed(path: Path, names: list[str]) -> dict[str, str]:
    found = needed_columns(names)
    if absent := [column for column in NEEDED if column not in found]:
        raise no_metadata(path, f"no column {absent[0]}")
    return found
