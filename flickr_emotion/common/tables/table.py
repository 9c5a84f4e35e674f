"""What every reader of tables yields: named columns, and rows of plain values.

Lists of pictures and files of posts come as CSV, TSV, JSON lines or Parquet, in many dialects. All
of them are read here, so that a form that one command accepts is accepted by every command.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from flickr_emotion.common.errors import ToolkitError


class TableError(ToolkitError):
    """A file is not a table, or one of its rows cannot be read."""


class Row(NamedTuple):
    """One row of a table."""

    number: int
    """In text, the line in which the row begins, as an editor counts it; in Parquet the row. From
    1."""
    values: tuple[Any, ...]
    """In the order of ``Table.columns``. Text yields strings, other formats also numbers, bytes,
    lists and dictionaries; an absent value is None."""


class Table(Protocol):
    """A table that was opened. It can be read several times, always in bounded memory."""

    @property
    def path(self) -> Path:
        """The file, for messages."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns; None for delimited text without a header row."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How the file was understood, where that is not obvious: ``read as cp1252``."""

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the rows; blank ones are left out.

        Raises ``TableError`` for a row that cannot be read, or, unless ``ragged``, that has another
        number of cells than the table has columns. ``ragged`` yields such rows as they are.
        """


def column_name(name: str, number: int) -> str:
    """Return the name of a column, also of one that the file leaves without a name."""
    return name if name.strip() else f"column {number}"
