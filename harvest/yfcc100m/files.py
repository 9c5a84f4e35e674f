"""The forms in which YFCC100M's metadata circulates, and how each is searched for wanted photos.

A hundred million rows hold a few that a list wants, so a row is looked at no further than its photo
id unless that is wanted. The form is told by the file's first bytes, not by its name.
"""

import bz2
import gzip
from collections.abc import Iterator, Set
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from flickr_emotion.harvest.yfcc100m.rows import (
    COLUMNS,
    NEEDED,
    UNREADABLE,
    Row,
    Tick,
    no_metadata,
    unreadable,
)

_BLOCK = 2**22  # bytes read at a time
_LONGEST_LINE = 2**22  # bytes of which a row is made at most; what is longer is malformed
# A few megabytes can be packed so that they never come to the end of a line.
_MOST_WITHOUT_END = 2**26
_LINES_TO_LOOK_AT = 20


class MetadataFile(Protocol):
    """One file of YFCC100M's metadata, of whatever form."""

    def rows(self, wanted: Set[str], tick: Tick) -> Iterator[Row | None]:
        """Yield the columns ``NEEDED`` of each row whose photo id is wanted; None: a malformed row.

        ``tick`` is told now and then how many rows were looked at since. Ids may be taken out of
        ``wanted`` meanwhile. Raises ``HarvestError`` where the file cannot be read to its end.
        """


def open_metadata(path: Path) -> MetadataFile:
    """Return a file of metadata by its form.

    Raises ``HarvestError`` where it is none of YFCC100M's.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
        if not start.startswith((b"PAR1", b"SQLite format 3\0")):
            return TextFile(path, start)
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    # Here, because pyarrow takes a while to load and most crawls need none of it.
    from flickr_emotion.harvest.yfcc100m.tables import ParquetFile, SqliteFile

    return ParquetFile(path) if start.startswith(b"PAR1") else SqliteFile(path)


class TextFile:
    """Tab-separated rows, as published. Their number of columns tells the release.

    23: the columns; 24: after a line number; 25: after a line number, and with a hash of the photo
    behind its id.
    """

    def __init__(self, path: Path, start: bytes) -> None:
        self._path = path
        self._decompressed = (
            bz2.open
            if start.startswith(b"BZh")
            else gzip.open
            if start[:2] == b"\x1f\x8b"
            else open
        )
        with self._open() as file:
            lines = [file.readline(_LONGEST_LINE) for _ in range(_LINES_TO_LOOK_AT)]
        for line in lines:
            cells = line.split(b"\t")
            self._columns = len(cells)
            self._id_at = min(self._columns - len(COLUMNS), 1)
            if len(COLUMNS) <= self._columns <= len(COLUMNS) + 2 and cells[self._id_at].isdigit():
                break
        else:
            raise no_metadata(path, "no line of 23, 24 or 25 columns with a photo id")
        behind = self._columns - len(COLUMNS)
        self._places = {column: COLUMNS.index(column) + behind for column in NEEDED}
        self._places["photoid"] = self._id_at

    def rows(self, wanted: Set[str], tick: Tick) -> Iterator[Row | None]:
        id_at, splits = self._id_at, self._id_at + 1
        try:
            with self._open() as file:
                for lines in _blocks_of_lines(file):
                    for line in lines:
                        cells = line.split("\t", splits)
                        if len(cells) > splits and cells[id_at] in wanted:
                            yield self._row(line)
                        elif line.strip() and not cells[0].isdigit():
                            yield None
                    tick(len(lines))
        except UNREADABLE as error:
            raise unreadable(self._path, error) from None

    def _open(self) -> BinaryIO:
        return cast("BinaryIO", self._decompressed(self._path, "rb"))

    def _row(self, line: str) -> Row | None:
        cells = line.encode("latin-1").decode("utf-8", errors="replace").split("\t")
        if len(cells) != self._columns:
            return None
        return {column: cells[place] for column, place in self._places.items()}


def _blocks_of_lines(file: BinaryIO) -> Iterator[list[str]]:
    """Yield the lines of a file, many at a time. Latin 1 gives every byte a character, and fast.

    Raises ``EOFError`` where a line has no end.
    """
    rest = b""
    without_end = 0
    while block := file.read(_BLOCK):
        *lines, last = (rest + block).decode("latin-1").split("\n")
        without_end = 0 if lines else without_end + len(block)
        if without_end > _MOST_WITHOUT_END:
            raise EOFError(f"a line of more than {_MOST_WITHOUT_END} bytes has no end")
        rest = last[:_LONGEST_LINE].encode("latin-1")
        yield lines
    if rest:
        yield [rest.decode("latin-1")]
