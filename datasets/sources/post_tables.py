"""Opens posts of one's own: a table, a folder of tables, or a folder of pictures.

`build-splits`, `predict --input` and `evaluate --input` all read posts through this module, so that
a file which one of them understands means the same to the others.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.common.tables.column_map import column_map
from flickr_emotion.common.tables.opening import always, open_table
from flickr_emotion.common.tables.parquet_table import ParquetTable
from flickr_emotion.common.tables.table import Row, Table, TableError
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.cells.seeming import seeming, seeming_types
from flickr_emotion.datasets.sources.cells.tags import are_joined_by_blanks
from flickr_emotion.datasets.sources.columns import check_types
from flickr_emotion.datasets.sources.folders import split_of_name, tables_in
from flickr_emotion.datasets.sources.meanings import MEANINGS, SPLIT, Chosen, choose_columns

_ROWS_TO_LOOK_AT = 100
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class PostFile:
    """One table of posts."""

    table: Table
    name: str
    """The name in ``source`` of ``excluded.parquet``: the path within the folder that was given."""
    folder: Path
    """Where relative paths of pictures start."""

    @property
    def stem(self) -> str:
        """The name without its ending, from which posts without an id get theirs."""
        name = re.sub(r"\.(?:gz|zip)$", "", self.name, flags=re.IGNORECASE)
        return re.sub(r"(?<=.)\.[^./]*$", "", name)

    def rows(self, chosen: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number of each row, from 1, and its cells by meaning; raises ``TableError``."""
        names = self.table.columns or ()
        places = [names.index(name) for name in chosen.values()]
        if isinstance(self.table, ParquetTable):
            rows: Iterator[Row] = self.table.rows_of(places)
            places = list(range(len(places)))
        else:
            rows = self.table.rows()
        meanings = tuple(chosen)
        for number, row in enumerate(rows, 1):
            yield number, dict(zip(meanings, (row.values[place] for place in places), strict=True))


@dataclass(frozen=True, kw_only=True)
class PostTables:
    """Posts of one's own, whose columns are chosen."""

    path: Path
    """What the user gave."""
    files: tuple[PostFile, ...]
    chosen: Chosen
    notes: tuple[str, ...]
    """How the files were understood."""
    left_alone: Mapping[str, str]
    """Why a file of a folder is not read, by its name."""

    @cached_property
    def named_by_row(self) -> bool:
        """Whether no column holds ids, so that posts are named by file and row."""
        return "photo_id" not in self.chosen.columns

    def _has_blanks(self, column: str) -> bool:
        file = self.files[0]
        rows = islice(file.rows({"tags": column}), _ROWS_TO_LOOK_AT)
        return are_joined_by_blanks(cells["tags"] for _, cells in rows)

    def said(self) -> Iterator[str]:
        """Yield what the user must know about how the posts are read."""
        name = self.path.name
        yield from (f"{name}: {note}" for note in self.notes)
        yield f"{name}: {self.chosen.in_words()}"
        for other, why in list(self.left_alone.items())[:_SHOWN]:
            yield f"{name}: left alone: {other}: {why}"
        if (more := len(self.left_alone) - _SHOWN) > 0:
            yield f"{name}: left alone: {more} more files"
        if self.named_by_row:
            yield (
                f"{name}: no column holds ids, so posts are named by file and row, as "
                f"{self.files[0].stem}:1; name one with --columns photo_id=NAME"
            )
        named = {split for file in self.files for split in split_of_name(file.name)}
        if (splits := sorted(named)) and self.path.is_dir() and SPLIT not in self.chosen.columns:
            yield (
                f"{name}: the splits in the names of its files ({', '.join(splits)}) are not taken "
                "over: --split-column names a column that holds them"
            )
        if (column := self.chosen.columns.get("tags")) and self._has_blanks(column):
            yield (
                f"warning: {name}: in the column {column} only blanks separate words, so each cell "
                "is one tag: put commas between the tags"
            )
        yield from (f"warning: {name}: {warning}" for warning in self.chosen.warnings)


def open_posts(
    path: Path,
    *,
    columns: str | None = None,
    encoding: str | None = None,
    labelled: bool = True,
    split_column: str | None = None,
) -> PostTables:
    """Open posts of one's own; raises ``DatasetError`` if they cannot be read.

    ``columns``, ``encoding`` and ``split_column`` are the options of these names. Without
    ``labelled``, labels and votes are not read.
    """
    with as_dataset_errors():
        if not path.exists():
            raise DatasetError(f"{path} is not there: give a file or a folder that is")
        given = column_map(columns, MEANINGS)
        if split_column is not None:
            given[SPLIT] = split_column
        left_alone: dict[str, str] = {}
        if path.is_dir():
            found, left_alone = tables_in(path, encoding=encoding, labelled=labelled)
            files = tuple(PostFile(table=it.table, name=it.name, folder=it.folder) for it in found)
        else:
            table = open_table(path, encoding=encoding, has_header=always)
            files = (PostFile(table=table, name=path.name, folder=path.parent),)
        chosen = _chosen(files, given, labelled=labelled)
        others = [it for it in files if not set(chosen.columns.values()) & set(_names(it))]
        left_alone |= {it.name: "it has none of these columns" for it in others}
        files = tuple(it for it in files if it not in others)
        _check_columns(files, chosen)
        notes = dict.fromkeys(note for file in files for note in file.table.notes)
        return PostTables(
            path=path, files=files, chosen=chosen, notes=tuple(notes), left_alone=left_alone
        )


@contextmanager
def as_dataset_errors() -> Iterator[None]:
    """Raise errors of tables and of the system as ``DatasetError``."""
    try:
        yield
    except TableError as error:
        raise DatasetError(str(error)) from None


def _chosen(files: tuple[PostFile, ...], given: Mapping[str, str], *, labelled: bool) -> Chosen:
    """Choose the columns of the first file that has those of posts."""
    first: DatasetError | None = None
    for file in files:
        try:
            return choose_columns(
                file.table.path,
                _names(file),
                given,
                labelled=labelled,
                seems=_seeming(file.table),
            )
        except DatasetError as error:
            first = first or error
    assert first is not None  # there is a file
    raise first


def _check_columns(files: tuple[PostFile, ...], chosen: Chosen) -> None:
    """Raise ``DatasetError`` unless all files have the chosen columns, of types that fit."""
    for file in files:
        if missing := [name for name in chosen.columns.values() if name not in _names(file)]:
            raise DatasetError(
                f"{file.table.path} has no column {missing[0]!r}, as {files[0].table.path} has: "
                "take the file out of the folder, or give it the same columns"
            )
        if isinstance(file.table, ParquetTable):
            check_types(file.table, chosen.columns)


def _names(file: PostFile) -> tuple[str, ...]:
    return file.table.columns or ()


def _seeming(table: Table) -> dict[str, str]:
    """Return which columns look like a picture or a text, by the first rows."""
    names = table.columns or ()
    if isinstance(table, ParquetTable):
        found = seeming_types(table.schema)
        texts = [n for n, field in enumerate(table.schema) if _is_text(field.type)]
        rows = list(islice(table.rows_of(texts, most=_ROWS_TO_LOOK_AT), _ROWS_TO_LOOK_AT))
        named = [names[n] for n in texts]
        return found | seeming(named, [row.values for row in rows])
    rows = list(islice(table.rows(ragged=True), _ROWS_TO_LOOK_AT))
    return seeming(names, [row.values for row in rows])


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
