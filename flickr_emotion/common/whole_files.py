"""Writes files so that they appear under their names only when complete: write, sync, rename.

While it is written, a file ``NAME`` is called ``.NAME.part`` in the same folder. The writing
process holds the folder's lock, so no other process uses the temporary name. A killed process
leaves at most one such file for each name, and the next one overwrites or continues it. Folders,
and files in folders without a lock, are made in a workspace instead (``replacing``).
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ENDING = ".part"
"""The ending of all temporary names, also of earlier versions, whose names had no leading dot."""


def temporary(path: Path) -> Path:
    """Return the name that a file has until it is complete."""
    return path.with_name(f".{path.name}{ENDING}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; the file is renamed to ``path`` if nothing is raised.

    Raises ``OSError`` if that fails; an older file is then unchanged.
    """
    new = temporary(path)
    new.unlink(missing_ok=True)  # if it were a symbolic link, its target would be written
    try:
        yield new
        put_file(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file; raises ``OSError``."""
    with whole_file(path) as new:
        new.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file; raises ``OSError``."""
    write_text(path, json_text(content))


def json_text(content: Mapping[str, Any]) -> str:
    """Return an object as JSON in the format of our files."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_unsynced(path: str | Path, data: bytes) -> None:
    """Write a file completely or not at all, without waiting for the disk.

    For files that can be fetched again. Creates the folder if necessary. Raises ``OSError``.
    """
    # This runs thousands of times a second, and pathlib is slower than os.
    folder, name = os.path.split(path)
    new = f"{folder}/.{name}{ENDING}"
    try:
        file = _create(new)
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = _create(new)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
        finally:
            os.close(file)
        os.replace(new, path)  # noqa: PTH105
    except OSError:
        Path(new).unlink(missing_ok=True)
        raise


def put_file(new: Path, place: Path) -> None:
    """Sync a finished file and rename it to ``place``, on the same file system.

    Raises ``OSError``.
    """
    sync(new)
    new.replace(place)
    sync(place.parent)


def sync_tree(folder: Path) -> None:
    """Wait until a folder with all its content is on disk."""
    for path, _, files in os.walk(folder):
        for name in files:
            sync(Path(path) / name)
        sync(Path(path))


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without fsync
            raise
    finally:
        os.close(opened)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
