"""The user's own labelled posts, never on Flickr, as a source of posts.

``prepare`` checks every row's id, label and votes, so that a mistake is reported before the build
has worked for hours. Whatever is not Parquet, or is Parquet with large row groups, is rewritten
once, so that each process reads only the rows of its range.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.pages.batches import group_bytes
from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.tables.class_names import class_names
from flickr_emotion.common.tables.containers import is_packed
from flickr_emotion.common.tables.parquet_table import ParquetTable
from flickr_emotion.common.tables.plain_values import plain_values
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.datasets.sources.folders import PICTURES
from flickr_emotion.datasets.sources.own_rewriting import SCHEMA, rewrite
from flickr_emotion.datasets.sources.own_rows import contents_of, labelled_of, place_of
from flickr_emotion.datasets.sources.post_tables import (
    PostFile,
    PostTables,
    as_dataset_errors,
    open_posts,
)

# Larger row groups are rewritten, because a row group is read as a whole.
_MOST_ROWS = 20_000
_MOST_BYTES = 32 * 2**20
_CHECKED = ("photo_id", "source", "label", "split", "votes")


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
        with _opened(self.path, self.given) as file:
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


@dataclass(frozen=True, kw_only=True)
class OwnPosts:
    """Posts of the user's own, checked and cut into row groups: a ``Source``."""

    given: Path
    files: tuple[OwnFile, ...]
    min_votes: int
    kind: str = "labels"

    @property
    def path(self) -> Path:
        """The first Parquet file that is read."""
        return self.files[0].path

    def count(self) -> int:
        """Return the number of posts."""
        return sum(file.count for file in self.files)

    def digest(self) -> str:
        """Return a SHA-256 of the file that the user gave, or of all names and files of a folder.

        Of pictures in a folder only names and sizes count: the posts' own digests cover them.
        """
        if self.given.is_file():
            return _file_digest(self.given)
        whole = hashlib.sha256()
        for path in sorted(path for path in self.given.rglob("*") if path.is_file()):
            name = path.relative_to(self.given).as_posix()
            is_picture = path.suffix.lower() in PICTURES
            content = str(path.stat().st_size) if is_picture else _file_digest(path)
            whole.update(f"{name!r} {content}\n".encode("utf-8", errors="surrogatepass"))
        return whole.hexdigest()

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the rows into ranges [first, last) of about ``size``, aligned with row groups.

        A range of large pictures has fewer rows.
        """
        found: list[tuple[int, int]] = []
        first = last = held = 0
        for rows, bytes_ in (group for file in self.files for group in file.groups):
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
        found = []
        start = 0
        for file in self.files:
            rows = file.count
            there = max(first - start, 0), min(last - start, rows)
            if there[0] < there[1]:
                found += [self._raw(file, where, it) for where, it in file.posts(*there)]
            start += rows
        return found

    def _raw(self, file: OwnFile, where: str, cells: dict[str, Any]) -> dict[str, Any]:
        post = file.labelled(where, cells)
        if file.final:
            held = cells["image"] or {}
            image = held.get("bytes") or (held.get("path") and Path(held["path"]))
        else:
            post |= contents_of(cells, where, file.folder)
            image = post["image"]
        reason = None
        if post["label"] is None:
            reason = "no-label"
        elif post["votes"] is not None and post["votes"] < self.min_votes:
            reason = "votes"
        return {
            **{name: value for name, value in post.items() if name != "image"},
            "reason": reason,
            "image_bytes": image if isinstance(image, bytes) else None,
            "image_path": str(image) if isinstance(image, Path) else None,
        }


def prepare(
    path: Path,
    workspace: Path,
    *,
    min_votes: int,
    columns: str | None = None,
    encoding: str | None = None,
    posts: PostTables | None = None,
) -> OwnPosts:
    """Check posts of one's own and return them as a source; raises ``DatasetError``.

    ``columns`` and ``encoding`` are the options of these names (``open_posts``); ``posts`` are the
    posts where they were opened before. A rewritten file goes into the folder ``workspace``, which
    must exist as long as the source is used.
    """
    with as_dataset_errors():
        path = path.resolve()
        posts = posts or open_posts(path, columns=columns, encoding=encoding)
        files: list[OwnFile] = []
        waiting: list[PostFile] = []
        for file in posts.files:
            if _can_be_read_in_parts(file, posts.chosen.columns):
                files += _rewritten(posts, waiting, workspace, len(files))
                files.append(_as_it_is(posts, file))
                waiting = []
            else:
                waiting.append(file)
        files += _rewritten(posts, waiting, workspace, len(files))
        source = OwnPosts(given=path, files=tuple(files), min_votes=min_votes)
        if not source.count():
            raise DatasetError(f"{path} has no rows: give a file with posts")
        _check_rows(source)
    return source


def _can_be_read_in_parts(file: PostFile, chosen: Mapping[str, str]) -> bool:
    if not isinstance(file.table, ParquetTable) or is_packed(file.table.path):
        return False
    path, names = file.table.path, list(chosen.values())
    with _opened(path, path) as parquet, path.open("rb") as raw:
        return all(
            parquet.metadata.row_group(group).num_rows <= _MOST_ROWS
            and group_bytes(raw, parquet, group, names) <= _MOST_BYTES
            for group in range(parquet.num_row_groups)
        )


def _as_it_is(posts: PostTables, file: PostFile) -> OwnFile:
    path = file.table.path
    return OwnFile(
        path=path,
        given=path,
        name=file.name,
        stem=file.stem,
        folder=file.folder,
        columns=tuple(posts.chosen.columns.items()),
        final=False,
        groups=_group_sizes(path, path),
    )


def _rewritten(
    posts: PostTables, files: list[PostFile], workspace: Path, number: int
) -> list[OwnFile]:
    if not files:
        return []
    out = workspace / f"own_posts_{number}.parquet"
    rewrite(posts, files, out)
    given = files[0].table.path if len(files) == 1 else posts.path
    return [
        OwnFile(
            path=out,
            given=given,
            name=given.name,
            stem="",
            folder=given.parent,
            columns=tuple((name, name) for name in SCHEMA.names),
            final=True,
            groups=_group_sizes(out, given),
        )
    ]


def _check_rows(source: OwnPosts) -> None:
    """Check every row's id, label and votes, and that no id occurs twice."""
    # To save memory, an id is kept as an 8-byte hash; equal hashes are compared by id below.
    classes: set[str | None] = set()
    hashes = np.empty(source.count(), dtype=np.int64)
    for number, post in enumerate(_labelled(source, _CHECKED)):
        hashes[number] = hash(post["photo_id"])
        classes.add(post["label"])
        if len(classes) > MOST_CLASSES + (None in classes):
            raise DatasetError(
                f"{source.given} has more than {MOST_CLASSES} different labels up to row "
                f"{number + 1}: give the class of each post in the column label"
            )
    ordered = np.sort(hashes)
    doubled = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    if doubled:
        _refuse_doubled(source, doubled)


