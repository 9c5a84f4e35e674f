"""Reads what posts hold from the shards: texts, tags and pictures, a row group at a time.

The browser asks for the pictures of a page one by one, and those of one row group lie together. So
a row group's pictures are read once for all posts that are shown at the time. Texts and tags are
read ahead, because most of the time of a search is that of reading them. What is kept is bounded in
bytes. Each column of a row group is compared with its checksum when it is first read.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import open_parquet, rows_of_bytes
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DamagedDatasetError
from flickr_emotion.datasets.folder.group_checksums import GroupChecks
from flickr_emotion.datasets.folder.reading import Dataset

_MOST_KEPT = 64 * 2**20
_MOST_SEARCHED = 64 * 2**20
_AT_ONCE = 8 * 2**20
_TABLES_KEPT = 16
_MOST_SHOWN = 256


@dataclass(frozen=True)
class _Group:
    """A row group: the number of its first post, its shard, and its place in it."""

    first: int
    rows: int
    shard: Path
    number: int


class ShardReader:
    """The contents of posts, by number (``post_index.py``); can be used by several threads."""

    def __init__(self, dataset: Dataset) -> None:
        """Open the shards of a data set; raises ``DamagedDatasetError``."""
        self._dataset = dataset
        self._lock = threading.Lock()
        self._files: dict[Path, pq.ParquetFile] = {}
        self._checks: dict[tuple[Path, str], GroupChecks] = {}
        self._checked: set[tuple[_Group, str]] = set()
        self._groups = list(self._all_groups())
        self._firsts = np.array([it.first for it in self._groups])
        self._searched: dict[tuple[int, str], pa.Array] = {}
        self._searched_bytes = 0
        self._tables: OrderedDict[int, pa.Table] = OrderedDict()
        self._pictures: OrderedDict[int, bytes | None] = OrderedDict()
        self._kept = 0
        self._shown: OrderedDict[int, None] = OrderedDict()

    def _all_groups(self) -> Iterator[_Group]:
        first = 0
        for split in SPLITS:
            for shard in self._dataset.shards(split):
                footer = self._file(shard).metadata
                for number in range(footer.num_row_groups):
                    rows = footer.row_group(number).num_rows
                    yield _Group(first, rows, shard, number)
                    first += rows

    def _file(self, shard: Path) -> pq.ParquetFile:
        if shard not in self._files:
            try:
                self._files[shard] = open_parquet(shard)
            except (OSError, pa.ArrowException) as error:
                raise DamagedDatasetError(f"{shard} cannot be read ({error})") from None
        return self._files[shard]

    def _check(self, group: _Group, columns: tuple[str, ...]) -> None:
        for column in columns:
            if (group, column) in self._checked:
                continue
            key = group.shard, column
            if key not in self._checks:
                self._checks[key] = self._dataset.group_checks(group.shard, [column])
            self._checks[key].group(group.number)
            self._checked.add((group, column))

    def _group_of(self, post: int) -> int:
        return int(np.searchsorted(self._firsts, post, side="right")) - 1

    def columns(self, name: str) -> Iterator[tuple[int, pa.Array]]:
        """Yield a column of all posts, a row group at a time, with the number of its first post."""
        for place, group in enumerate(self._groups):
            with self._lock:
                column = self._searched.get((place, name))
                if column is None:
                    column = self._read(group, (name,)).column(name).combine_chunks()
                    if self._searched_bytes + column.nbytes <= _MOST_SEARCHED:
                        self._searched[place, name] = column
                        self._searched_bytes += column.nbytes
            yield group.first, column

    def read_ahead(self, names: Sequence[str], stop: threading.Event) -> None:
        """Read columns that will be asked for, as far as they are kept, until ``stop`` is set.

        It ends where a column is damaged; the search that needs this column reports the damage.
        """
        with suppress(DamagedDatasetError):
            for name in names:
                for _ in self.columns(name):
                    if stop.is_set() or self._searched_bytes > _MOST_SEARCHED - _AT_ONCE:
                        return

    def posts(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return text, tags, label, votes and the like of posts; no pictures."""
        names = tuple(it for it in self._dataset.schema.names if it != "image")
        found = []
        with self._lock:
            for post in numbers:
                place = self._group_of(post)
                group = self._groups[place]
                if place not in self._tables:
                    self._tables[place] = self._read(group, names)
                    while len(self._tables) > _TABLES_KEPT:
                        self._tables.popitem(last=False)
                self._tables.move_to_end(place)
                (row,) = self._tables[place].slice(post - group.first, 1).to_pylist()
                found.append(row)
        return found

    def _read(self, group: _Group, names: tuple[str, ...]) -> pa.Table:
        try:
            self._check(group, names)
            # A thread for each column would take longer than so few rows do.
            return self._file(group.shard).read_row_group(
                group.number, columns=list(names), use_threads=False
            )
        except (OSError, pa.ArrowException) as error:
            raise DamagedDatasetError(f"{group.shard} cannot be read ({error})") from None

    def will_show(self, numbers: Sequence[int]) -> None:
        """Say that the pictures of these posts will be asked for soon."""
        with self._lock:
            for post in numbers:
                self._shown[post] = None
                self._shown.move_to_end(post)
            while len(self._shown) > _MOST_SHOWN:
                self._shown.popitem(last=False)

    def picture(self, post: int) -> bytes | None:
        """Return the picture of a post; None if it has none."""
        with self._lock:
            if post not in self._pictures:
                self._read_pictures(post)
            self._pictures.move_to_end(post)
            return self._pictures[post]

    def _read_pictures(self, post: int) -> None:
        """Read a post's picture, and with it those of its row group that are shown."""
        group = self._groups[self._group_of(post)]
        last = group.first + group.rows
        wanted = {it for it in self._shown if group.first <= it < last} - self._pictures.keys()
        wanted.add(post)
        file = self._file(group.shard)
        at = group.first
        try:
            self._check(group, ("image",))
            rows = rows_of_bytes(file.metadata, _AT_ONCE, group.rows)
            batches = file.iter_batches(rows, row_groups=[group.number], columns=["image"])
            for batch in batches:
                for number in sorted(wanted):
                    if at <= number < at + batch.num_rows:
                        held = batch.column(0)[number - at].as_py()
                        self._keep(number, held["bytes"] if held else None)
                        wanted.discard(number)
                at += batch.num_rows
                if not wanted:
                    break
        except (OSError, pa.ArrowException) as error:
            raise DamagedDatasetError(f"{group.shard} cannot be read ({error})") from None
        # What a thread has freed would stay with it, and each request may run in another one.
        pa.default_memory_pool().release_unused()
        while self._kept > _MOST_KEPT and len(self._pictures) > 1:
            oldest = next(it for it in self._pictures if it != post)
            self._kept -= len(self._pictures.pop(oldest) or b"")

    def _keep(self, post: int, picture: bytes | None) -> None:
        self._pictures[post] = picture
        self._kept += len(picture or b"")
