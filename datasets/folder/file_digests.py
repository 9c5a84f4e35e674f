"""The digests of a data set's files, by which damage on disk is detected.

``dataset.json`` holds the size and SHA-256 of each file, for a Parquet file also the SHA-256 of its
footer, for a shard also checksums of its row groups, and a digest of its own content. Opening a
data set checks sizes, footers and small files; row groups are checked when they are read
(``group_checksums``). Code that copies a file unchanged (a build, ``reduce``) and ``verify`` check
the whole file.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flickr_emotion.common.cores import usable_cores
from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.datasets.folder.group_checksums import group_checksums
from flickr_emotion.datasets.folder.layout import DATA, NOT_DIGESTED

FILES = "files"
GROUPS = "groups_crc32"
OWN_DIGEST = "sha256"
_MAGIC = b"PAR1"
_ENDING = 8  # bytes: the length of the footer, and the magic
_LARGEST_FOOTER = 256 * 2**20


class DamagedError(Exception):
    """A file differs from its digest; the message says how, without the file's name."""


def with_digests(
    folder: Path,
    content: Mapping[str, Any],
    known: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the content of ``dataset.json`` with the digests of a folder's files and its own.

    ``known``: the digests of files that were taken over unchanged.
    """
    rest = {name: value for name, value in content.items() if name not in (FILES, OWN_DIGEST)}
    described = rest | {FILES: file_digests(folder, known)}
    return described | {OWN_DIGEST: own_digest(described)}


def own_digest(described: Mapping[str, Any]) -> str:
    """Return the digest of ``dataset.json`` without its entry for this digest."""
    rest = {name: value for name, value in described.items() if name != OWN_DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def check_own_digest(described: Mapping[str, Any]) -> None:
    """Raise ``DamagedError`` if a description differs from its own digest."""
    if OWN_DIGEST in described and described[OWN_DIGEST] != own_digest(described):
        raise DamagedError("is damaged (it does not match its digest)")


def file_digests(
    folder: Path, known: Mapping[str, dict[str, Any]] = MappingProxyType({})
) -> dict[str, dict[str, Any]]:
    """Return size and digests by file name, for all files but those of ``NOT_DIGESTED``.

    Files in ``known`` are not read.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in NOT_DIGESTED
    )
    with ThreadPoolExecutor(usable_cores()) as threads:
        found = threads.map(lambda name: known.get(name) or _digests(folder / name), names)
        return dict(zip(names, found, strict=True))


def _digests(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    if path.suffix == ".parquet":
        found["footer_sha256"] = _footer_sha256(path)
    if path.parent.name == DATA:
        found[GROUPS] = group_checksums(path)
    return found


def check_briefly(folder: Path, name: str, expected: Mapping[str, Any]) -> None:
    """Check a file's size, and its footer if it is a Parquet file, otherwise its whole content.

    Raises ``DamagedError``, or ``OSError`` if it cannot be read.
    """
    path = folder / name
    _check_size(path, expected)
    if "footer_sha256" in expected:
        if _footer_sha256(path) != expected["footer_sha256"]:
            raise DamagedError("is damaged (its footer does not match its digest)")
    elif file_sha256(path) != expected["sha256"]:
        raise DamagedError("is damaged (it does not match its digest)")


def check_whole(folder: Path, name: str, expected: Mapping[str, Any]) -> None:
    """Check a file's size and its whole content; raises as ``check_briefly`` does."""
    path = folder / name
    _check_size(path, expected)
    if file_sha256(path) != expected["sha256"]:
        raise DamagedError("is damaged (it does not match its digest)")


def damaged_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each damaged file: its name and what is wrong."""

    def wrong(name: str) -> str | None:
        try:
            check_whole(folder, name, files[name])
        except DamagedError as error:
            return f"{name} {error}"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror or error})"
        return None

    with ThreadPoolExecutor(usable_cores()) as threads:
        yield from (line for line in threads.map(wrong, sorted(files)) if line)


def _check_size(path: Path, expected: Mapping[str, Any]) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DamagedError("is not there") from None
    if size != expected["bytes"]:
        raise DamagedError(f"is damaged ({size} bytes, not {expected['bytes']})")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file; raises ``OSError``."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _footer_sha256(path: Path) -> str:
    with open_plain(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _ENDING))
        ending = file.read(_ENDING)
        length = int.from_bytes(ending[:4], "little")
        if ending[4:] != _MAGIC or length > min(size, _LARGEST_FOOTER):
            return ""
        file.seek(max(0, size - _ENDING - length))
        return hashlib.sha256(file.read()).hexdigest()
