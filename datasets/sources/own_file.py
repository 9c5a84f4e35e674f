"""A Parquet file of the user's own posts, read by ranges of rows.

It is the file that the user gave, or one that was rewritten from it (``own_rewriting``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.tables.class_names import class_names
from flickr_emotion.common.tables.plain_values import plain_values
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.own_rows import labelled_of, place_of


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """A Parquet file of posts: as the user gave it, or rewritten."""

    path: Path
    """The file that is read."""
    given: Path
    """The file that the user gave, for messages."""
    name: str
    stem: str
    folder: Path
    """Where relative paths of pictures start."""
    columns: tuple[tuple[str, str], ...]
    """Meaning and name of each column that is read."""
    final: bool
    """Whether it is rewritten, so that its values need not be read again by any rule."""
    groups: tuple[tuple[int, int], ...]
    """The rows and bytes of each row group."""

    @property
    def count(self) -> int:
        """The number of rows."""
        return sum(rows for rows, _ in self.groups)

    def posts(
        self, first: int, last: int, meanings: Sequence[str] | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield place and cells of the rows [first, last), of all meanings or of some."""
        chosen = {m: name for m, name in self.columns if meanings is None or m in meanings}
        start = skipped = 0
        numbers = []
        for number, (rows, _) in enumerate(self.groups):
            if start + rows <= first:
                skipped = start + rows
            elif start < last:
                numbers.append(number)
            start += rows
        with opened(self.path, self.given) as file:
            names = list(chosen.values())
            table = file.read_row_groups(numbers, columns=names, use_threads=False)
            table = table.slice(first - skipped, last - first)
            known = class_names(file.schema_arrow)
            columns = [_values(table.column(name), known.get(name)) for name in names]
        meanings_ = tuple(chosen)
        for number, values in enumerate(zip(*columns, strict=True), first + 1):
            cells = dict(zip(meanings_, values, strict=True))
            if self.final:
                yield cells["source"], cells
            else:
                cells["source"] = f"{self.name}:{number}"
                yield place_of(self.given, number), cells

    def labelled(self, where: str, cells: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a row that say which post it is, and of which class."""
        if self.final:
            return cells
        number = cells["source"].rpartition(":")[2]
        return labelled_of(cells, where, f"{self.stem}:{number}") | {"source": cells["source"]}


def group_sizes(path: Path, given: Path) -> tuple[tuple[int, int], ...]:
    """Return the rows and bytes of each row group of a file."""
    with opened(path, given) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        return tuple((group.num_rows, group.total_byte_size) for group in groups)


@contextmanager
def opened(path: Path, given: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file that is read in small pieces instead of a row group at a time."""
    try:
        with open_parquet(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DatasetError(
            f"{given} cannot be read ({reason}): give a Parquet or CSV file"
        ) from None


def _values(column: pa.ChunkedArray, classes: Sequence[str] | None) -> list[Any]:
    return [value for chunk in column.chunks for value in plain_values(chunk, classes)]
