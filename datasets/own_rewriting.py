"""Files of one's own posts that cannot be read in parts, rewritten as Parquet files that can."""

import csv
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.errors import DatasetError
from datasets.own_rows import choose_columns, place_of, unreadable
from datasets.parquet_files import parquet_writer

_ROWS_AT_ONCE = 500


def rewrite_parquet(file: pq.ParquetFile, columns: list[str], out: Path) -> None:
    """Write some columns of a Parquet file with small row groups."""
    fields = [file.schema_arrow.field(name) for name in columns]
    with parquet_writer(out, pa.schema(fields)) as writer:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            writer.write_table(pa.table(batch.select(columns)), row_group_size=_ROWS_AT_ONCE)


def rewrite_csv(path: Path, out: Path) -> None:
    """Write the columns of a CSV as Parquet; an empty cell is one that is absent.

    Blank lines are no rows. Quotes are those of RFC 4180, and a cell may hold line breaks.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = (row for row in csv.reader(text, strict=True) if row)
            header = next(rows, [])
            columns = choose_columns(path, header)
            places = [header.index(name) for name in columns]
            schema = pa.schema(
                [pa.field(c, pa.int64() if c == "votes" else pa.string()) for c in columns]
            )
            with parquet_writer(out, schema) as writer:
                held: list[list[Any]] = []
                for number, row in enumerate(rows):
                    held.append(_cells(row, header, places, place_of(path, number)))
                    if len(held) == _ROWS_AT_ONCE:
                        writer.write_table(_table(held, schema))
                        held = []
                if held:
                    writer.write_table(_table(held, schema))
    except (OSError, csv.Error, UnicodeError) as error:
        raise unreadable(path, error) from None


def _cells(row: list[str], header: list[str], places: list[int], where: str) -> list[Any]:
    if len(row) != len(header):
        raise DatasetError(
            f"{where} has {len(row)} cells and the header {len(header)}: put cells that hold "
            "commas or quotes in quotes"
        )
    cells: list[Any] = [row[place] or None for place in places]
    for index, place in enumerate(places):
        if header[place] == "votes" and cells[index] is not None:
            votes = row[place].strip()
            if votes and not (votes.isascii() and votes.isdigit() and len(votes) < 18):
                raise DatasetError(
                    f"{where}: votes are {votes[:50]!r}: give a whole number from 0, or none"
                )
            cells[index] = int(votes) if votes else None
    return cells


def _table(rows: list[list[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )
