"""Checks the rows of a user's own posts; each error names file and row in one line."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flickr_emotion.common.names import LONGEST_NAME
from flickr_emotion.datasets.errors import DatasetError

_CONTENTS = ("text", "title", "description", "tags", "image")
_COLUMNS = ("photo_id", "label", "votes", "owner", "license", *_CONTENTS)
_LONGEST_ID = 200
_MOST_VOTES = 2**31 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SLASH = re.compile(r"[/\\]")


def choose_columns(path: Path, names: Sequence[str]) -> list[str]:
    """Return the columns of a file that are used; raises ``DatasetError`` if one is missing."""
    refuse_doubled(path, names, _COLUMNS)
    for name in ("photo_id", "label"):
        if name not in names:
            raise DatasetError(
                f"{path} has no column {name!r} among {', '.join(names[:20]) or 'none'}: give "
                "photo_id, label and at least one of image, text (or title, description), tags"
            )
    if not set(_CONTENTS) & set(names):
        raise DatasetError(
            f"{path} has none of the columns image, text, title, description, tags: give at least "
            "one of them"
        )
    return [name for name in _COLUMNS if name in names]


def refuse_doubled(path: Path, names: Sequence[str], counting: Sequence[str]) -> None:
    """Raise ``DatasetError`` if two columns have the same name, one of those in ``counting``."""
    for name in counting:
        if names.count(name) > 1:
            raise DatasetError(f"{path} has two columns {name!r}: give each a name of its own")


def place_of(path: Path, number: int) -> str:
    """Name a row in errors; ``number`` counts from 0, the name from 1."""
    return f"{path}, row {number + 1}"


def photo_id_of(cell: Any, where: str) -> str:
    """Return a cell's photo id."""
    photo_id = "" if cell is None else str(cell)
    unfit = _CONTROL.search(photo_id) or _SLASH.search(photo_id)
    if not photo_id.strip() or len(photo_id) > _LONGEST_ID or unfit:
        raise DatasetError(
            f"{where}: the photo_id {photo_id[:50]!r} is not valid: give 1 to {_LONGEST_ID} "
            "characters without slashes and control characters"
        )
    return photo_id


def label_of(cell: Any, where: str) -> str | None:
    """Return the class in a cell, or None if the cell is empty."""
    label = "" if cell is None else str(cell).strip()
    if len(label) > LONGEST_NAME or _CONTROL.search(label):
        raise DatasetError(
            f"{where}: the label {label[:50]!r} is longer than {LONGEST_NAME} characters or "
            "holds control characters: give the name of a class"
        )
    return label or None


def votes_of(cell: Any, where: str) -> int | None:
    """Return the votes in a cell, or None if the cell is empty."""
    if cell is None or cell != cell:
        return None
    if not 0 <= cell <= _MOST_VOTES or cell != int(cell):
        raise DatasetError(f"{where}: votes are {cell}: give a whole number from 0, or no value")
    return int(cell)


def name_of(cell: Any) -> str | None:
    """Return the owner or licence in a cell, or None if the cell is empty."""
    name = "" if cell is None else str(cell).strip()
    return name or None


def unreadable(path: Path, error: Exception) -> DatasetError:
    """Return the error to raise for a file that cannot be read."""
    reason = " ".join(str(error).split())[:300]
    return DatasetError(f"{path} cannot be read ({reason}): give a Parquet or CSV file")
