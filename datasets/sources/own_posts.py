"""The user's own labelled posts, never on Flickr: a Parquet or CSV file as a source of posts.

``prepare`` checks every row's id, label and votes, so that a mistake is reported before the build
has worked for hours. A CSV, or a Parquet file with large row groups, is rewritten once, so that
each process reads only the rows of its range.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.pages.batches import group_bytes
from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.datasets.sources.columns import check_types, image_of, tags_of
from flickr_emotion.datasets.sources.own_rewriting import rewrite_csv, rewrite_parquet
from flickr_emotion.datasets.sources.own_rows import (
    choose_columns,
    label_of,
    name_of,
    photo_id_of,
    place_of,
    unreadable,
    votes_of,
)

# Larger row groups are rewritten, because a row group is read as a whole.
_MOST_ROWS = 20_000
_MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, kw_only=True)
class OwnPosts:
    """A file of the user's own posts, checked and cut into row groups: a ``Source``."""

    path: Path
    """The Parquet file that is read."""
    given: Path
    """The file that the user gave; relative paths of pictures start at its folder."""
    columns: tuple[str, ...]
    """The columns that hold values."""
    min_votes: int
    kind: str = "labels"

    def count(self) -> int:
        """Return the number of posts."""
        return sum(rows for rows, _ in _group_sizes(self.path))

    def digest(self) -> str:
        """Return a SHA-256 of the file that the user gave."""
        with self.given.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the rows into ranges [first, last) of about ``size``, aligned with row groups.

        A range of large pictures has fewer rows.
        """
        found: list[tuple[int, int]] = []
        first = last = held = 0
        for rows, bytes_ in _group_sizes(self.path):
            if last > first and (last - first + rows > size or held + bytes_ > _MOST_BYTES):
                found.append((first, last))
                first, held = last, 0
            last += rows
            held += bytes_
            while last - first > size:
                found.append((first, first + size))
                first += size
        return found + [(first, last)] * (last > first)

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the rows of one range; raises ``DatasetError``."""
        with _opened(self.path, self.given) as file:
            start, groups = 0, []
            skipped = 0
            for number in range(file.num_row_groups):
                end = start + file.metadata.row_group(number).num_rows
                if end <= first:
                    skipped = end
                elif start < last:
                    groups.append(number)
                start = end
            table = file.read_row_groups(groups, columns=list(self.columns), use_threads=False)
            table = table.slice(first - skipped, last - first)
            return [self._raw(row, number) for number, row in enumerate(table.to_pylist(), first)]

    def _raw(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        where = place_of(self.given, number)
        label = label_of(row["label"], where)
        votes = votes_of(row.get("votes"), where)
        image = image_of(row.get("image"), self.given.parent)
        if isinstance(image, Path) and "\0" in str(image):
            raise DatasetError(
                f"{where}: the path of the picture holds a null character: give the name of a file"
            )
        reason = None
        if label is None:
            reason = "no-label"
        elif votes is not None and votes < self.min_votes:
            reason = "votes"
        has_text = "text" in self.columns
        return {
            "photo_id": str(row["photo_id"]),
            "source": f"{self.given.name}:{number + 1}",
            "reason": reason,
            "label": label,
            "votes": votes,
            "title": None if has_text else row.get("title"),
            "description": row.get("text" if has_text else "description"),
            "tags": tags_of(row.get("tags")),
            "image_bytes": image if isinstance(image, bytes) else None,
            "image_path": str(image) if isinstance(image, Path) else None,
            "owner": name_of(row.get("owner")),
            "license": name_of(row.get("license")),
        }


def prepare(path: Path, workspace: Path, *, min_votes: int) -> OwnPosts:
    """Check a file of posts and return it as a source; raises ``DatasetError``.

    The columns are ``photo_id``, ``label``, ``text`` or ``title`` and ``description``, ``tags``,
    ``image``, and optionally ``votes``, ``owner``, ``license``; others are ignored. A rewritten
    file goes into the folder ``workspace``, which must exist as long as the source is used.
    """
    path = path.resolve()
    readable = path
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise DatasetError(f"{path} is neither .parquet nor .csv: give such a file of posts")
    if suffix == ".csv":
        readable = workspace / "own_posts.parquet"
        rewrite_csv(path, readable)
    with _opened(readable, path) as file:
        columns = check_types(file, path, choose_columns(path, file.schema_arrow.names))
        if not file.metadata.num_rows:
            raise DatasetError(f"{path} has no rows: give a file with posts")
        if "label" not in columns:
            raise DatasetError(f"{path}: no row has a label: give the class of each post")
        if _has_large_groups(readable, file, columns):
            rewritten = workspace / "own_posts.parquet"
            rewrite_parquet(readable, file, columns, rewritten)
            readable = rewritten
    source = OwnPosts(path=readable, given=path, columns=tuple(columns), min_votes=min_votes)
    _check_rows(source)
    return source


def _has_large_groups(path: Path, file: pq.ParquetFile, columns: Sequence[str]) -> bool:
    with path.open("rb") as raw:
        return any(
            file.metadata.row_group(group).num_rows > _MOST_ROWS
            or group_bytes(raw, file, group, columns) > _MOST_BYTES
            for group in range(file.num_row_groups)
        )


def _check_rows(source: OwnPosts) -> None:
    """Check every row's id, label and votes, and that no id occurs twice."""
    with _opened(source.path, source.given) as file:
        few = [name for name in ("photo_id", "label", "votes") if name in source.columns]
        # To save memory, an id is kept as an 8-byte hash; equal hashes are compared by id below.
        classes: set[str | None] = set()
        hashes = np.empty(file.metadata.num_rows, dtype=np.int64)
        for number, row in _rows(file, few):
            where = place_of(source.given, number)
            hashes[number] = hash(photo_id_of(row["photo_id"], where))
            classes.add(label_of(row["label"], where))
            if len(classes) > MOST_CLASSES + (None in classes):
                raise DatasetError(
                    f"{source.given} has more than {MOST_CLASSES} different labels up to row "
                    f"{number + 1}: give the class of each post in the column label"
                )
            votes_of(row.get("votes"), where)
        ordered = np.sort(hashes)
        doubled = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
        if doubled:
            _refuse_doubled(file, source.given, doubled)


def _refuse_doubled(file: pq.ParquetFile, path: Path, doubled: set[int]) -> None:
    seen: dict[str, int] = {}
    for number, row in _rows(file, ["photo_id"]):
        photo_id = str(row["photo_id"])
        if hash(photo_id) not in doubled:
            continue
        if photo_id in seen:
            raise DatasetError(
                f"{path}: rows {seen[photo_id] + 1} and {number + 1} have the same photo_id "
                f"{photo_id!r}: give each post an id of its own"
            )
        seen[photo_id] = number


def _rows(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    for batch in file.iter_batches(_MOST_ROWS, columns=list(columns)):
        for row in batch.to_pylist():
            yield number, row
            number += 1


def _group_sizes(path: Path) -> list[tuple[int, int]]:
    """Return the rows and bytes of each row group."""
    with _opened(path, path) as file:
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
        return [(group.num_rows, group.total_byte_size) for group in groups]


@contextmanager
def _opened(path: Path, given: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file that is read in small pieces instead of a row group at a time."""
    try:
        with open_parquet(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise unreadable(given, error) from None
