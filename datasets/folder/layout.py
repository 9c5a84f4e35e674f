"""Which files a data set folder may hold, so that a build never removes anything else.

A build replaces the whole folder. So it refuses a folder that contains a user's file or a link, and
a folder that only looks like a data set.
"""

import os
import re
from pathlib import Path

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError

FORMAT = "flickr-emotion-dataset"
DESCRIPTION = "dataset.json"
VOCABULARY = "vocabulary.json"
CARD = "README.md"
CROISSANT = "croissant.json"
DATA = "data"
FEATURES = "features"
"""Folder in which training caches features of the posts."""
BUILT_FROM = "built_from.json"
"""What the data set was built from (``datasets.build.reuse``)."""
JUDGED = "judged.arrow"
"""The judged posts, for the next build (``datasets.build.judged_posts``)."""
NOT_DIGESTED = (CARD, DESCRIPTION, FEATURES, BUILT_FROM, JUDGED)
"""Names in the folder that have no digest in ``dataset.json``."""

_FILES = re.compile(
    r"(dataset|vocabulary|croissant|tombstones|built_from)\.json"
    r"|(excluded|references|decisions)\.parquet|judged\.arrow|README\.md"
    rf"|data/({'|'.join(SPLITS)})-\d{{5,}}-of-\d{{5,}}\.parquet"
    r"|features/[^/]+-[0-9a-f]{16}/([^/]+\.npy(\.part)?|made_from\.json|\.made_from\.json\.part|lock)"
)
_FOLDERS = re.compile(r"data|features|features/[^/]+-[0-9a-f]{16}")


def check_replaceable(out: Path, source: Path) -> None:
    """Raise ``DatasetError`` if a new data set at ``out`` would remove more than an older one."""
    if os.path.lexists(out) and not out.is_dir():
        raise DatasetError(f"{out} is a file: give a folder")
    if out in (source, *source.parents):
        raise DatasetError(f"{out} holds the input {source}: give another folder")
    check_outside(out)
    if out.is_dir():
        check_folder(out)


def check_outside(out: Path) -> None:
    """Raise ``DatasetError`` if an output lies inside a data set, which holds no other files."""
    for parent in out.resolve().parents:
        if (parent / DESCRIPTION).is_file():
            raise DatasetError(f"{out} lies inside the data set {parent}: give another place")


def check_folder(out: Path) -> None:
    """Raise ``DatasetError`` if a folder holds anything but a data set."""
    # Name an unknown file rather than a misplaced one: it says best what the folder is.
    foreign = sorted(_foreign(out), key=lambda found: is_known(found[0]))
    if foreign:
        name, what = foreign[0]
        raise DatasetError(
            f"{out} holds {name!r}, which is {what}not part of a data set: give another folder"
        )
    described = out / DESCRIPTION
    names = sorted(path.name for path in out.iterdir())
    if names and not described.is_file():
        raise DatasetError(
            f"{out} holds {names[0]!r} but no {DESCRIPTION} of a data set: give another folder"
        )
    if names and not _describes_data_set(described):
        raise DatasetError(f"{described} does not describe a data set: give another folder")


def _foreign(out: Path) -> list[tuple[str, str]]:
    """Return the entries that are not part of a data set, each with a remark for the message."""
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
        # Foreign folders are named, but not searched.
        folders[:] = [
            name
            for name in folders
            if _FOLDERS.fullmatch(Path(path, name).relative_to(out).as_posix())
        ]
    return found


def is_known(relative: str) -> bool:
    """Return whether a data set may hold a file or folder of this name."""
    return bool(_FILES.fullmatch(relative) or _FOLDERS.fullmatch(relative))


def _describes_data_set(path: Path) -> bool:
    """Return whether a file may describe a data set; a damaged one may, as a build repairs it."""
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(content, dict) and content.get("format") == FORMAT
