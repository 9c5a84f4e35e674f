"""Takes withdrawn posts out of the features that are kept beside a data set.

The features of the other posts took hours to compute: their rows stay, under the name of the
data set's new digest. Features that do not say what they are made from are removed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

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

_ROWS = 4096
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
                write_made_from(new, follower)
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
        features = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return
    if features.ndim != 2 or gone[-1] >= len(features):
        return
    shape = (len(features) - len(gone), features.shape[1])
    if not shape[0]:
        np.save(new, features[:0])
        return
    written = np.lib.format.open_memmap(new, "w+", features.dtype, shape)
    bounds = [-1, *gone, len(features)]
    at = 0
    for first, end in pairwise(bounds):
        for start in range(first + 1, end, _ROWS):
            rows = features[start : min(start + _ROWS, end)]
            written[at : at + len(rows)] = rows
            at += len(rows)
    written.flush()
