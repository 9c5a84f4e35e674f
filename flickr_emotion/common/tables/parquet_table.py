"""Tables in Parquet, in the types of pyarrow, pandas, polars, DuckDB and Hugging Face."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.pages.batches import small_batches
from flickr_emotion.common.tables.class_names import class_names
from flickr_emotion.common.tables.containers import is_packed, seekable
from flickr_emotion.common.tables.plain_values import plain_values
from flickr_emotion.common.tables.table import Row, TableError, column_name

ROWS_PER_READ = 128
BYTES_PER_READ = 1 << 20


class ParquetTable:
    """A table in a Parquet file: a ``Table``."""

    def __init__(self, path: Path, member: str | None = None) -> None:
        """Read the footer; raises ``TableError``, ``OSError``."""
        self.path = path
        self._member = member
        self.notes: tuple[str, ...] = ()
        with self._opened() as (file, _):
            self.schema: pa.Schema = file.schema_arrow
            self.count: int = file.metadata.num_rows
        names = (column_name(name, n) for n, name in enumerate(self.schema.names, 1))
        self.columns: tuple[str, ...] | None = tuple(names)

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the rows; ``ragged`` changes nothing."""
        return self.rows_of(range(len(self.schema)))

    def rows_of(self, places: Sequence[int], *, most: int = ROWS_PER_READ) -> Iterator[Row]:
        """Yield the rows with the values of some columns, ``most`` rows at a time."""
        classes = class_names(self.schema)
        names = [classes.get(self.schema.field(place).name) for place in places]
        number = 0
        chosen = [self.schema.field(place).name for place in places]
        with self._opened() as (file, source):
            for batch in small_batches(source, file, chosen, most_rows=most):
                held = {name: batch.column(at) for at, name in enumerate(batch.schema.names)}
                columns = [
                    plain_values(held[name], known)
                    for name, known in zip(chosen, names, strict=True)
                ]
                for at in range(batch.num_rows):
                    number += 1
                    yield Row(number, tuple(column[at] for column in columns))

    @contextmanager
    def _opened(self) -> Iterator[tuple[pq.ParquetFile, Path | BinaryIO]]:
        """Open the file, to be read in small pieces instead of a row group at a time."""
        options = {
            "pre_buffer": False,
            "buffer_size": BYTES_PER_READ,
            "page_checksum_verification": True,
        }
        try:
            with (
                _source(self.path, self._member) as source,
                pq.ParquetFile(source, **options) as file,
            ):
                yield file, source
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise TableError(
                f"{self.path} cannot be read ({reason}): give a Parquet or CSV file"
            ) from None


@contextmanager
def _source(path: Path, member: str | None) -> Iterator[Path | BinaryIO]:
    if not is_packed(path):
        yield path
        return
    with seekable(path, member) as copy:
        yield copy
