"""Finds the posts in a folder: shards, a folder of pictures, or MVSA's folder.

- MVSA (Niu et al. 2016): ``labelResultAll.txt`` and ``data/ID.jpg``, ``data/ID.txt``.
- ``metadata.csv``, ``.jsonl`` or ``.parquet`` beside the pictures, Hugging Face's ``imagefolder``
  with a column ``file_name``.
- Tables, at any depth: all Parquet files, or where there are none, all CSV and JSON-lines files.
- A folder of pictures for each class.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from flickr_emotion.common.tables.opening import always, open_table
from flickr_emotion.common.tables.table import Row, Table
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import DESCRIPTION
from flickr_emotion.datasets.sources.mvsa import LABELS, MvsaTable

PICTURES = frozenset(
    (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic")
)
_TABLES = ((".parquet",), (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".tab"))
_PACKED = (".gz", ".zip")
_METADATA = "metadata"
_SPLITS = frozenset({"train", "training", "test", "validation", "valid", "val", "dev", "data"})
_MOST_FILES = 1_000_000


class FoundTable(NamedTuple):
    """A table that was found in a folder."""

    table: Table
    name: str
    folder: Path


def tables_in(folder: Path, *, encoding: str | None) -> list[FoundTable]:
    """Return the tables of posts in a folder; raises ``DatasetError`` if there are none."""
    if labels := next((it for it in (folder, *_folders(folder)) if (it / LABELS).is_file()), None):
        return [FoundTable(MvsaTable(labels, encoding=encoding), LABELS, labels / "data")]
    root = folder / "data" if (folder / DESCRIPTION).is_file() else folder
    files = list(_files(root))
    described = [path for path in files if _stem(path) == _METADATA and _ending(path)]
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    if described and pictures:
        return _opened(folder, described, encoding)
    for endings in _TABLES:
        if chosen := [path for path in files if _ending(path) in endings]:
            return _opened(folder, chosen, encoding)
    if pictures:
        return [_classes(folder, pictures)]
    raise DatasetError(
        f"{folder} holds no harvest (ledger.sqlite), no table of posts (Parquet, CSV, JSON lines) "
        "and no folders of pictures: give one of them"
    )


def split_of_name(name: str) -> list[str]:
    """Return the split that a file's path within a folder names, if it names one."""
    *folders, file = name.lower().split("/")
    words = [*folders, *re.split(r"[-_.]", file)[:1]]
    return [word for word in words if word in _SPLITS - {"data"}][:1]


def _opened(folder: Path, paths: list[Path], encoding: str | None) -> list[FoundTable]:
    return [
        FoundTable(
            open_table(path, encoding=encoding, has_header=always),
            path.relative_to(folder).as_posix(),
            path.parent,
        )
        for path in paths
    ]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder at any depth, in order; hidden ones are left out."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found.append(path)
        if len(found) > _MOST_FILES:
            raise DatasetError(
                f"{folder} holds more than {_MOST_FILES:,} files: name their posts in a table"
            )
    yield from sorted(found)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _ending(path: Path) -> str | None:
    """Return the ending that says that a file is a table, None if it says so of no table."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    known = {ending for endings in _TABLES for ending in endings}
    return suffixes[-1] if suffixes and suffixes[-1] in known else None


def _stem(path: Path) -> str:
    return path.name.partition(".")[0].lower()


def _classes(folder: Path, pictures: list[Path]) -> FoundTable:
    """Return the table of a folder of pictures, whose folders are the classes."""
    rows, splits = [], set()
    for number, path in enumerate(pictures, 1):
        name = path.relative_to(folder)
        splits.update(split_of_name(name.parent.as_posix()))
        if len(name.parts) < 2 or name.parent.name.lower() in _SPLITS:
            raise DatasetError(
                f"{path} lies in no folder of a class: put the pictures of each class into a "
                "folder of its name, or name them in a file metadata.csv (file_name, label)"
            )
        rows.append(Row(number, (name.as_posix(), name.parent.name, name.as_posix())))
    notes = ["the folders of the pictures are their classes"]
    if splits:
        named = ", ".join(sorted(splits))
        notes.append(
            f"the splits in names of folders ({named}) are joined: the build draws its own"
        )
    return FoundTable(PictureFolders(folder, tuple(rows), tuple(notes)), folder.name, folder)


@dataclass(frozen=True)
class PictureFolders:
    """A folder for each class: a ``Table``."""

    path: Path
    found: tuple[Row, ...]
    notes: tuple[str, ...]
    columns: tuple[str, ...] = ("photo_id", "label", "image")

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the pictures in the order of their names."""
        return iter(self.found)
