"""The user's own labelled posts, never on Flickr, as a source of posts.

``prepare`` checks every row's id, label and votes, so that a mistake is reported before the build
has worked for hours. Whatever is not Parquet, or is Parquet with large row groups, is rewritten
once, so that each process reads only the rows of its range.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flickr_emotion.common.pages.batches import group_bytes
from flickr_emotion.common.tables.containers import is_packed
from flickr_emotion.common.tables.parquet_table import ParquetTable
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.class_columns import classes_of
from flickr_emotion.datasets.sources.folders import PICTURES
from flickr_emotion.datasets.sources.own_checks import check_rows
from flickr_emotion.datasets.sources.own_file import OwnFile, group_sizes, opened
from flickr_emotion.datasets.sources.own_rewriting import SCHEMA, rewrite
from flickr_emotion.datasets.sources.own_rows import contents_of
from flickr_emotion.datasets.sources.post_tables import (
    PostFile,
    PostTables,
    as_dataset_errors,
    open_posts,
)
from flickr_emotion.datasets.sources.raw_posts import Changed, Known

# Larger row groups are rewritten, because a row group is read as a whole.
_MOST_ROWS = 20_000
_MOST_BYTES = 32 * 2**20


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

    def facts(self) -> dict[str, Any]:
        """Return nothing: each build judges all posts of one's own again."""
        return {}

    def read_changed(self, first: int, last: int, known: Known) -> Changed:
        """Return all rows of one range: their posts have no ``input``."""
        return Changed(self.read(first, last), np.empty(0, np.int64))

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
        check_rows(path, source.files, classes_of(list(posts.chosen.columns)))
    return source


def _can_be_read_in_parts(file: PostFile, chosen: Mapping[str, str]) -> bool:
    if not isinstance(file.table, ParquetTable) or is_packed(file.table.path):
        return False
    path, names = file.table.path, list(chosen.values())
    with opened(path, path) as parquet, path.open("rb") as raw:
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
        groups=group_sizes(path, path),
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
            groups=group_sizes(out, given),
        )
    ]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
