"""Files of one's own posts that cannot be read in parts, rewritten as Parquet files that can."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.errors import DatasetError
from datasets.own_rows import choose_columns, place_of, unreadable

_ROWS_AT_ONCE = 500
_LONGEST_CELL = 2**20
"""Characters of a cell. A quote that is not closed makes one of all that follows."""
_LONGEST_LINE = 2**23


def rewrite_parquet(file: pq.ParquetFile, columns: list[str], out: Path) -> None:
    """Write some columns of a Parquet file with small row groups."""
    fields = [file.schema_arrow.field(name) for name in columns]
    with pq.ParquetWriter(out, pa.schema(fields), compression="zstd") as writer:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            writer.write_table(pa.table(batch.select(columns)), row_group_size=_ROWS_AT_ONCE)


def rewrite_csv(path: Path, out: Path) -> None:
    """Write the columns of a CSV as Parquet; an empty cell is one that is absent.

    Blank lines are no rows. Quotes are those of RFC 4180, and a cell may hold line breaks.
    """
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(_lines(text), strict=True)
            rows = (row for row in reader if row)
            header = next(rows, [])
            columns = choose_columns(path, header)
            places = [header.index(name) for name in columns]
            schema = pa.schema(
                [pa.field(c, pa.int64() if c == "votes" else pa.string()) for c in columns]
            )
            with pq.ParquetWriter(out, schema, compression="zstd") as writer:
                held: list[list[Any]] = []
                for number, row in enumerate(rows):
                    held.append(_cells(row, header, places, place_of(path, number)))
                    if len(held) == _ROWS_AT_ONCE:
                        writer.write_table(_table(held, schema))
                        held = []
                if held:
                    writer.write_table(_table(held, schema))
    except csv.Error as error:
        raise DatasetError(
            f"{path}, line {reader.line_num}, cannot be read ({error}): a quote that is not closed "
            "looks like that; give a CSV file with quotes around cells that hold commas or quotes"
        ) from None
    except (OSError, UnicodeError) as error:
        raise unreadable(path, error) from None


def _lines(text: TextIO) -> Iterator[str]:
    """Yield the lines of a CSV with their ends, none of them longer than memory allows."""
    while line := text.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise csv.Error(f"a line is longer than {_LONGEST_LINE:,} characters")
        yield line


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
