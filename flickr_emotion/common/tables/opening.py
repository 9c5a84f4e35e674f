"""Opens a file as a table, whatever of the supported formats it has.

The format is told by the content. Names of files lie: a CSV is called ``.txt``, or ``.xls``.
"""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from flickr_emotion.common.tables.containers import PARQUET, members, opened
from flickr_emotion.common.tables.delimited import DelimitedTable, HasHeader
from flickr_emotion.common.tables.json_table import JsonTable
from flickr_emotion.common.tables.table import Table, TableError
from flickr_emotion.common.tables.text_files import open_text

_OTHERS = {
    b"ARROW1": "an Arrow or Feather file",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89HDF": "an HDF5 file",
    b"\xff\xd8\xff": "a picture",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
}
_NOT_A_NAME = re.compile(
    r"\s*(?:[-+.\d]+|.*\w\.\w+/.*|.*\.(?:jpe?g|png|gif|webp))\s*", re.IGNORECASE
)


def always(cells: Sequence[str]) -> bool:
    """Return that the first row of a text holds the names of the columns."""
    return True


def looks_like_header(cells: Sequence[str]) -> bool:
    """Return whether a text's first row may hold names: no number, no URL, no file of a picture."""
    named = [cell for cell in cells if cell.strip()]
    return bool(named) and not any(_NOT_A_NAME.fullmatch(cell) for cell in named)


def open_table(
    path: Path,
    *,
    encoding: str | None = None,
    member: str | None = None,
    has_header: HasHeader = looks_like_header,
    lenient: bool = False,
) -> Table:
    """Open a table: delimited text, JSON lines or Parquet; plain, gzip or zip.

    ``encoding`` overrules what the bytes of a text say. ``member`` names one of several files in a
    zip archive (``table_members``). ``has_header`` decides from the first row of a text whether it
    holds the names of the columns. With ``lenient``, bytes that are not UTF-8 in a text that mostly
    is become U+FFFD. Raises ``TableError`` if it is not a table or cannot be read.
    """
    try:
        with opened(path, member) as file:
            start = file.read(16)
        for magic, what in _OTHERS.items():
            if start.startswith(magic):
                raise TableError(
                    f"{path} is {what}: give the table as CSV, TSV, JSON lines or Parquet"
                )
        if start.startswith(PARQUET) or (member or path.name).lower().endswith(".parquet"):
            # Loading Arrow takes as long as starting the rest of a crawl of a text file.
            from flickr_emotion.common.tables.parquet_table import ParquetTable

            return ParquetTable(path, member)
        text = open_text(path, member=member, encoding=encoding, lenient=lenient)
        begin = "".join(islice(text.lines(cut=1000), 20)).lstrip("\ufeff \t\r\n")[:1]
        if begin in ("{", "["):
            return JsonTable(text, is_list=begin == "[")
        return DelimitedTable(text, has_header)
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror or error}): give a file that can be read"
        ) from None


def table_members(path: Path) -> list[str | None]:
    """Return what to give ``open_table`` as ``member``, for each file that a path holds."""
    return [*members(path)] or [None]
