"""Files of posts to be answered, and of the answers: Parquet or CSV, read and written in batches.

So a file may hold any number of posts. An output appears under its name only when it is whole.
"""

import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from datasets.errors import DatasetError
from datasets.modalities import MODALITIES
from datasets.post_columns import check_types
from model.errors import ModelError

ROWS_TO_A_READ = 128
BYTES_TO_A_READ = 1 << 20


def open_rows(path: Path) -> tuple[Iterator[dict[str, Any]], int]:
    """Return the rows of a file and how many there are."""
    try:
        if path.suffix.lower() == ".parquet":
            # Read in pieces: pandas writes a million rows as one group, whose pictures would all be
            # in memory at once.
            file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BYTES_TO_A_READ)
            columns = check_types(file, path, _columns(path, file.schema_arrow.names))
            return _parquet_rows(file, path, columns), file.metadata.num_rows
        if path.suffix.lower() == ".csv":
            csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
            with path.open(encoding="utf-8-sig", newline="") as text:
                _columns(path, next(csv.reader(text), []))
                total = sum(1 for _ in csv.reader(text))
            return _csv_rows(path), total
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    except DatasetError as error:
        raise ModelError(str(error)) from None
    raise ModelError(f"--input {path} is neither .parquet nor .csv: give one of them")


def _columns(path: Path, names: Sequence[str]) -> list[str]:
    if "photo_id" not in names or not set(MODALITIES) & set(names):
        raise ModelError(
            f"{path} has the columns {', '.join(names) or 'none'}: it needs photo_id and at least "
            "one of image, text, tags"
        )
    return [name for name in ("photo_id", *MODALITIES) if name in names]


def _parquet_rows(file: pq.ParquetFile, path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        with file:
            for batch in file.iter_batches(ROWS_TO_A_READ, columns=columns):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())
    return ModelError(f"--input {path} cannot be read ({reason}): give a Parquet or CSV file")


def check_output(out: Path) -> None:
    """Refuse, before anything is computed, a file that cannot be written."""
    if out.suffix.lower() not in _WRITERS:
        raise ModelError(f"--out {out} is neither .parquet nor .csv: give one of them")
    reason = "it is a folder" if out.is_dir() else "its folder is not there"
    if out.is_dir() or not out.parent.is_dir():
        raise ModelError(f"--out {out} cannot be written ({reason}): give another file")


_WRITERS = {".parquet": pq.ParquetWriter, ".csv": pa_csv.CSVWriter}


@contextmanager
def open_writer(out: Path, schema: pa.Schema) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Yield a function that writes rows; the file appears under its name when all are written."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with _WRITERS[out.suffix.lower()](temporary, schema) as writer:
            yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        temporary.replace(out)
    except OSError as error:
        # Arrow's own words name the temporary file.
        reason = (
            os.strerror(error.errno)
            if error.errno
            else str(error).replace(str(temporary), str(out))
        )
        raise ModelError(f"--out {out} cannot be written ({reason}): give another file") from None
    finally:
        temporary.unlink(missing_ok=True)
