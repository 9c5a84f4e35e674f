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
from flickr_emotion.common.tables.table import Row, Table, TableError
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


class FoundPosts(NamedTuple):
    """What a folder holds."""

    tables: list[FoundTable]
    left_alone: dict[str, str]
    """Why a file that may hold posts is not read, by its name."""


def tables_in(folder: Path, *, encoding: str | None, labelled: bool = True) -> FoundPosts:
    """Return the tables of posts in a folder; raises ``DatasetError`` if there are none.

    Without ``labelled``, pictures need no folders of classes.
    """
    if labels := next((it for it in (folder, *_folders(folder)) if (it / LABELS).is_file()), None):
        table = MvsaTable(labels, encoding=encoding)
        return FoundPosts([FoundTable(table, LABELS, labels / "data")], {})
    root = folder / "data" if (folder / DESCRIPTION).is_file() else folder
    files = list(_files(root))
    tables = [path for path in files if _ending(path)]
    described = [path for path in files if _stem(path) == _METADATA and _ending(path)]
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    if described and pictures:
        return _opened(folder, tables, described, "only metadata is read beside pictures", encoding)
    if any(path.suffix == ".arrow" for path in files) and not any(
        _ending(path) != ".json" for path in tables
    ):
        raise DatasetError(
            f"{folder} holds Arrow files, as Hugging Face's `save_to_disk` writes them: write "
            "Parquet with `to_parquet`, and give that"
        )
    for endings in _TABLES:
        if chosen := [path for path in tables if _ending(path) in endings]:
            return _opened(folder, tables, chosen, "only the Parquet files are read", encoding)
    if pictures:
        others = {
            path.relative_to(folder).as_posix(): "it is not named as a picture"
            for path in files
            if path not in set(pictures)
        }
        return FoundPosts([_classes(folder, pictures, labelled=labelled)], others)
    raise DatasetError(
        f"{folder} holds no harvest (ledger.sqlite), no table of posts (Parquet, CSV, JSON lines) "
        "and no folders of pictures: give one of them"
    )


def split_of_name(name: str) -> list[str]:
    """Return the split that a file's path within a folder names, if it names one."""
    *folders, file = name.lower().split("/")
    words = [*folders, *re.split(r"[-_.]", file)[:1]]
    return [word for word in words if word in _SPLITS - {"data"}][:1]


def _opened(
    folder: Path, tables: list[Path], chosen: list[Path], why: str, encoding: str | None
) -> FoundPosts:
    """Open the chosen ones of a folder's tables; ``why`` the others are left alone."""
    names = {path: path.relative_to(folder).as_posix() for path in tables}
    found: list[FoundTable] = []
    left_alone = {names[path]: why for path in set(tables) - set(chosen)}
    errors: list[TableError] = []
    for path in chosen:
        try:
            table = open_table(path, encoding=encoding, has_header=always)
        except TableError as error:
            # A JSON file beside tables describes them.
            if _ending(path) != ".json":
                raise
            errors.append(error)
            left_alone[names[path]] = "it is no table"
        else:
            found.append(FoundTable(table, names[path], path.parent))
    if not found:
        raise errors[0]
    return FoundPosts(found, dict(sorted(left_alone.items())))


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


def _classes(folder: Path, pictures: list[Path], *, labelled: bool) -> FoundTable:
    """Return the table of a folder of pictures, whose folders are the classes."""
    rows, splits = [], set()
    for number, path in enumerate(pictures, 1):
        name = path.relative_to(folder)
        splits.update(split_of_name(name.parent.as_posix()))
        if not labelled:
            rows.append(Row(number, (name.as_posix(), None, name.as_posix())))
            continue
        if len(name.parts) < 2 or name.parent.name.lower() in _SPLITS:
            raise DatasetError(
                f"{path} lies in no folder of a class: put the pictures of each class into a "
                "folder of its name, or name them in a file metadata.csv (file_name, label)"
            )
        rows.append(Row(number, (name.as_posix(), name.parent.name, name.as_posix())))
    notes = ["the folders of the pictures are their classes"] if labelled else []
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
