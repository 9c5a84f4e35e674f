"""Takes withdrawn posts out of the features that are kept beside a data set.

The features of the other posts took hours to compute: their rows stay, under the name of the
data set's new digest. Features that do not say what they are made from are removed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.feature_folders import (
    FEATURES,
    features_path,
    read_made_from,
    write_made_from,
)
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.folder import linked

_BYTES = 2**22
Places = Callable[[str, bool], list[int]]
"""Returns the positions of withdrawn posts in a split, or (true) among its pictures."""


@contextmanager
def not_computing(folder: Path) -> Iterator[None]:
    """Refuse features that another process is computing just now; raises ``DatasetError``."""
    locks = []
    try:
        for path in sorted((folder / FEATURES).glob("*/lock")):
            locks.append(FileLock(path, timeout=0))
            locks[-1].acquire()
        yield
    except Timeout:
        raise DatasetError(
            f"a training is computing features of {folder}: stop it or wait for it"
        ) from None
    finally:
        for lock in locks:
            lock.release()


def features_follow(folder: Path, places: Places, *, before: str, after: str) -> int:
    """Take rows out of a data set's features; return how many folders had to be removed.

    ``folder`` is the new data set, whose files are links. ``before`` and ``after``: the digest of
    the data set.
    """
    removed = 0
    for one in sorted((folder / FEATURES).glob("*")):
        made_from = read_made_from(one) or []
        if before in made_from:
            if before != after:
                follower = [after if it == before else it for it in made_from]
                new = folder / features_path(*follower)
                new.mkdir()
                for path in sorted(one.glob("*.npy")):
                    _write_without(path, new / path.name, places)
                if any(new.iterdir()):
                    write_made_from(new, follower)
                else:  # what was learnt of the posts, and not a row of each of them
                    new.rmdir()
                    removed += 1
                shutil.rmtree(one)
        else:
            shutil.rmtree(one)
            removed += 1
    return removed


def _write_without(path: Path, new: Path, places: Places) -> None:
    """Write a file of features without the rows of withdrawn posts; nothing if it is not whole."""
    split, _, modality = path.stem.partition("-")
    if split not in SPLITS:
        return
    gone = places(split, not modality)
    if not gone:
        linked(str(path), str(new))
        return
    try:
        with path.open("rb") as old, new.open("wb") as kept:
            _copy_without(old, kept, gone)
    except ValueError:  # not a file of features, or one that is not whole
        new.unlink()


def _copy_without(old: BinaryIO, kept: BinaryIO, gone: list[int]) -> None:
    """Copy rows in pieces; memory-mapped files would count as memory."""
    np.lib.format.read_magic(old)
    (rows, numbers), in_columns, dtype = np.lib.format.read_array_header_1_0(old)
    if in_columns or gone[-1] >= rows:
        raise ValueError("not the features of these posts")
    header = {"descr": dtype.str, "fortran_order": False, "shape": (rows - len(gone), numbers)}
    np.lib.format.write_array_header_1_0(kept, header)
    start, size = old.tell(), numbers * dtype.itemsize
    for first, end in pairwise([-1, *gone, rows]):
        old.seek(start + (first + 1) * size)
        left = (end - first - 1) * size
        while left and (piece := old.read(min(left, _BYTES))):
            kept.write(piece)
            left -= len(piece)
        if left:
            raise ValueError("it is not whole")
