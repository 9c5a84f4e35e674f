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

from datasets.modalities import MODALITIES
from model.errors import ModelError

ROWS_TO_A_READ = 128


def open_rows(path: Path) -> tuple[Iterator[dict[str, Any]], int]:
    """Return the rows of a file and how many there are."""
    try:
        if path.suffix.lower() == ".parquet":
            file = pq.ParquetFile(path)
            columns = _checked(file, path, _columns(path, file.schema_arrow.names))
            return _parquet_rows(file, path, columns), file.metadata.num_rows
        if path.suffix.lower() == ".csv":
            csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
            with path.open(encoding="utf-8-sig", newline="") as text:
                _columns(path, next(csv.reader(text), []))
                total = sum(1 for _ in csv.reader(text))
            return _csv_rows(path), total
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    raise ModelError(f"--input {path} is neither .parquet nor .csv: give one of them")


def _columns(path: Path, names: Sequence[str]) -> list[str]:
    if "photo_id" not in names or not set(MODALITIES) & set(names):
        raise ModelError(
            f"{path} has the columns {', '.join(names) or 'none'}: it needs photo_id and at least "
            "one of image, text, tags"
        )
    return [name for name in ("photo_id", *MODALITIES) if name in names]


def _checked(file: pq.ParquetFile, path: Path, columns: list[str]) -> list[str]:
    """Refuse columns of a type that nothing can be made of; return those with something in them."""
    held = []
    for name in columns:
        kind = file.schema_arrow.field(name).type
        accepted, wanted = _TYPES[name]
        if accepted(kind):
            held.append(name)
        # Pandas writes a column in which every value is absent as numbers.
        elif not (name in MODALITIES and pa.types.is_floating(kind) and _empty(file, name)):
            raise ModelError(f"{path}: the column {name} is {kind}: it must be {wanted}")
    return held


def _empty(file: pq.ParquetFile, name: str) -> bool:
    return all(
        batch.column(0).is_null(nan_is_null=True).false_count == 0
        for batch in file.iter_batches(columns=[name])
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
    )


def _is_binary(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
            pa.types.is_binary_view,
        )
    )


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        return bool({"bytes", "path"} & set(fields)) and all(
            _is_text(fields[name]) or (name == "bytes" and _is_binary(fields[name]))
            for name in ("bytes", "path")
            if name in fields
        )
    return _is_text(kind) or _is_binary(kind)


def _is_tags(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if any(is_kind(kind) for is_kind in lists):
        kind = kind.value_type
    return _is_text(kind)


_TYPES: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "photo_id": (lambda kind: _is_text(kind) or pa.types.is_integer(kind), "string or integer"),
    "image": (_is_image, "binary, a string or a struct of bytes and path"),
    "text": (_is_text, "string"),
    "tags": (_is_tags, "a list of strings or a string"),
}


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
