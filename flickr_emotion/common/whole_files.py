"""Files that appear under their names when they are whole: written, synced, renamed.

Until then a file ``NAME`` is ``.NAME.part`` in the same folder. Whoever writes holds the lock of
the folder, so that the temporary name is nobody else's. A process that is killed leaves one such
file at most for each name, and the next one writes over it or goes on with it. Folders, and files
in a place that anybody may write to, are made in a workspace instead (``replacing``).
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ENDING = ".part"
"""Of all temporary names, also of those of earlier versions, which had no dot before."""


def temporary(path: Path) -> Path:
    """Return the name that a file has until it is whole."""
    return path.with_name(f".{path.name}{ENDING}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name under which a file is written; it takes its place when all went well.

    Raises ``OSError`` where it cannot; then the older file still stands.
    """
    new = temporary(path)
    new.unlink(missing_ok=True)  # were it a symbolic link, it would be written through
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
    """Return JSON as our files hold it."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_unsynced(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, but do not wait for the disk: it can be fetched again.

    Its folder is made where it is not there. Raises ``OSError``.
    """
    # os and not pathlib: this is done a thousand times a second.
    folder, name = os.path.split(path)
    new = f"{folder}/.{name}{ENDING}"
    try:
        file = _create(new)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
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
    """Let a finished file take its place, in the same folder or another one of the file system.

    Raises ``OSError``.
    """
    sync(new)
    new.replace(place)
    sync(place.parent)


def sync_tree(folder: Path) -> None:
    """Wait until a folder with all that is in it is on the disk."""
    for path, _, files in os.walk(folder):
        for name in files:
            sync(Path(path) / name)
        sync(Path(path))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise
    finally:
        os.close(opened)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
