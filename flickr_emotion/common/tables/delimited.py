"""Tables of delimited text: CSV, TSV, and a text with one value a line.

A row with another number of cells than the header is refused: an unclosed quote swallows the rows
after it, and an extra separator moves a text into the column of tags. Neither may pass as a post.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from flickr_emotion.common.tables.dialects import Dialect, find_dialect
from flickr_emotion.common.tables.table import Row, TableError, column_name
from flickr_emotion.common.tables.text_files import TextFile

_LINES_TO_LOOK_AT = 200
_CHARACTERS_TO_LOOK_AT = 2**20

HasHeader = Callable[[Sequence[str]], bool]


class DelimitedTable:
    """A table in a text file: a ``Table``."""

    def __init__(self, text: TextFile, has_header: HasHeader) -> None:
        """Look at the first lines; raises ``TableError``, ``OSError``."""
        self._text = text
        self.path: Path = text.path
        self._dialect: Dialect = find_dialect(_first_lines(text))
        self.columns: tuple[str, ...] | None = self._header(has_header)
        notes = [*text.notes, self._dialect.note]
        if self._dialect.separator == "\t" and self._holds_plain_quotes():
            self._dialect = replace(self._dialect, quotes=False)
            self.columns = self._header(has_header)
            notes.append("quotes are letters like any other")
        self.notes: tuple[str, ...] = tuple(note for note in notes if note)

    def _header(self, has_header: HasHeader) -> tuple[str, ...] | None:
        # Excel ends rows with separators where other rows, or cells that were cleared, are longer.
        first = next(self._cells(), None)
        cells = [cell or "" for cell in _without_empty_end(first.values)] if first else []
        if first is not None and not has_header(cells):
            return None
        return tuple(column_name(cell.strip(), n) for n, cell in enumerate(cells, 1))

    def _holds_plain_quotes(self) -> bool:
        """Return whether a text with tabs can only be read if its quotes enclose no cells.

        So are tweets and captions often written: a tab hardly ever occurs in a cell.
        """
        quoted = self._dialect
        for quotes in (True, False):
            self._dialect = replace(quoted, quotes=quotes)
            try:
                for _ in self.rows():
                    pass
            except TableError:
                continue
            else:
                return not quotes
            finally:
                self._dialect = quoted
        return False

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the rows; an empty cell becomes None."""
        rows = self._cells()
        width = len(self.columns) if self.columns is not None else None
        if width is not None:
            next(rows, None)
        for number, cells in rows:
            values = tuple(cell or None for cell in cells)
            if width is None:
                values = _without_empty_end(values)
                width = None if ragged else len(values)
            elif len(values) > width:
                kept = _without_empty_end(values)
                values = kept + (None,) * (width - len(kept))
            if not ragged and len(values) != width:
                raise TableError(
                    f"{self.path}, line {number}, has {len(values)} cells and the "
                    f"{'header' if self.columns else 'first row'} {width}: put cells that hold "
                    "separators or quotes in quotes"
                )
            yield Row(number, values)

    def _cells(self) -> Iterator[Row]:
        """Yield the cells of each row that has any, with the line in which it begins."""
        lines = islice(self._text.lines(), self._dialect.skipped, None)
        reader = self._dialect.reader(lines)
        begins = 1 + self._dialect.skipped
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Row(begins, tuple(cells))
                begins = 1 + self._dialect.skipped + reader.line_num
        except csv.Error as error:
            raise TableError(
                f"{self._text.path}, line {self._dialect.skipped + reader.line_num}, cannot be "
                f"read ({error}): look for an unclosed quote, and put cells that hold separators "
                "or quotes in quotes"
            ) from None


def _without_empty_end(cells: tuple[str | None, ...]) -> tuple[str | None, ...]:
    last = len(cells)
    while last and not (cells[last - 1] or "").strip():
        last -= 1
    return cells[:last]


def _first_lines(text: TextFile) -> list[str]:
    found: list[str] = []
    size = 0
    for line in text.lines():
        found.append(line)
        size += len(line)
        if len(found) == _LINES_TO_LOOK_AT or size > _CHARACTERS_TO_LOOK_AT:
            break
    return found
