"""How what a command makes takes its place on disk: in one step, and on the disk before it is done.

A folder that is made anew is filled in a workspace beside its place. When it is whole, its files
are synced and the two names are exchanged, so that at every moment either the old folder or the
new one is in its place, however the process ends. Some file systems cannot exchange two names.
There the old folder stands in the workspace for a moment, and ``standing`` finds it.

The workspace carries a mark. What a killed process left is removed by its mark; nothing else is.
"""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

_MARK = ".flickr-emotion-workspace"
_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux' renameat2, RENAME_SWAP of macOS' renamex_np


@contextmanager
def workspace_beside(place: Path) -> Iterator[Path]:
    """Give an empty folder beside ``place``, for one process at a time; it is removed at the end.

    Raises ``filelock.Timeout`` where another process works on ``place``, ``FileExistsError`` where
    something that is not ours has the workspace's name, ``OSError`` where it cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    workspace = _workspace(place)
    lock = FileLock(place.with_name(f".{place.name}.lock"), timeout=0)
    with lock:
        try:
            settle(place)
            _remove(workspace)
            workspace.mkdir()
            (workspace / _MARK).touch()
            yield workspace
        finally:
            with suppress(OSError):
                _remove(workspace)
            Path(lock.lock_file).unlink(missing_ok=True)


def put_folder(new: Path, place: Path) -> None:
    """Let a finished folder of the workspace take its place; what stood there goes to ``new``.

    Raises ``OSError`` where it cannot; then what stood there still does.
    """
    sync_tree(new)
    if not os.path.lexists(place):
        new.rename(place)
    elif not _exchanged(new, place):
        place.rename(_aside(place))
        new.rename(place)
        _aside(place).rename(new)
    sync(place.parent)


def put_file(new: Path, place: Path) -> None:
    """Let a finished file take its place, in the same folder or another one of the file system."""
    sync(new)
    new.replace(place)
    sync(place.parent)


def standing(place: Path) -> Path:
    """Return where the folder of a place stands: there, or aside if a process was killed between.

    For readers; whoever writes calls ``settle`` under the lock.
    """
    aside = _aside(place)
    return aside if not os.path.lexists(place) and aside.is_dir() else place


def settle(place: Path) -> None:
    """Bring back the folder that a process killed in ``put_folder`` has left aside."""
    if (aside := standing(place)) != place:
        aside.rename(place)


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


def _remove(workspace: Path) -> None:
    if not os.path.lexists(workspace):
        return
    ours = not workspace.is_symlink() and (
        (workspace / _MARK).is_file() or (workspace.is_dir() and not any(workspace.iterdir()))
    )
    if not ours:
        raise FileExistsError(errno.EEXIST, "is not ours: move it elsewhere", str(workspace))
    # The mark goes last, or a process killed meanwhile would leave what nobody dares to remove.
    for entry in workspace.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()
    shutil.rmtree(workspace)


def _workspace(place: Path) -> Path:
    return place.with_name(f".{place.name}.building")


def _aside(place: Path) -> Path:
    return _workspace(place) / "previous"


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; return false where the system cannot."""
    names = os.fsencode(one), os.fsencode(other)
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, _EXCHANGE)
    else:
        return False
    if failed:
        number = ctypes.get_errno()
        if number not in _CANNOT_EXCHANGE:
            raise OSError(number, os.strerror(number), str(other))
    return not failed
