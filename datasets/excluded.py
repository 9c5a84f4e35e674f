"""``excluded.parquet``: every listed photo and row that is not in the data set, and why.

Filters that drop posts without a trace make data sets nobody can check, so nothing is dropped here
without a row that says where it came from and which rule it met.
"""

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

GROUP = "group"
"""The reason for a post that would leak: one like it is evaluated on, and it may not be."""

SCHEMA = pa.schema(
    [
        # Null where the row names no photo.
        pa.field("photo_id", pa.string()),
        # File and row of the list.
        pa.field("source", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
_ROW_GROUP = 100_000


class ExcludedWriter:
    """Writes ``excluded.parquet``; used in a ``with`` statement."""

    def __init__(self, path: Path) -> None:
        """Write to ``path``."""
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._waiting = SCHEMA.empty_table()

    def __enter__(self) -> "ExcludedWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.write_table(self._waiting)
        self._writer.close()

    def write(self, rows: pa.Table) -> None:
        """Take further rows (``SCHEMA``)."""
        self._waiting = pa.concat_tables([self._waiting, rows.cast(SCHEMA)])
        if self._waiting.num_rows >= _ROW_GROUP:
            self._writer.write_table(self._waiting.combine_chunks())
            self._waiting = SCHEMA.empty_table()
