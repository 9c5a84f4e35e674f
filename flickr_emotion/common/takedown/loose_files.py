"""Files that a user has put into a folder of ours, and that may show a withdrawn post.

Tables (answers of ``predict``, verdicts, suspects) lose the rows that name it, and our own pages
are removed, because their thumbnails name no post; the commands that wrote them write them again.
Any other file that names the post is the user's: it stays, and is named.
"""

import csv
import io
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.takedown.names import Names
from flickr_emotion.common.whole_files import whole_file

_OUR_PAGE = b"default-src 'none'; img-src data:"
_HEAD = 2000  # bytes
_LARGEST = 2**30
"""Larger files are not searched; they are named."""


@dataclass(kw_only=True)
class LooseFiles:
    """What became of a folder's loose files."""

    rewritten: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Those that still name a post, or could not be searched."""

    def notes(self, folder: Path) -> Iterator[str]:
        """Yield a line for the user on each file."""
        for name in self.rewritten:
            yield f"{folder / name}: the rows that name a withdrawn post are removed"
        for name in self.removed:
            yield f"{folder / name} is removed: write the page again"


def clean_loose_files(
    folder: Path, photo_ids: Collection[str], *, is_ours: Callable[[str], bool]
) -> LooseFiles:
    """Take posts out of a folder's loose files; ``is_ours`` tells the others by their names.

    Every file is written under another name first. Raises ``OSError``.
    """
    found = LooseFiles()
    if not photo_ids:
        return found
    names = Names(photo_ids)
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if is_ours(name):
            continue
        if path.stat().st_size > _LARGEST:
            found.left.append(name)
        elif path.suffix == ".html" and _OUR_PAGE in _head(path):
            path.unlink()
            found.removed.append(name)
        elif path.suffix == ".parquet":
            _clean(name, _clean_parquet(path, photo_ids), found)
        elif names.are_in(path.read_bytes()):
            _clean(name, _clean_text(path, names), found)
    return found


def _clean(name: str, done: bool | None, found: LooseFiles) -> None:
    if done is not None:
        (found.rewritten if done else found.left).append(name)


def _files(folder: Path) -> Iterator[Path]:
    for path, _, files in os.walk(folder):
        for name in sorted(files):
            one = Path(path, name)
            if one.is_file() and not one.is_symlink():
                yield one


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _clean_parquet(path: Path, photo_ids: Collection[str]) -> bool | None:
    """Return whether a table's rows could be removed; None if it names no post."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException, ValueError):
        return False
    gone = pa.array([False] * table.num_rows)
    for name in table.column_names:
        if pa.types.is_string(table.schema.field(name).type):
            of_column = pc.is_in(table[name], pa.array(sorted(photo_ids), pa.string()))
            gone = pc.or_(gone, pc.fill_null(of_column, False))
    if not pc.any(gone).as_py():
        return None
    with whole_file(path) as new, parquet_writer(new, table.schema) as writer:
        writer.write_table(table.filter(pc.invert(gone)))
    return True


def _clean_text(path: Path, names: Names) -> bool:
    """Remove the rows of a table, or the lines of a file of lines, that name a post."""
    raw = path.read_bytes()
    if path.suffix == ".csv":
        try:
            rows = csv.reader(io.StringIO(raw.decode("utf-8"), newline=""))
            kept = [row for row in rows if not names.are_in("\n".join(row).encode())]
        except (UnicodeDecodeError, csv.Error):
            return False
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(kept)
        cleaned = out.getvalue().encode()
    elif path.suffix in (".jsonl", ".tsv", ".log"):
        cleaned = b"".join(it for it in raw.splitlines(keepends=True) if not names.are_in(it))
    else:
        return False
    with whole_file(path) as new:
        new.write_bytes(cleaned)
    return True
