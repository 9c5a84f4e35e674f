"""Reads a CSV of posts strictly: a file with a malformed row is refused.

An unclosed quote swallows the rows after it, and an extra comma moves a text into the column of
tags; neither may pass as a post.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.own_rows import place_of

_LONGEST_CELL = 2**20
"""Characters of a cell. An unclosed quote turns the rest of the file into one cell."""
_LONGEST_LINE = 2**23


def csv_rows(
    path: Path, choose: Callable[[list[str]], Sequence[str]]
) -> Iterator[dict[str, str | None]]:
    """Yield the rows of a CSV by column; an empty cell becomes None.

    ``choose`` takes the header and returns the columns to read. Blank lines are skipped. Quotes
    follow RFC 4180, and a cell may hold line breaks. Raises ``DatasetError`` if the file is not CSV
    or a row has more or fewer cells than the header, ``OSError`` or ``UnicodeError`` if the file
    cannot be read.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(_lines(text), strict=True)
        try:
            yield from _rows(path, reader, choose)
        except csv.Error as error:
            raise DatasetError(
                f"{path}, line {reader.line_num}, cannot be read ({error}): look for an unclosed "
                "quote, and put cells that hold commas or quotes in quotes"
            ) from None


def _rows(
    path: Path, lines: Iterator[list[str]], choose: Callable[[list[str]], Sequence[str]]
) -> Iterator[dict[str, str | None]]:
    rows = (row for row in lines if row)
    header = next(rows, [])
    places = {name: header.index(name) for name in choose(header)}
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise DatasetError(
                f"{place_of(path, number)} has {len(row)} cells and the header {len(header)}: "
                "put cells that hold commas or quotes in quotes"
            )
        yield {name: row[place] or None for name, place in places.items()}


def _lines(text: TextIO) -> Iterator[str]:
    """Yield the lines of a CSV with their line ends; raises ``csv.Error`` for an overlong one."""
    while line := text.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise csv.Error(f"a line is longer than {_LONGEST_LINE:,} characters")
        yield line
