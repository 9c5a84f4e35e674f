"""Checksums of the columns of each row group, for what Parquet's own page checksums leave out.

They cover the content of a page and not its header, in which one bit changes how many values a page
has or how they are packed, and other values are read without a word. So ``dataset.json`` carries a
CRC-32 of every column of every row group of a shard, headers and all, in hexadecimal: eight digits
a column, one string a row group. With the digest of the footer they cover every byte of a shard,
and whoever reads a few columns of a few groups compares these alone.
"""

import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from flickr_emotion.datasets.errors import DamagedDatasetError

_DIGITS = 8
_PIECE = 2**20


def group_checksums(path: Path) -> list[str]:
    """Return the checksums of a file: a string for each row group."""
    footer = pq.read_metadata(path)
    with path.open("rb") as file:
        return [
            "".join(_checksum(file, footer, group, column) for column in range(footer.num_columns))
            for group in range(footer.num_row_groups)
        ]


class GroupChecks:
    """Compares the columns that are read of a shard with their checksums, group by group."""

    def __init__(self, path: Path, columns: Collection[str], expected: Sequence[str]) -> None:
        """Begin with a shard; ``expected`` is empty where there are no checksums to compare."""
        self._path = path
        self._columns = frozenset(columns)
        self._expected = expected
        self._footer = pq.read_metadata(path) if expected else None
        self._up_to = 0
        self._rows = 0

    def up_to_row(self, rows: int) -> None:
        """Compare all groups that hold the first ``rows`` rows, each once."""
        while self._footer is not None and self._rows < rows:
            self.group(self._up_to)
            self._rows += self._footer.row_group(self._up_to).num_rows
            self._up_to += 1

    def rest(self) -> None:
        """Compare the groups that were not compared yet."""
        if self._footer is not None:
            self.up_to_row(self._footer.num_rows)

    def group(self, number: int) -> None:
        """Compare one group; raises ``DamagedDatasetError`` where it is damaged, ``OSError``."""
        if self._footer is None:
            return
        with self._path.open("rb") as file:
            for column in self._leaves():
                found = _checksum(file, self._footer, number, column)
                at = column * _DIGITS
                if self._expected[number][at : at + _DIGITS] != found:
                    name = self._footer.schema.column(column).path.partition(".")[0]
                    raise DamagedDatasetError(
                        f"{self._path} is damaged (the column {name} of row group {number + 1} is "
                        "not as it was written)"
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
    while left > 0 and (piece := file.read(min(left, _PIECE))):
        found = zlib.crc32(piece, found)
        left -= len(piece)
    return f"{found:0{_DIGITS}x}"
