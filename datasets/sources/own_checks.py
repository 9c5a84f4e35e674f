"""Checks every row of the user's own posts before a build begins.

A mistake is reported before the build has worked for hours.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.datasets.sources.class_columns import is_of_class
from flickr_emotion.datasets.sources.own_file import OwnFile

_CHECKED = ("photo_id", "source", "label", "split", "votes", "ballots")


def check_rows(given: Path, files: Sequence[OwnFile], voted: Sequence[str]) -> None:
    """Check every row's id, label and votes, and that no id occurs twice.

    ``voted``: the classes with a column of votes; if there are any, each label must be one.
    """
    # To save memory, an id is kept as an 8-byte hash; equal hashes are compared by id below.
    classes: set[str | None] = set()
    hashes = np.empty(sum(file.count for file in files), dtype=np.int64)
    for number, post in enumerate(_labelled(files, _CHECKED)):
        hashes[number] = hash(post["photo_id"])
        classes.add(post["label"])
        if len(classes) > MOST_CLASSES + (None in classes):
            raise DatasetError(
                f"{given} has more than {MOST_CLASSES} different labels up to row "
                f"{number + 1}: give the class of each post in the column label"
            )
    if voted and (without := sorted(it for it in classes if it is not None and it not in voted)):
        raise DatasetError(
            f"{given}: the label {without[0]!r} has no column of votes among those of "
            f"{', '.join(voted[:20])}: give each class a column, or omit --columns distribution"
        )
    ordered = np.sort(hashes)
    doubled = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    if doubled:
        _refuse_doubled(given, files, doubled)


def _refuse_doubled(given: Path, files: Sequence[OwnFile], doubled: set[int]) -> None:
    seen: dict[str, str] = {}
    for post in _labelled(files, ("photo_id", "source")):
        photo_id, place = post["photo_id"], post["source"]
        if hash(photo_id) not in doubled:
            continue
        if photo_id in seen:
            raise DatasetError(
                f"{given}: {_both(seen[photo_id], place)} have the same photo_id "
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


def _labelled(files: Sequence[OwnFile], meanings: Sequence[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        first = 0
        for rows, _ in file.groups:
            for where, cells in file.posts(first, first + rows, _with_classes(file, meanings)):
                yield file.labelled(where, cells)
            first += rows


def _with_classes(file: OwnFile, meanings: Sequence[str]) -> list[str]:
    """Add the columns of votes for the classes where votes are read."""
    of_classes = [meaning for meaning, _ in file.columns if is_of_class(meaning)]
    return [*meanings, *(of_classes if "ballots" in meanings else [])]
