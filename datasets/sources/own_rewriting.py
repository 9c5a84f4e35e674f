"""Rewrites files of the user's own posts as Parquet files that can be read in small parts."""

from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.pages.batches import small_batches
from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.csv_rows import csv_rows
from flickr_emotion.datasets.sources.own_rows import choose_columns, place_of, unreadable

_ROWS_PER_GROUP = 500


def rewrite_parquet(path: Path, file: pq.ParquetFile, columns: list[str], out: Path) -> None:
    """Write some columns of a Parquet file, opened as ``file``, with small row groups."""
    fields = [file.schema_arrow.field(name) for name in columns]
    with parquet_writer(out, pa.schema(fields), compression="lz4", use_dictionary=False) as writer:
        for batch in small_batches(
            path, file, columns, most_rows=_ROWS_PER_GROUP, scratch=out.parent
        ):
            writer.write_table(pa.table(batch.select(columns)), row_group_size=_ROWS_PER_GROUP)


def rewrite_csv(path: Path, out: Path) -> None:
    """Write the columns of a CSV as Parquet."""
    columns: list[str] = []

    def choose(header: list[str]) -> list[str]:
        columns.extend(choose_columns(path, header))
        return columns

    try:
        rows = csv_rows(path, choose)
        first = next(rows, None)
        schema = pa.schema(
            [pa.field(c, pa.int64() if c == "votes" else pa.string()) for c in columns]
        )
        with parquet_writer(out, schema) as writer:
            held: list[list[Any]] = []
            for number, row in enumerate(chain([first] if first else [], rows)):
                held.append(_cells(row, place_of(path, number)))
                if len(held) == _ROWS_PER_GROUP:
                    writer.write_table(_table(held, schema))
                    held = []
            if held:
                writer.write_table(_table(held, schema))
    except (OSError, UnicodeError) as error:
        raise unreadable(path, error) from None


def _cells(row: dict[str, str | None], where: str) -> list[Any]:
    return [
        _votes(cell, where) if name == "votes" and cell is not None else cell
        for name, cell in row.items()
    ]


def _votes(cell: str, where: str) -> int | None:
    votes = cell.strip()
    if votes and not (votes.isascii() and votes.isdigit() and len(votes) < 18):
        raise DatasetError(
            f"{where}: votes are {votes[:50]!r}: give a whole number from 0, or an empty cell"
        )
    return int(votes) if votes else None


def _table(rows: list[list[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )
