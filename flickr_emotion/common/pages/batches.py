"""Yields the rows of a Parquet file in batches of few rows and few bytes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.pages.headers import DICTIONARY_PAGE
from flickr_emotion.common.pages.large_values import Spilled, chunk_pages

MOST_BYTES = 16 * 2**20
"""Bytes of a batch, and of a page that pyarrow reads; larger pages are read in pieces."""


def small_batches(
    source: Path | BinaryIO,
    file: pq.ParquetFile,
    columns: Sequence[str],
    *,
    most_rows: int,
    scratch: Path | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a file, at most ``most_rows`` rows and about 16 MB at a time.

    ``source`` is what ``file`` was opened from, with ``pre_buffer=False`` and a ``buffer_size``.
    Large pages are copied into a temporary file in the folder ``scratch``. Raises ``OSError`` and
    ``ArrowException`` as pyarrow does.
    """
    if isinstance(source, Path):
        with source.open("rb") as raw:
            yield from small_batches(raw, file, columns, most_rows=most_rows, scratch=scratch)
        return
    position = source.tell()
    for group in range(file.num_row_groups):
        column = _large_column(source, file, group, columns)
        if column is not None:
            with TemporaryFile(dir=scratch, buffering=1 << 20) as copied:
                spilled = Spilled(copied)
                # What cannot be read in pieces is read as a whole.
                with suppress(ValueError):
                    chunk = file.metadata.row_group(group).column(column)
                    level = file.schema.column(column).max_definition_level
                    spilled.spill(source, chunk, level)
                    yield from _joined(file, group, columns, column, spilled, most_rows)
                    continue
        rows = file.metadata.row_group(group).num_rows
        each = group_bytes(source, file, group, columns) / max(rows, 1)
        most = max(1, min(most_rows, int(MOST_BYTES / max(each, 1))))
        yield from file.iter_batches(
            most, row_groups=[group], columns=list(columns), use_threads=False
        )
    source.seek(position)


def _binary_columns(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the leaves that hold bytes: a column, or the field ``bytes`` of a struct."""
    for number in range(len(file.schema)):
        leaf = file.schema.column(number)
        name, _, field = leaf.path.partition(".")
        if name not in columns or leaf.physical_type != "BYTE_ARRAY" or leaf.max_repetition_level:
            continue
        kind = file.schema_arrow.field(name).type
        if pa.types.is_struct(kind) and field == "bytes":
            kind = kind.field("bytes").type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            yield number, name


def _large_column(
    source: BinaryIO, file: pq.ParquetFile, group: int, columns: Sequence[str]
) -> int | None:
    """Return the number of a leaf whose pages are too large for pyarrow."""
    for number, _ in _binary_columns(file, columns):
        chunk = file.metadata.row_group(group).column(number)
        if chunk.total_uncompressed_size <= MOST_BYTES:
            continue
        with suppress(ValueError):
            if any(page.uncompressed > MOST_BYTES for page in chunk_pages(source, chunk)):
                return number
    return None


def group_bytes(source: BinaryIO, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> int:
    """Return about how many bytes of memory the rows of a row group take.

    This may be far more than the file's own figure: an entry of a dictionary stands for many rows.
    """
    about = file.metadata.row_group(group)
    found: int = about.total_byte_size
    for number, _ in _binary_columns(file, columns):
        chunk = about.column(number)
        with suppress(ValueError):
            first = next(chunk_pages(source, chunk), None)
            if first and first.kind == DICTIONARY_PAGE:
                each = first.uncompressed // max(first.values, 1)
                found = max(found, each * int(about.num_rows))
    return found


def _joined(
    file: pq.ParquetFile,
    group: int,
    columns: Sequence[str],
    large: int,
    spilled: Spilled,
    most_rows: int,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a group with the values that were copied and the other columns."""
    leaf = file.schema.column(large).path
    name = leaf.partition(".")[0]
    others = [
        file.schema.column(number).path
        for number in range(len(file.schema))
        if (path := file.schema.column(number).path) != leaf and path.partition(".")[0] in columns
    ]
    schema = pa.schema([file.schema_arrow.field(column) for column in columns])
    rest = file.read_row_group(group, columns=others, use_threads=False) if others else None
    first = size = 0
    values: list[bytes | None] = []
    for row in range(len(spilled.places)):
        values.append(spilled.value(row))
        size += len(values[-1] or b"")
        if len(values) == most_rows or size >= MOST_BYTES or row + 1 == len(spilled.places):
            count = row + 1 - first
            beside = rest.slice(first, count) if rest is not None else None
            arrays = [_column(schema.field(column), name, values, beside) for column in columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            first, size, values = row + 1, 0, []


def _column(
    field: pa.Field, large: str, values: list[bytes | None], beside: pa.Table | None
) -> pa.Array:
    if field.name != large:
        assert beside is not None
        return beside.column(field.name).combine_chunks()
    if not pa.types.is_struct(field.type):
        return pa.array(values, field.type)
    fields: list[dict[str, Any] | None] = [{}] * len(values)
    if beside is not None and field.name in beside.column_names:
        fields = beside.column(field.name).to_pylist()
    held = [
        None if value is None and other is None else {**(other or {}), "bytes": value}
        for value, other in zip(values, fields, strict=True)
    ]
    return pa.array(held, field.type)
