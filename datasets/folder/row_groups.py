"""Writes rows to Parquet in row groups of a fixed size, whatever the size of the tables given.

So the same rows give the same bytes, and a reader can read a few of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.parquet_files import parquet_writer


class RowGroups:
    """Cuts tables into groups of ``rows`` rows each."""

    def __init__(self, schema: pa.Schema, rows: int) -> None:
        """Start without rows."""
        self._rows = rows
        self.rest = schema.empty_table()
        """Rows that do not fill a group yet."""

    def cut(self, table: pa.Table) -> Iterator[pa.Table]:
        """Add a table, and yield the groups that are now full."""
        waiting = pa.concat_tables([self.rest, table])
        full = waiting.num_rows // self._rows * self._rows
        self.rest = waiting.slice(full)
        for first in range(0, full, self._rows):
            yield waiting.slice(first, self._rows).combine_chunks()


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
