"""The file formats of YFCC100M's metadata, and how each is searched for wanted photos.

Only a few of a hundred million rows are wanted, so only the photo id of a row is read unless it is
wanted. The format is recognized by the file's first bytes, not by its name.
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

_BLOCK = 2**22  # Bytes read at a time.
_LONGEST_LINE = 2**22  # Bytes of a row at most; a longer one is malformed.
# A few megabytes can decompress to a line that never ends.
_MOST_WITHOUT_END = 2**26
_LINES_TO_LOOK_AT = 20


class MetadataFile(Protocol):
    """One file of YFCC100M's metadata, in any format."""

    def rows(self, wanted: Set[str], tick: Tick) -> Iterator[Row | None]:
        """Yield the columns ``NEEDED`` of each wanted row, or None for a malformed row.

        ``tick`` is called regularly with the number of rows searched since the last time. Ids may
        be removed from ``wanted`` meanwhile. Raises ``HarvestError`` if the file cannot be read to
        its end.
        """


def open_metadata(path: Path) -> MetadataFile:
    """Return a metadata file by its format.

    Raises ``HarvestError`` if it is not YFCC100M's metadata.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
        if not start.startswith((b"PAR1", b"SQLite format 3\0")):
            return TextFile(path, start)
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    # Imported here because pyarrow takes a while to load and most crawls do not need it.
    from flickr_emotion.harvest.yfcc100m.tables import ParquetFile, SqliteFile

    return ParquetFile(path) if start.startswith(b"PAR1") else SqliteFile(path)


class TextFile:
    """Tab-separated rows, as published. The number of columns depends on the release.

    23: the columns of ``COLUMNS``; 24: a line number comes first; 25: a line number comes first,
    and a hash of the photo follows its id.
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
    """Yield the lines of a file, many at a time, as Latin 1, which is fast and fits every byte.

    Raises ``EOFError`` if a line has no end.
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
