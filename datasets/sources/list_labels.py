"""The labels of a file, for the photos of a harvest (``build-splits H --labels FILE``).

A list may name only pictures, and the labels be in another file, or be new ones. The file is any
that ``crawl`` takes as a list; its rows are joined with the harvest on the photo id. They are kept
as sorted arrays on disk, so that each process finds the labels of its own photos.
"""

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto, PublishedList
from flickr_emotion.harvest.lists.table_list import Stated

LabelRow = tuple[str | None, int | None, int | None]
"""A label, and the votes for it and against it, if the file has votes."""

_ABSENT = -1
_NAMES = "labels.json"
_ARRAYS = ("photo_ids", "labels", "agree", "disagree")


@dataclass(frozen=True, kw_only=True)
class ListLabels:
    """The labels of a file, as they lie on disk."""

    given: Path
    """The file or folder that the user gave."""
    folder: Path
    digest: str
    """SHA-256 of the file's rows."""

    def of(self, photo_id: str) -> list[LabelRow]:
        """Return what the file says about a photo, in the order of its rows."""
        held = _opened(self.folder)
        number = np.uint64(int(photo_id))
        first, last = (
            int(np.searchsorted(held.photo_ids, number, side)) for side in ("left", "right")
        )
        return [held.row(at) for at in range(first, last)]

    def compare(self, photo_ids: Iterable[str], say: Callable[[str], None]) -> None:
        """Say how many photos of the file and of the harvest, ``photo_ids``, belong together.

        Raises ``DatasetError`` if none does.
        """
        held = np.unique(_opened(self.folder).photo_ids)
        wanted = np.unique(np.fromiter((int(it) for it in photo_ids), np.uint64))
        both = len(np.intersect1d(held, wanted, assume_unique=True))
        if not both:
            raise DatasetError(
                f"none of the {len(held)} photos of {self.given} is in the harvest: give the "
                "labels of its photos, by photo id or URL"
            )
        say(
            f"labels of {both} of {len(wanted)} photos from {self.given.name}"
            + (
                f"; {rest} of its photos are not in the harvest"
                if (rest := len(held) - both)
                else ""
            )
        )


def read_labels(
    path: Path, stated: Stated, workspace: Path, say: Callable[[str], None]
) -> ListLabels:
    """Read a file of labels into ``workspace``; ``stated`` as in ``open_list``.

    Raises ``HarvestError`` if it is not a list of photos, ``DatasetError`` if it has no labels.
    """
    published = open_list(path, stated)
    for note in published.notes:
        say(note)
    if published.manifest is not None or published.kind == "sentiment":
        raise DatasetError(
            f"{path} has no labels of its own: give a table with a label of each photo"
        )
    numbers: dict[str, int] = {}
    arrays = array("Q"), array("i"), array("i"), array("i")
    digest = hashlib.sha256()
    for row in _listed(published, path, say):
        label = _ABSENT if row.emotion is None else numbers.setdefault(row.emotion, len(numbers))
        if len(numbers) > MOST_CLASSES:
            raise DatasetError(
                f"{path} has more than {MOST_CLASSES} different labels: name the column of the "
                "labels with --columns label=NAME"
            )
        votes = [_ABSENT if it is None else it for it in (row.agree, row.disagree)]
        for values, value in zip(arrays, (int(row.reference.photo_id), label, *votes), strict=True):
            values.append(value)
        said = [row.reference.photo_id, row.emotion, row.agree, row.disagree]
        digest.update(json.dumps(said).encode() + b"\n")
    if not numbers:
        raise DatasetError(
            f"{path} has photos, but no labels: name their column with --columns label=NAME"
        )
    folder = workspace / "labels"
    folder.mkdir()
    order = np.argsort(np.frombuffer(arrays[0], np.uint64), kind="stable")
    for name, values in zip(_ARRAYS, arrays, strict=True):
        np.save(folder / f"{name}.npy", np.array(values)[order])
    (folder / _NAMES).write_text(json.dumps(list(numbers)), encoding="utf-8")
    return ListLabels(given=path, folder=folder, digest=digest.hexdigest())


def _listed(
    published: PublishedList, path: Path, say: Callable[[str], None]
) -> Iterator[ListedPhoto]:
    rejected, first = 0, ""
    for file in published.files:
        for row in file.rows():
            if isinstance(row, ListedPhoto):
                yield row
            else:
                rejected += 1
                first = first or f"{file.name}:{row.row} {row.reason}: {row.detail}"
    if rejected:
        say(f"{rejected} rows of {path.name} name no photo; the first is {first}")


class _Held:
    """The arrays of a file's labels, mapped from disk."""

    def __init__(self, folder: Path) -> None:
        self.photo_ids: npt.NDArray[np.uint64]
        self.photo_ids, self._labels, self._agree, self._disagree = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS
        )
        self._names: list[str] = json.loads((folder / _NAMES).read_text(encoding="utf-8"))

    def row(self, at: int) -> LabelRow:
        label, agree, disagree = (
            None if (value := int(values[at])) == _ABSENT else value
            for values in (self._labels, self._agree, self._disagree)
        )
        return None if label is None else self._names[label], agree, disagree


@lru_cache(maxsize=1)
def _opened(folder: Path) -> _Held:
    return _Held(folder)
