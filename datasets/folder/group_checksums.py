"""Checksums of the columns of each row group, because Parquet's page checksums miss page headers.

One flipped bit in a page's header changes how many values the page has or how they are packed, and
wrong values are read without an error. So ``dataset.json`` holds a CRC-32 of every column of every
row group of a shard, including page headers, in hexadecimal: one string for each row group, eight
digits for each column. Together with the digest of the footer they cover every byte of a shard. A
reader of a few columns of a few row groups checks only these.
"""

import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import read_footer
from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.datasets.errors import DamagedDatasetError

_DIGITS = 8
_BYTES_PER_READ = 2**20


def group_checksums(path: Path) -> list[str]:
    """Return the checksums of a file: a string for each row group."""
    footer = read_footer(path)
    with open_plain(path) as file:
        return [
            "".join(_checksum(file, footer, group, column) for column in range(footer.num_columns))
            for group in range(footer.num_row_groups)
        ]


class GroupChecks:
    """Compares the columns that are read from a shard with their checksums, group by group."""

    def __init__(self, path: Path, columns: Collection[str], expected: Sequence[str]) -> None:
        """Prepare to check a shard; ``expected`` is empty for a shard without checksums."""
        self._path = path
        self._columns = frozenset(columns)
        self._expected = expected
        self._footer = read_footer(path) if expected else None
        self._up_to = 0
        self._rows = 0

    def up_to_row(self, rows: int) -> None:
        """Check the groups that hold the first ``rows`` rows, each once."""
        while self._footer is not None and self._rows < rows:
            self.group(self._up_to)
            self._rows += self._footer.row_group(self._up_to).num_rows
            self._up_to += 1

    def rest(self) -> None:
        """Check the groups that have not been checked yet."""
        if self._footer is not None:
            self.up_to_row(self._footer.num_rows)

    def group(self, number: int) -> None:
        """Check one group; raises ``DamagedDatasetError``, or ``OSError`` if it is unreadable."""
        if self._footer is None:
            return
        with open_plain(self._path) as file:
            for column in self._leaves():
                found = _checksum(file, self._footer, number, column)
                at = column * _DIGITS
                if self._expected[number][at : at + _DIGITS] != found:
                    name = self._footer.schema.column(column).path.partition(".")[0]
                    raise DamagedDatasetError(
                        f"{self._path} is damaged (the column {name} of row group {number + 1} "
                        "does not match its checksum)"
                    )

    def _leaves(self) -> Iterator[int]:
        assert self._footer is not None
        for column in range(self._footer.num_columns):
            if self._footer.schema.column(column).path.partition(".")[0] in self._columns:
                yield column


def _checksum(file: BinaryIO, footer: pq.FileMetaData, group: int, column: int) -> str:
    chunk = footer.row_group(group).column(column)
    starts = [chunk.data_page_offset]
    if chunk.has_dictionary_page:
        starts.append(chunk.dictionary_page_offset)
    file.seek(min(starts))
    left, found = chunk.total_compressed_size, 0
    while left > 0 and (piece := file.read(min(left, _BYTES_PER_READ))):
        found = zlib.crc32(piece, found)
        left -= len(piece)
    return f"{found:0{_DIGITS}x}"
