"""Writes rows to Parquet in row groups of a fixed size, whatever the size of the tables given.

So the same rows give the same bytes, and a reader can read a few of them. A row group with pictures
is cut by their bytes too: Arrow cannot hold 2 GiB of pictures in one column, and readers hold a row
group in memory.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flickr_emotion.common.parquet_files import parquet_writer

Sizes = Callable[[pa.Table], npt.NDArray[np.int64]]
"""Returns the bytes that each row of a table counts."""


class RowGroups:
    """Cuts tables into groups of ``rows`` rows each, or of fewer with at most ``most_bytes``."""

    def __init__(
        self, schema: pa.Schema, rows: int, sizes: Sizes | None = None, most_bytes: int = 0
    ) -> None:
        """Start without rows; without ``sizes``, bytes are not counted."""
        self._rows = rows
        self._sizes = sizes
        self._most_bytes = most_bytes
        self.rest = schema.empty_table()
        """Rows that do not fill a group yet."""

    def cut(self, table: pa.Table) -> Iterator[pa.Table]:
        """Add a table, and yield the groups that are now full."""
        waiting = pa.concat_tables([self.rest, table])
        first = 0
        for end in self._ends(waiting):
            yield waiting.slice(first, end - first).combine_chunks()
            first = end
        # Copied, because a slice would keep the groups that are written in memory.
        rest = waiting.slice(first)
        self.rest = rest.combine_chunks() if first and self._sizes else rest

    def _ends(self, waiting: pa.Table) -> list[int]:
        """Return where the groups end that are full."""
        if self._sizes is None:
            return list(range(self._rows, waiting.num_rows + 1, self._rows))
        return full_groups(self._sizes(waiting), self._rows, self._most_bytes)


def full_groups(sizes: npt.NDArray[np.int64], rows: int, most_bytes: int) -> list[int]:
    """Return the ends of groups of at most ``rows`` rows and ``most_bytes``.

    A row of more bytes has a group of its own. The rows after the last end do not fill a group yet.
    """
    totals = np.cumsum(sizes)
    ends: list[int] = []
    first = 0
    while True:
        before = int(totals[first - 1]) if first else 0
        fitting = int(np.searchsorted(totals, before + most_bytes, side="right"))
        end = min(first + rows, max(fitting, first + 1))
        # A group that only bytes could fill is open until the next row is known.
        if end > len(sizes) or (end == len(sizes) and end < first + rows):
            return ends
        ends.append(end)
        first = end


@contextmanager
def parquet_in_groups(
    path: Path, schema: pa.Schema, rows: int
) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that writes tables of ``schema`` to a file, in row groups of ``rows``."""
    groups = RowGroups(schema, rows)
    with parquet_writer(path, schema) as writer:

        def write(table: pa.Table) -> None:
            for group in groups.cut(table.cast(schema)):
                writer.write_table(group, row_group_size=rows)

        yield write
        writer.write_table(groups.rest.combine_chunks())
