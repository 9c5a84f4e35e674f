"""Any table or text file of Flickr pictures: one photo in a row, with a label, votes, or nothing.

``columns`` decides what its columns mean, and ``flickr_emotion.common.tables`` reads it, whatever
its format. ``docs/lists.md`` shows the forms.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.common.tables.opening import looks_like_header, open_table
from flickr_emotion.common.tables.table import Table
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_names import NamedPhoto, with_parts
from flickr_emotion.harvest.lists.cells import LARGEST_VOTE, label_of, text_of, vote_of
from flickr_emotion.harvest.lists.columns import ListColumns, choose_columns, describe
from flickr_emotion.harvest.lists.rows import (
    ListedPhoto,
    RejectedRow,
    Row,
    names_photo,
    parse_name,
)

_ROWS_TO_LOOK_AT = 200
_MOST_WORDS = 50
_BULLET = re.compile(r"[-*+•–]|\d+[.)]")
"""What stands before the entries of a list that people write, and is no label."""


@dataclass(frozen=True, kw_only=True)
class TableList:
    """A table of pictures that was opened."""

    table: Table
    names: tuple[str, ...] | None
    columns: ListColumns
    by_blanks: bool
    """Whether blanks separate the values of a row: ``URL label``."""
    as_pairs: bool = False
    """Whether the labels are adjective-noun pairs that have a sentiment (MVSO)."""

    def note(self) -> str:
        """Return in words how the table is understood."""
        return "; ".join((describe(self.names, self.columns), *self.table.notes))

    @property
    def labels_are_pairs(self) -> bool:
        """Whether the column of labels holds adjective-noun pairs, as in MVSO."""
        at = self.columns.label
        return at is not None and self.names is not None and self.names[at].lower() == "anp"

    def rows(self) -> Iterator[Row]:
        """Yield the rows; one with votes for several classes as several.

        Raises ``TableError``.
        """
        one_of_n = self.columns.one_of_n and self._is_one_of_n()
        for row in self.table.rows(ragged=True):
            cells = _cells(row.values, by_blanks=self.by_blanks)
            if len(cells) == 1 and cells[0].startswith("#"):
                continue
            yield from self._read(row.number, cells, one_of_n=one_of_n)

    def _read(self, number: int, cells: Sequence[str], *, one_of_n: bool) -> Iterator[Row]:
        def cell(at: int | None) -> str:
            return cells[at] if at is not None and at < len(cells) else ""

        photo = self._photo(number, cell)
        if isinstance(photo, RejectedRow):
            yield photo
            return
        try:
            labels = self._labels(cell, one_of_n=one_of_n)
        except ValueError as error:
            yield RejectedRow(row=number, reason="malformed", detail=str(error))
            return
        for label, agree, disagree in labels:
            yield ListedPhoto(
                row=number,
                reference=photo.reference,
                owner=photo.owner,
                emotion=None if self.as_pairs else label,
                pair=label if self.as_pairs else None,
                agree=agree,
                disagree=disagree,
            )

    def _photo(self, number: int, cell: Any) -> NamedPhoto | RejectedRow:
        found = None
        for at in self.columns.photo:
            if cell(at):
                named = parse_name(cell(at), number)
                if isinstance(named, NamedPhoto):
                    return with_parts(named, {k: cell(v) for k, v in self.columns.parts.items()})
                found = found or named
        return found or RejectedRow(row=number, reason="malformed", detail="no photo is named")

    def _labels(
        self, cell: Any, *, one_of_n: bool
    ) -> list[tuple[str | None, int | None, int | None]]:
        """Return label, votes for it and votes against it; raises ``ValueError``."""
        of = self.columns
        if of.classes:
            votes = {name: _votes(cell(at)) or 0 for at, name in of.classes.items()}
            there = {label_of(name): n for name, n in votes.items() if n}
            for label in there:
                _check(label)
            return [(label, None if one_of_n else n, None) for label, n in there.items()] or [
                (None, None if one_of_n else 0, None)
            ]
        label = label_of(cell(of.label))
        if label:
            _check(label)
        agree = _votes(cell(of.votes)) if of.votes is not None else None
        disagree = _votes(cell(of.disagree)) if of.disagree is not None else None
        return [(label or None, agree, disagree)]

    def _is_one_of_n(self) -> bool:
        # The first rows may say so by chance; votes for a class are seldom all 0 or 1.
        for row in self.table.rows(ragged=True):
            cells = _cells(row.values, by_blanks=self.by_blanks)
            for at in self.columns.classes:
                if at < len(cells) and cells[at] and (vote_of(cells[at]) or 0) > 1:
                    return False
        return True


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the user states about the tables of a list."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """The columns by meaning, as in ``--columns``."""
    encoding: str | None = None
    """The encoding, if it is not what the bytes say."""


def open_table_list(path: Path, member: str | None, stated: Stated) -> TableList | None:
    """Return the table in a file; None if no column names photos.

    Raises ``TableError`` if it is no table, and ``HarvestError`` if it lacks a stated column.
    """
    table = open_table(
        path, member=member, encoding=stated.encoding, has_header=_has_header, lenient=True
    )
    names = table.columns
    rows = [row.values for row in islice(table.rows(ragged=True), _ROWS_TO_LOOK_AT)]
    by_blanks = names is None and _by_blanks(rows)
    sample = [_cells(row, by_blanks=by_blanks) for row in rows]
    try:
        columns = choose_columns(names, sample, stated.columns, _shown(path, member))
    except HarvestError:
        if rows:
            raise
        return None
    if columns is None:
        return None
    return TableList(table=table, names=names, columns=columns, by_blanks=by_blanks)


def _has_header(cells: Sequence[str]) -> bool:
    return looks_like_header(cells) and not any(map(_holds_photo, cells))


def _holds_photo(cell: str) -> bool:
    return any(map(names_photo, cell.split()[:_MOST_WORDS]))


def _by_blanks(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether every row is one text of several words, one of which names a photo."""
    lines = [text_of(row[0]) for row in rows if len(row) == 1]
    lines = [line for line in lines if line and not line.startswith("#")]
    return (
        bool(lines)
        and sum(len(row) > 1 for row in rows) == 0
        and all(len(line.split()) > 1 for line in lines)
        and any(_holds_photo(line) for line in lines)
    )


def _cells(values: Sequence[Any], *, by_blanks: bool) -> list[str]:
    if by_blanks and len(values) == 1:
        words = text_of(values[0]).split()[:_MOST_WORDS]
        return words[1:] if len(words) > 1 and _BULLET.fullmatch(words[0]) else words
    return [text_of(value) for value in values]


def _votes(cell: str) -> int | None:
    if not cell:
        return None
    votes = vote_of(cell)
    if votes is None:
        raise ValueError(
            f"vote {cell[:50]!r} is no whole number from 0 to {LARGEST_VOTE} (5, 5.0 and 5,0 are)"
        )
    return votes


def _check(label: str) -> None:
    if not is_name(label):
        raise ValueError(no_name("the label", label))


def _shown(path: Path, member: str | None) -> str:
    return f"{path} ({member})" if member else str(path)
