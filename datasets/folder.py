"""How a data set folder comes to be: beside its place, and moved there when it is whole.

What stood there before is whole until then, and nothing but a data set is ever replaced.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from datasets import decisions, excluded, references
from datasets.card import data_set_card
from datasets.croissant import croissant
from datasets.errors import DatasetError

# What a data set folder may hold: what is written there, and the features that training keeps.
_OURS = frozenset(
    {
        "data",
        "dataset.json",
        "vocabulary.json",
        excluded.FILE_NAME,
        references.FILE_NAME,
        decisions.FILE_NAME,
        "README.md",
        "croissant.json",
        "features",
    }
)


@contextmanager
def new_dataset_folder(out: Path, *, source: Path) -> Iterator[Path]:
    """Give a folder to fill, with ``data`` in it; it becomes ``out`` if nothing is raised.

    Its parent goes when it has moved: there is room for what is needed meanwhile. Raises
    ``DatasetError`` where ``out`` is or holds ``source``, is no data set, is being built by another
    process, or cannot be written.
    """
    out, source = out.resolve(), source.resolve()
    _check_replaceable(out, source)
    building = out.with_name(f".{out.name}.building")
    lock = FileLock(out.with_name(f".{out.name}.lock"), timeout=0)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with lock:
            try:
                if not out.exists() and _previous(out).exists():
                    _previous(out).rename(out)  # a build was killed between its last two steps
                shutil.rmtree(building, ignore_errors=True)  # ... or before
                whole = building / "whole"
                (whole / "data").mkdir(parents=True)
                yield whole
                _move_into_place(whole, out)
            finally:
                shutil.rmtree(building, ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)
    except Timeout:
        raise DatasetError(f"another build is at work on {out}: wait for it") from None
    except OSError as error:
        raise DatasetError(f"the data set {out} cannot be written: {error}") from None


def write_description(folder: Path, content: dict[str, Any], vocabulary: Mapping[str, Any]) -> None:
    """Write what describes the posts of a folder: ``dataset.json``, vocabulary, card, Croissant."""
    for name, described in (
        ("vocabulary.json", vocabulary),
        ("dataset.json", content),
        ("croissant.json", croissant(content)),
    ):
        text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(data_set_card(content), encoding="utf-8")


def _check_replaceable(out: Path, source: Path) -> None:
    if out.is_dir():
        foreign = sorted({path.name for path in out.iterdir()} - _OURS)
        if foreign:
            raise DatasetError(
                f"{out} holds {foreign[0]!r}, which is no part of a data set: give another folder"
            )
    elif out.exists():
        raise DatasetError(f"{out} is a file: give a folder")
    for parent in out.parents:
        if (parent / "dataset.json").is_file():
            raise DatasetError(f"{out} lies in the data set {parent}: give another folder")
    if out in (source, *source.parents):
        raise DatasetError(f"{out} holds what it would be made from: give another folder")


def _move_into_place(whole: Path, out: Path) -> None:
    shutil.rmtree(_previous(out), ignore_errors=True)
    if out.exists():
        out.rename(_previous(out))
    whole.rename(out)
    shutil.rmtree(_previous(out), ignore_errors=True)


def _previous(out: Path) -> Path:
    return out.with_name(f".{out.name}.previous")
