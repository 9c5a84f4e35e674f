"""The files of a run folder: which names belong to a run, and which files may be removed.

Nothing here needs torch, so that a run can be checked and described without it. The format is
described in ``docs/model.md``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.metrics_file import check_metrics

FORMAT = "flickr-emotion-run"
FORMAT_VERSION = 1

NETWORK = "model.safetensors"
# The state of an interrupted training; removed when the training has finished.
CHECKPOINT = "checkpoint.safetensors"
TRACE = "trace.json"
CONFIG = "config.json"
METRICS = "metrics.json"
CALIBRATION = "calibration.json"
HISTORY = "history.jsonl"
CARD = "README.md"
DIGESTS = "digests.json"
# Features may have been kept in the run's folder before its first epoch; a new run keeps them.
FEATURES = "features"
# Marks a run that is to replace another one (`model/runs/workplace.py`).
TAKES_PLACE = ".takes-place"

_NAMES = (
    r"(model|checkpoint)\.safetensors|(config|calibration|metrics|trace|digests|tombstones)\.json"
    r"|history\.jsonl|README\.md"
)
# A killed run may leave a file under its temporary name, or under safetensors' own. Names that
# begin with `.new-` or end with a process number come from earlier versions.
_TEMPORARY = rf"\.new-({_NAMES})|\.({_NAMES})\.([0-9]+|tmp\.json|part)|\.tmp[0-9A-Za-z]{{6}}"
_FILE = re.compile(rf"{_NAMES}|{_TEMPORARY}|events\.out\.tfevents\..+")
_LEFT_OVER = re.compile(_TEMPORARY)
# Names that only this program uses: such files may lie there before there is a configuration.
_OURS_ALONE = re.compile(rf"\.({_NAMES})\.part|\.new-({_NAMES})")
# A card says so near its beginning; another README.md is somebody's own.
_CARD_SAYS, _NEAR = b"library_name: flickr-emotion", 1000
# The folders of the runs that a run consists of: one per seed or per network.
_PART = re.compile(r"seed-[0-9]+|network-(" + "|".join(map(re.escape, SUBSETS)) + ")")


def is_finished(folder: Path) -> bool:
    """Return whether the folder holds a finished training."""
    return (folder / CONFIG).is_file() and (folder / METRICS).is_file()


def parts(folder: Path) -> list[Path]:
    """Return the folders of the runs that a run consists of."""
    return [
        entry
        for entry in sorted(folder.iterdir())
        if is_part(entry.name) and entry.is_dir() and not entry.is_symlink()
    ]


def is_part(name: str) -> bool:
    """Return whether a folder of a run has the name of a part."""
    return _PART.fullmatch(name) is not None


def is_own(name: str) -> bool:
    """Return whether a file of this path within a run is one that a training writes."""
    part, _, file = name.rpartition("/")
    if name.startswith(f"{FEATURES}/"):
        return True
    return _FILE.fullmatch(file) is not None and (not part or is_part(part))


def own_entries(folder: Path) -> Iterator[Path]:
    """Yield what is removed when a new run replaces a run; refuse a folder with anything else.

    A part's folder comes after its content, and the file that marks a run's folder last.
    """
    configuration = folder / CONFIG
    refuse_links(folder)
    if configuration.exists():
        _check_is_ours(folder)
    for entry in sorted(folder.iterdir()):
        if entry.name in (FEATURES, TAKES_PLACE) or entry == configuration:
            continue
        if _PART.fullmatch(entry.name) and entry.is_dir():
            yield from own_entries(entry)
            yield entry
        elif not _FILE.fullmatch(entry.name) or entry.is_dir() or _is_foreign_card(entry):
            raise ModelError(
                f"{folder} holds {entry.name!r}, which is not part of a run: give --out a new "
                "folder"
            )
        elif not configuration.exists() and not _OURS_ALONE.fullmatch(entry.name):
            raise ModelError(
                f"{folder} holds {entry.name!r} but no {CONFIG} of a run: give --out a new folder"
            )
        else:
            yield entry
    if configuration.exists():
        yield configuration


def _is_foreign_card(entry: Path) -> bool:
    if entry.name != CARD:
        return False
    with entry.open("rb") as file:
        return _CARD_SAYS not in file.read(_NEAR)


def refuse_links(folder: Path) -> None:
    """Refuse a run folder that holds symbolic links: nothing is written or removed through them."""
    for entry in sorted(folder.iterdir()):
        ours = _FILE.fullmatch(entry.name) or _PART.fullmatch(entry.name) or entry.name == FEATURES
        if ours and entry.is_symlink():
            raise ModelError(
                f"{entry} is a symbolic link, and nothing is written through links: remove it, or "
                "give --out a new folder"
            )


def remove_temporary_files(folder: Path) -> None:
    """Remove temporary files left in a run by killed processes."""
    for one in (folder, *parts(folder)):
        for entry in one.iterdir():
            if _LEFT_OVER.fullmatch(entry.name) and not entry.is_dir():
                entry.unlink(missing_ok=True)


def run_around(place: Path) -> Path | None:
    """Return the run folder in which a place lies; None if it lies in none."""
    for parent in place.resolve().parents:
        try:
            if read_json(parent / CONFIG).get("format") == FORMAT:
                return parent
        except (OSError, ValueError):
            continue
    return None


def _check_is_ours(folder: Path) -> None:
    try:
        read_config(folder)
    except ModelError as error:
        raise ModelError(
            f"{str(error).rsplit(':', 1)[0]}: to train into {folder}, remove it, or give --out a "
            "new folder"
        ) from None


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``, which marks a run folder."""
    path = folder / CONFIG
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        wrong = "is not a run folder" if folder.exists() else "is not there"
        raise ModelError(f"{folder} {wrong}: give a folder written by `train --out`") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
    if content.get("format") != FORMAT:
        raise ModelError(f"{path} does not describe a run of `train`: give a folder written by it")
    version = content.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{folder} has run format {version}, but this program reads up to {FORMAT_VERSION}: "
            "update the program"
        )
    return content


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """Return the metrics of a finished run, else None."""
    path = folder / METRICS
    try:
        content = read_json(path)
        check_metrics(content)
        return content
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
