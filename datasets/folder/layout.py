"""What a data set folder may hold, by name: so that nothing else is ever removed with one.

A data set is replaced whole, so whatever lies in its folder goes. A file that a user has put there,
a link, a folder of something else that only looks like a data set: each is a reason not to build.
"""

import json
import os
import re
from pathlib import Path

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError

FORMAT = "flickr-emotion-dataset"
DESCRIPTION = "dataset.json"
VOCABULARY = "vocabulary.json"
CARD = "README.md"
CROISSANT = "croissant.json"
DATA = "data"
FEATURES = "features"
"""What training keeps beside the posts."""

_FILES = re.compile(
    r"(dataset|vocabulary|croissant)\.json|(excluded|references|decisions)\.parquet|README\.md"
    rf"|data/({'|'.join(SPLITS)})-\d{{5,}}-of-\d{{5,}}\.parquet"
    r"|features/[^/]+-[0-9a-f]{16}/([^/]+\.npy(\.part)?|lock)"
)
_FOLDERS = re.compile(r"data|features|features/[^/]+-[0-9a-f]{16}")


def check_replaceable(out: Path, source: Path) -> None:
    """Refuse a place where a new data set would take away anything but an older one.

    Raises ``DatasetError``.
    """
    if os.path.lexists(out) and not out.is_dir():
        raise DatasetError(f"{out} is a file: give a folder")
    if out in (source, *source.parents):
        raise DatasetError(f"{out} holds what it would be made from: give another folder")
    check_outside(out)
    if out.is_dir():
        check_folder(out)


def check_outside(out: Path) -> None:
    """Refuse an output in a data set folder: it would replace a file there, or be foreign to it."""
    for parent in out.resolve().parents:
        if (parent / DESCRIPTION).is_file():
            raise DatasetError(f"{out} lies in the data set {parent}: give another place")


def check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but a data set; raises ``DatasetError``."""
    # What is named like none of ours says best what the folder is.
    foreign = sorted(_foreign(out), key=lambda found: is_known(found[0]))
    if foreign:
        name, what = foreign[0]
        raise DatasetError(
            f"{out} holds {name!r}, which is {what}no part of a data set: give another folder"
        )
    described = out / DESCRIPTION
    names = sorted(path.name for path in out.iterdir())
    if names and not described.is_file():
        raise DatasetError(
            f"{out} holds {names[0]!r} but no {DESCRIPTION} of a data set: give another folder"
        )
    if names and not _describes_data_set(described):
        raise DatasetError(f"{described} describes no data set: give another folder")


def _foreign(out: Path) -> list[tuple[str, str]]:
    """Return the entries that do not belong to a data set, each with what to say of it."""
    found = []
    for path, folders, files in os.walk(out):
        for names, known in ((folders, _FOLDERS), (files, _FILES)):
            for name in sorted(names):
                entry = Path(path, name)
                relative = entry.relative_to(out).as_posix()
                if entry.is_symlink():
                    found.append((relative, "a link and "))
                elif not known.fullmatch(relative):
                    found.append((relative, ""))
        # What lies in a foreign folder is not looked at: the folder is named.
        folders[:] = [
            name
            for name in folders
            if _FOLDERS.fullmatch(Path(path, name).relative_to(out).as_posix())
        ]
    return found


def is_known(relative: str) -> bool:
    """Whether a data set may hold a file or folder of this name."""
    return bool(_FILES.fullmatch(relative) or _FOLDERS.fullmatch(relative))


def _describes_data_set(path: Path) -> bool:
    """Whether a file may be a data set's description: a damaged one is mended by a build."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(content, dict) and content.get("format") == FORMAT
