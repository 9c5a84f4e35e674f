"""Reads posts of one's own, and writes answers as Parquet or CSV, in batches.

A file may therefore hold any number of posts. An output gets its name only when it is complete.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.tables.parquet_table import ParquetTable
from flickr_emotion.common.tables.table import TableError
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.sources.cells.values import label_of
from flickr_emotion.datasets.sources.class_columns import ballots_of_cells, classes_of
from flickr_emotion.datasets.sources.own_rows import contents_of, place_of
from flickr_emotion.datasets.sources.post_tables import PostFile, PostTables, open_posts
from flickr_emotion.model.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class OpenedPosts:
    """Posts to answer: what they hold, and how they were understood."""

    rows: Iterator[dict[str, Any]]
    """``photo_id``, ``title``, ``description``, ``tags``, ``image`` (bytes, a path or None) of each
    post; of labelled posts also ``label`` and ``ballots``, their votes for each class or None, with
    ``votes_error`` if these cannot be read. A row that cannot be read has only ``error``."""
    count: int
    said: tuple[str, ...]
    """What the user must know about the columns."""
    labels: dict[str, str]
    """The labels of labelled posts, with the first row that holds each."""
    voted: tuple[str, ...]
    """The classes that have a column of votes."""


def open_rows(
    path: Path,
    *,
    columns: str | None = None,
    encoding: str | None = None,
    labelled: bool = False,
) -> OpenedPosts:
    """Open posts of one's own as `build-splits` does (``datasets.sources.post_tables``).

    All but Parquet is read to its end first, so that a damaged row is found before any work is
    done. Raises ``ModelError``.
    """
    with _as_model_errors():
        posts = open_posts(path, columns=columns, encoding=encoding, labelled=labelled)
        labels: dict[str, str] = {}
        count = sum(_count(file, posts.chosen.columns, labels) for file in posts.files)
        return OpenedPosts(
            rows=_rows(posts),
            count=count,
            said=tuple(posts.said()),
            labels=labels,
            voted=tuple(classes_of(list(posts.chosen.columns))),
        )


def _count(file: PostFile, chosen: Mapping[str, str], labels: dict[str, str]) -> int:
    """Return the number of posts of a file; add its labels with the first row of each."""
    if isinstance(file.table, ParquetTable) and "label" not in chosen:
        return file.table.count
    count = 0
    for count, cells in file.rows({m: name for m, name in chosen.items() if m == "label"}):
        where = place_of(file.table.path, count)
        if cells and (label := label_of(cells["label"], where)) is not None:
            labels.setdefault(label, where)
    return count


def _rows(posts: PostTables) -> Iterator[dict[str, Any]]:
    chosen = posts.chosen.columns
    with _as_model_errors():
        for file in posts.files:
            for number, cells in file.rows(chosen):
                where = place_of(file.table.path, number)
                if "photo_id" not in chosen:
                    cells["photo_id"] = f"{file.stem}:{number}"
                yield _row(cells, where, file.folder)


def _row(cells: dict[str, Any], where: str, folder: Path) -> dict[str, Any]:
    photo_id = cells["photo_id"]
    photo_id = None if photo_id is None else str(photo_id)
    try:
        post = {"photo_id": photo_id, **contents_of(cells, where, folder)}
        if "label" in cells:
            post["label"] = label_of(cells["label"], where)
            post |= _votes(cells, where)
        return post
    except DatasetError as error:
        return {"photo_id": photo_id, "error": str(error)}


def _votes(cells: dict[str, Any], where: str) -> dict[str, Any]:
    """Return ``ballots``, or why they cannot be read: the post can be judged without them."""
    try:
        return {"ballots": ballots_of_cells(cells, where)}
    except DatasetError as error:
        return {"ballots": None, "votes_error": str(error)}


@contextmanager
def _as_model_errors() -> Iterator[None]:
    try:
        yield
    except (DatasetError, TableError) as error:
        raise ModelError(str(error)) from None


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
            yield lambda rows: writer.write_table(_table(rows, schema))
    except OSError as error:
        reason = error.strerror or str(error)
        if "[errno" in reason and error.errno:  # Arrow's long message
            reason = os.strerror(error.errno)
        raise ModelError(f"--out {out} cannot be written ({reason}): give another file") from None


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; a column at a time takes half as long as `from_pylist`."""
    return pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter | pa_csv.CSVWriter:
    if path.suffix.lower() == ".csv":
        return pa_csv.CSVWriter(path, schema)
    return parquet_writer(path, schema)
