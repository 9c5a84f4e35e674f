"""Looks for a value in every byte of folders, raw and decoded: names, files, pages, rows, packings.

Parquet, gzip, zstd and SQLite are read as their readers read them, and SQLite's file is searched
raw too, where deleted rows stay. Base64 of a picture in a page is looked for as well.
"""

import base64
import gzip
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def traces(folders: list[Path], values: Mapping[str, bytes]) -> list[str]:
    """Return where values (by a name for the message) are found; empty if nowhere.

    A number is found within a longer number too, so tests choose ids that no other contains.
    """
    found = []
    for folder in folders:
        around = [folder, *sorted(folder.parent.glob(f".{folder.name}.*"))]
        for path in (it for root in around for it in [root, *sorted(root.rglob("*"))]):
            for what, value in values.items():
                if value in path.name.encode():
                    found.append(f"{what} in the name {path}")
            if path.is_file():
                for where, content in _contents(path):
                    found += [
                        f"{what} in {path} ({where})"
                        for what, value in values.items()
                        if any(form in content for form in _forms(value))
                    ]
    return found


def _forms(value: bytes) -> Iterator[bytes]:
    yield value
    text = value.decode("utf-8", "ignore")
    if text.encode() == value and not text.isascii():
        yield json.dumps(text)[1:-1].encode()  # as escapes
    if len(value) > 50:  # a picture: base64 at any place in its group of three bytes
        for skipped in range(3):
            yield base64.b64encode(value[skipped : skipped + 300 - 300 % 3])[:-4]
        yield value.hex().encode()


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    raw = path.read_bytes()
    yield "raw", raw
    if raw.startswith(b"PAR1"):
        file = pq.ParquetFile(path)
        yield "metadata", repr(file.metadata.metadata).encode()
        for number, column in enumerate(file.read().columns):
            yield f"column {number}", b"\n".join(_values(column.to_pylist()))
        for group in range(file.num_row_groups):
            for column in range(file.metadata.num_columns):
                yield (
                    "statistics",
                    repr(file.metadata.row_group(group).column(column).statistics).encode(),
                )
    elif raw.startswith(b"\x1f\x8b"):
        yield "unpacked", gzip.decompress(raw)
    elif raw.startswith(b"\x28\xb5\x2f\xfd"):
        yield "unpacked", pa.input_stream(path, compression="zstd").read()
    elif raw.startswith(b"SQLite format 3\x00"):
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                yield f"table {table}", b"\n".join(_values(rows))
        connection.close()
    elif raw.startswith(b"\x93NUMPY"):
        yield "array", np.load(path).tobytes()


def _values(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _values(one)
    elif isinstance(value, bytes):
        yield value
    elif value is not None:
        yield str(value).encode()