def _refuse_doubled(source: OwnPosts, doubled: set[int]) -> None:
    seen: dict[str, str] = {}
    for post in _labelled(source, ("photo_id", "source")):
        photo_id, place = post["photo_id"], post["source"]
        if hash(photo_id) not in doubled:
            continue
        if photo_id in seen:
            raise DatasetError(
                f"{source.given}: {_both(seen[photo_id], place)} have the same photo_id "
                f"{photo_id!r}: give each post an id of its own"
            )
        seen[photo_id] = place


def _both(one: str, other: str) -> str:
    """Name two rows, of one file or of two."""
    (file, _, row), (second, _, last) = one.rpartition(":"), other.rpartition(":")
    return (
        f"rows {row} and {last}"
        if file == second
        else f"{file}, row {row}, and {second}, row {last},"
    )


def _labelled(source: OwnPosts, meanings: Sequence[str]) -> Iterator[dict[str, Any]]:
    for file in source.files:
        first = 0
        for rows, _ in file.groups:
            for where, cells in file.posts(first, first + rows, meanings):
                yield file.labelled(where, cells)
            first += rows


def _values(column: pa.ChunkedArray, classes: Sequence[str] | None) -> list[Any]:
    return [value for chunk in column.chunks for value in plain_values(chunk, classes)]


def _group_sizes(path: Path, given: Path) -> tuple[tuple[int, int], ...]:
    with _opened(path, given) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        return tuple((group.num_rows, group.total_byte_size) for group in groups)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path, given: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file that is read in small pieces instead of a row group at a time."""
    try:
        with open_parquet(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DatasetError(
            f"{given} cannot be read ({reason}): give a Parquet or CSV file"
        ) from None
