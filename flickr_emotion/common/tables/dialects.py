"""Tells how the cells of a text are separated, from its first lines."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_CELL = 2**20
"""Characters of a cell. An unclosed quote turns the rest of the file into one cell."""
_SEPARATORS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": ";", "\t": "tabs", "|": "|"}
_ROWS = 100
_EXCEL = re.compile(r'"?sep=(.)"?,*\s*', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the lines of a text become cells."""

    separator: str
    skipped: int = 0
    """Lines before the table: Excel's ``sep=;``."""
    spaces: bool = False
    """Whether a blank follows each separator."""
    quotes: bool = True
    """Whether quotes may enclose a cell; otherwise they are letters like any other."""

    @property
    def note(self) -> str | None:
        """How the cells are separated, if not by commas."""
        return (
            None
            if self.separator == ","
            else f"cells separated by {_NAMES.get(self.separator, self.separator)}"
        )

    def reader(self, lines: Iterable[str]) -> Any:
        """Return the standard library's reader of rows, which refuses misplaced quotes."""
        csv.field_size_limit(LONGEST_CELL)
        return csv.reader(
            lines,
            delimiter=self.separator,
            skipinitialspace=self.spaces,
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            strict=True,
        )


def find_dialect(lines: Sequence[str]) -> Dialect:
    """Return the dialect of a text, of which ``lines`` are the first.

    The separator is the one under which most of the rows have as many cells as the first, and among
    several the one with most cells. A text without any has one cell in each row.
    """
    if lines and (excel := _EXCEL.fullmatch(lines[0])) and excel[1] not in '"\r\n':
        spaces = _has_spaces(lines[1:], excel[1])
        return Dialect(separator=excel[1], skipped=1, spaces=spaces)
    best, most = Dialect(separator=","), (0.0, 1)
    for separator in _SEPARATORS:
        tried = Dialect(separator=separator, spaces=_has_spaces(lines, separator))
        sizes = [len(row) for row in _readable(tried, lines) if any(row)]
        if not sizes or sizes[0] < 2:
            continue
        fitting = sum(size == sizes[0] for size in sizes) / len(sizes)
        if (fitting, sizes[0]) > most:
            best, most = tried, (fitting, sizes[0])
    return best


def _has_spaces(lines: Sequence[str], separator: str) -> bool:
    """Return whether a blank stands before quotes, which would then not be quotes."""
    return any(f'{separator} "' in line for line in lines)


def _readable(dialect: Dialect, lines: Sequence[str]) -> Iterator[list[str]]:
    rows = dialect.reader(lines)
    for _ in range(_ROWS):
        try:
            row = next(rows, None)
        except csv.Error:
            return
        if row is None:
            return
        yield row
