"""Reads posts and writes answers as Parquet or CSV, in batches.

A file may therefore hold any number of posts. An output gets its name only when it is complete.
"""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.parquet_files import open_parquet, parquet_writer
from flickr_emotion.common.replacing import new_file
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.sources.columns import check_types
from flickr_emotion.datasets.sources.csv_rows import csv_rows
from flickr_emotion.datasets.sources.own_rows import refuse_doubled
from flickr_emotion.model.errors import ModelError

ROWS_PER_READ = 128
BYTES_PER_READ = 1 << 20


def open_rows(path: Path) -> tuple[Iterator[dict[str, Any]], int]:
    """Return the rows of a file and their number.

    A CSV file is read to its end first, as strictly as `build-splits` reads one
    (``datasets/sources/csv_rows.py``), so that a damaged row is found before any work is done.
    """
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise ModelError(f"--input {path} is neither .parquet nor .csv: give one of them")
    with _readable(path):
        if suffix == ".csv":
            return _csv_rows(path), sum(1 for _ in csv_rows(path, partial(_columns, path)))
        # Read in pieces: pandas writes a million rows as one row group, whose pictures would all be
        # in memory at once.
        file = open_parquet(path, pre_buffer=False, buffer_size=BYTES_PER_READ)
        columns = check_types(file, path, _columns(path, file.schema_arrow.names))
        return _parquet_rows(file, path, columns), file.metadata.num_rows


def _columns(path: Path, names: Sequence[str]) -> list[str]:
    if "photo_id" not in names or not set(MODALITIES) & set(names):
        raise ModelError(
            f"{path} has the columns {', '.join(names) or 'none'}: it needs photo_id and at least "
            "one of image, text, tags"
        )
    counting = ("photo_id", *MODALITIES)
    refuse_doubled(path, names, counting)
    return [name for name in counting if name in names]


def _parquet_rows(file: pq.ParquetFile, path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    with _readable(path), file:
        for batch in file.iter_batches(ROWS_PER_READ, columns=columns):
            yield from batch.to_pylist()


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    with _readable(path):
        yield from csv_rows(path, partial(_columns, path))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, csv.Error, UnicodeError) as error:
        raise _unreadable(path, error) from None
    except DatasetError as error:
        raise ModelError(str(error)) from None


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())
    return ModelError(f"--input {path} cannot be read ({reason}): give a Parquet or CSV file")


def check_output(out: Path) -> None:
    """Refuse an output file that cannot be written, before anything is computed."""
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise ModelError(f"--out {out} is neither .parquet nor .csv: give one of them")
    reason = "it is a folder" if out.is_dir() else "its folder does not exist"
    if out.is_dir() or not out.parent.is_dir():
        raise ModelError(f"--out {out} cannot be written ({reason}): give another file")
    try:
        check_outside(out)
    except DatasetError as error:
        raise ModelError(str(error)) from None


@contextmanager
def open_writer(out: Path, schema: pa.Schema) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Yield a function that writes rows; the file gets its name when all are written.

    Raises ``ModelError`` if it cannot be written, or another process is writing it.
    """
    try:
        with new_file(out) as new, _writer(new, schema) as writer:
            yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    except OSError as error:
        reason = error.strerror or str(error)
        if "[errno" in reason and error.errno:  # Arrow's long message
            reason = os.strerror(error.errno)
        raise ModelError(f"--out {out} cannot be written ({reason}): give another file") from None


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter | pa_csv.CSVWriter:
    if path.suffix.lower() == ".csv":
        return pa_csv.CSVWriter(path, schema)
    return parquet_writer(path, schema)
