"""What a run folder is made of: the names that are a run's, and which of its files may go.

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
# What an interrupted training goes on from; gone when it has come to its end.
CHECKPOINT = "checkpoint.safetensors"
TRACE = "trace.json"
CONFIG = "config.json"
METRICS = "metrics.json"
CALIBRATION = "calibration.json"
HISTORY = "history.jsonl"
DIGESTS = "digests.json"
# Features may have been kept in the run's folder before its first epoch: a new run keeps them.
FEATURES = "features"
# In a run that is to take the place of another one (`model/runs/workplace.py`).
TAKES_PLACE = ".takes-place"

_NAMES = (
    r"(model|checkpoint)\.safetensors|(config|calibration|metrics|trace|digests)\.json"
    r"|history\.jsonl"
)
# A run that was killed may leave a file under its temporary name, or under safetensors' own. Those
# that begin with `.new-` or end with the number of a process are of earlier versions.
_TEMPORARY = rf"\.new-({_NAMES})|\.({_NAMES})\.([0-9]+|tmp\.json|part)|\.tmp[0-9A-Za-z]{{6}}"
_FILE = re.compile(rf"{_NAMES}|{_TEMPORARY}|events\.out\.tfevents\..+")
_LEFT_OVER = re.compile(_TEMPORARY)
# What nobody else would call a file: it may lie there before there is a configuration.
_OURS_ALONE = re.compile(rf"\.({_NAMES})\.part|\.new-({_NAMES})")
# The runs that a run is made of: its seeds', or its networks'.
_PART = re.compile(r"seed-[0-9]+|network-(" + "|".join(map(re.escape, SUBSETS)) + ")")


def is_finished(folder: Path) -> bool:
    """Return whether a training has come to its end there."""
    return (folder / CONFIG).is_file() and (folder / METRICS).is_file()


def parts(folder: Path) -> list[Path]:
    """Return the folders of the runs that a run is made of."""
    return [
        entry
        for entry in sorted(folder.iterdir())
        if _PART.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()
    ]


def own_entries(folder: Path) -> Iterator[Path]:
    """Yield what goes when a new run takes a run's place; refuse a folder with anything else.

    A part's folder comes after what it holds, the file that tells a run's folder after the others.
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
        elif not _FILE.fullmatch(entry.name) or entry.is_dir():
            raise ModelError(
                f"{folder} holds {entry.name!r}, which is no part of a run: give --out a new folder"
            )
        elif not configuration.exists() and not _OURS_ALONE.fullmatch(entry.name):
            raise ModelError(
                f"{folder} holds {entry.name!r} but no {CONFIG} of a run: give --out a new folder"
            )
        else:
            yield entry
    if configuration.exists():
        yield configuration


def refuse_links(folder: Path) -> None:
    """Refuse a run folder with symbolic links in it: nothing is written or removed through one."""
    for entry in sorted(folder.iterdir()):
        ours = _FILE.fullmatch(entry.name) or _PART.fullmatch(entry.name) or entry.name == FEATURES
        if ours and entry.is_symlink():
            raise ModelError(
                f"{entry} is a symbolic link, and nothing is written through one: remove it, or "
                "give --out a new folder"
            )


def remove_left_overs(folder: Path) -> None:
    """Remove the files that killed processes have left under temporary names in a run."""
    for one in (folder, *parts(folder)):
        for entry in one.iterdir():
            if _LEFT_OVER.fullmatch(entry.name) and not entry.is_dir():
                entry.unlink(missing_ok=True)


def _check_is_ours(folder: Path) -> None:
    try:
        read_config(folder)
    except ModelError as error:
        raise ModelError(
            f"{str(error).rsplit(':', 1)[0]}: to train into {folder}, remove it, or give --out a "
            "new folder"
        ) from None


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``, which says that a folder is a run's."""
    path = folder / CONFIG
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise ModelError(
            f"{folder} is no run folder: give the folder that `train --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
    if content.get("format") != FORMAT:
        raise ModelError(f"{path} describes no run of `train`: give the folder that it wrote")
    version = content.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{folder} has run format {version}, this program reads up to {FORMAT_VERSION}: "
            "update the program"
        )
    return content


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """Return the metrics of a run that came to its end, else None."""
    path = folder / METRICS
    try:
        content = read_json(path)
        check_metrics(content)
        return content
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
