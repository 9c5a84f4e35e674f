"""How a data set folder comes to be: beside its place, and moved there when it is whole.

What stood there before is whole until then, and nothing but a data set is ever replaced.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import Timeout

from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.card import data_set_card
from flickr_emotion.datasets.folder.croissant import croissant
from flickr_emotion.datasets.folder.file_digests import with_digests
from flickr_emotion.datasets.folder.layout import (
    CARD,
    CROISSANT,
    DATA,
    DESCRIPTION,
    FEATURES,
    VOCABULARY,
    check_replaceable,
)


@contextmanager
def new_dataset_folder(out: Path, *, source: Path) -> Iterator[Path]:
    """Give a folder to fill, with ``data`` in it; it becomes ``out`` if nothing is raised.

    Its parent goes when it has moved: there is room for what is needed meanwhile. Raises
    ``DatasetError`` where ``out`` is or holds ``source``, is no data set, is being built by another
    process, or cannot be written.
    """
    out, source = out.resolve(), source.resolve()
    check_replaceable(out, source)
    try:
        with workspace_beside(out) as workspace:
            check_replaceable(out, source)  # a data set that a killed process left aside is back
            whole = workspace / "whole"
            (whole / DATA).mkdir(parents=True)
            yield whole
            check_replaceable(out, source)  # what a user has put there in the hours since
            put_folder(whole, out)
    except Timeout:
        raise DatasetError(f"another build is at work on {out}: wait for it") from None
    except OSError as error:
        raise DatasetError(
            f"the data set {out} cannot be written: {error}; what stood there still does"
        ) from None


def keep_features(old: Path, new: Path) -> None:
    """Let the features of an old data set go on with a new one of the same posts.

    They are hours of work on a CPU, so they stand in both until the old one has gone.
    """
    if (old / FEATURES).is_dir():
        shutil.copytree(old / FEATURES, new / FEATURES, copy_function=_linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def write_description(
    folder: Path, content: dict[str, Any], vocabulary: Mapping[str, Any]
) -> dict[str, Any]:
    """Write what describes the posts of a folder, whose other files are all there.

    These are vocabulary, card, Croissant, and last ``dataset.json`` with the digest of each file,
    whose content is returned.
    """
    _write_json(folder / VOCABULARY, vocabulary)
    _write_json(folder / CROISSANT, croissant(content))
    (folder / CARD).write_text(data_set_card(content), encoding="utf-8")
    described = with_digests(folder, content)
    _write_json(folder / DESCRIPTION, described)
    return described


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json_text(content), encoding="utf-8")
