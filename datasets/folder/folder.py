"""Writes a data set folder under a temporary name and renames it when it is complete.

Until then, an older data set in its place stays as it was. Only data sets are ever replaced.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import (
    DATA,
    DESCRIPTION,
    FEATURES,
    check_replaceable,
)


@contextmanager
def new_dataset_folder(out: Path, *, source: Path) -> Iterator[Path]:
    """Yield a folder to fill, which contains ``data``; it becomes ``out`` if nothing is raised.

    If it is left without a ``dataset.json``, what is at ``out`` stays.
    Temporary files can go into its parent folder, which is removed at the end. Raises
    ``DatasetError`` if ``out`` is or contains ``source``, is not a data set, is being built by
    another process, or cannot be written.
    """
    out, source = out.resolve(), source.resolve()
    check_replaceable(out, source)
    try:
        with workspace_beside(out) as workspace:
            # The workspace may have restored a data set that a killed process had moved away.
            check_replaceable(out, source)
            whole = workspace / "whole"
            (whole / DATA).mkdir(parents=True)
            yield whole
            if (whole / DESCRIPTION).exists():
                check_replaceable(out, source)  # the user may have put files there meanwhile
                put_folder(whole, out)
    except Timeout:
        raise DatasetError(f"another build is at work on {out}: wait until it ends") from None
    except OSError as error:
        raise DatasetError(
            f"the data set {out} cannot be written: {error}; what was there is unchanged"
        ) from None


def keep_features(old: Path, new: Path) -> None:
    """Keep the features of an old data set for a new one of the same posts.

    Computing them takes hours on a CPU. They are hard-linked, so that the old data set keeps them
    until it is removed.
    """
    if (old / FEATURES).is_dir():
        shutil.copytree(old / FEATURES, new / FEATURES, copy_function=linked)


def linked(source: str, target: str) -> None:
    """Link a file that nobody changes in place, or copy it."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
