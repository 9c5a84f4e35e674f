"""The digests of a run's files: safetensors and JSON have no checksum of their own.

One flipped bit in the weights makes another network, and nothing else would notice.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.common.replacing import standing
from flickr_emotion.common.takedown.tombstones import FILE_NAME as TOMBSTONES
from flickr_emotion.common.whole_files import write_json
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.files import (
    CALIBRATION,
    CARD,
    CONFIG,
    DIGESTS,
    HISTORY,
    METRICS,
    NETWORK,
    is_finished,
    is_part,
    parts,
    read_config,
)

FORMAT = "flickr-emotion-run-digests"
FORMAT_VERSION = 1
KEPT = (NETWORK, CONFIG, METRICS, CALIBRATION, HISTORY, CARD)
"""The files that get a digest, in each folder of a run that holds them."""
_CHECKED = (*KEPT, TOMBSTONES)
"""The same and the one that a takedown adds."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADVICE = "take it from a copy, or train again"


def digests_of(folder: Path, coming: dict[str, bytes]) -> dict[str, Any]:
    """Return the content of a folder's ``digests.json``; ``coming`` are files yet to be written.

    The digests of a part's own ``digests.json`` stand under ``parts``, so that a part that was
    lost is missed.
    """
    files = {}
    for name in KEPT:
        if name in coming:
            digest, size = hashlib.sha256(coming[name]).hexdigest(), len(coming[name])
        elif (folder / name).is_file():
            digest, size = _digest(folder / name)
        else:
            continue
        files[name] = {"sha256": digest, "bytes": size}
    lists = {it.name: _digest(it / DIGESTS)[0] for it in parts(folder) if (it / DIGESTS).is_file()}
    return {"format": FORMAT, "version": FORMAT_VERSION, "files": files} | (
        {"parts": lists} if lists else {}
    )


def renew_digests(folder: Path, changed: Sequence[str]) -> None:
    """Put the digests of changed files right, and those of the parts; raises ``OSError``.

    A run without digests keeps none. Those of other files stay, so that damage is still seen.
    """
    try:
        content = read_json(folder / DIGESTS)
    except FileNotFoundError:
        return
    for name in changed:
        if name in _CHECKED:
            digest, size = _digest(folder / name)
            content["files"][name] = {"sha256": digest, "bytes": size}
    for part in content.get("parts", {}):
        content["parts"][part] = _digest(folder / part / DIGESTS)[0]
    write_json(folder / DIGESTS, content)


def check_file(folder: Path, name: str) -> None:
    """Refuse a file that differs from what the training wrote, if it has a digest.

    Runs of earlier versions and unfinished trainings have no digests.
    """
    digests = _read(folder)
    if digests and (damage := _damage(folder, name, digests.files)):
        raise ModelError(f"{damage}: {_ADVICE}")


def verify_run(folder: Path) -> list[str]:
    """Return the damage found in a run folder, one line each; empty if there is none.

    Raises ``ModelError`` for a folder that is not a run or has no digests.
    """
    run = standing(folder)
    if not (run / DIGESTS).is_file():
        read_config(run)
        reason = (
            "an earlier version wrote it"
            if is_finished(run)
            else f"its training has not finished: `train --resume {folder}`"
        )
        raise ModelError(f"{folder} has no {DIGESTS} to check it against: {reason}")
    damages = []
    for part in (run, *parts(run)):
        try:
            digests = _read(part)
        except ModelError as error:
            damages.append(str(error))
            continue
        if digests is None:
            damages.append(f"{part / DIGESTS} does not exist: {_ADVICE}")
            continue
        found = [_damage(part, name, digests.files) for name in _CHECKED]
        found += [_part_damage(part / name, expected) for name, expected in digests.parts.items()]
        damages += [f"{damage}: {_ADVICE}" for damage in found if damage]
    return damages


class _Digests(NamedTuple):
    files: dict[str, tuple[str, int]]
    """The SHA-256 and the size of each file."""
    parts: dict[str, str]
    """The SHA-256 of the ``digests.json`` of each part."""


def _read(folder: Path) -> _Digests | None:
    path = folder / DIGESTS
    try:
        content = read_json(path)
        if content["format"] != FORMAT or not isinstance(content["version"], int):
            raise ValueError(f"its format is not {FORMAT}")
        if content["version"] > FORMAT_VERSION:
            raise ModelError(f"{path} has a newer format: update the program")
        files = {
            name: (str(entry["sha256"]), int(entry["bytes"]))
            for name, entry in content["files"].items()
        }
        of_parts = {name: str(digest) for name, digest in content.get("parts", {}).items()}
        if wrong := [n for n in of_parts if not is_part(n)]:
            raise ValueError(f"{wrong[0]!r} is not a part of a run")
        if wrong := [
            n for n, (d, _) in files.items() if n not in _CHECKED or not _SHA256.fullmatch(d)
        ]:
            raise ValueError(f"the entry of {wrong[0]!r} is not a digest")
    except FileNotFoundError:
        return None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ModelError(f"{path} is damaged ({error!r}): {_ADVICE}") from None
    return _Digests(files, of_parts)


def _part_damage(part: Path, expected: str) -> str | None:
    """Compare the list of digests of a part; its files are compared with that list."""
    if not part.is_dir():
        return f"{part} is not there"
    try:
        found, _ = _digest(part / DIGESTS)
    except OSError:
        return None  # It is reported where the part itself is checked.
    return None if found == expected else f"{part / DIGESTS} is not of this run"


def _damage(folder: Path, name: str, digests: dict[str, tuple[str, int]]) -> str | None:
    if name not in digests:
        if name == CARD:
            return None  # somebody's own, in a run of an earlier version
        return f"{folder / DIGESTS} has no entry for {name}" if (folder / name).exists() else None
    path, expected = folder / name, digests[name]
    try:
        found = _digest(path)
    except FileNotFoundError:
        return f"{path} does not exist"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})"
    if found[1] != expected[1]:
        return f"{path} has {found[1]} bytes, but the training wrote {expected[1]}"
    if found != expected:
        return f"{path} is damaged: its SHA-256 differs from that of what the training wrote"
    return None


def _digest(path: Path) -> tuple[str, int]:
    with open_plain(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()
