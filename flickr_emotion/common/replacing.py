"""Replaces a command's output folder or file atomically, after it has been synced to disk.

A new folder is filled in a workspace, a temporary folder beside its place. When it is complete, its
files are synced and the two names are exchanged, so that at any moment either the old or the new
folder is in place, however the process ends. Some file systems cannot exchange two names. There the
old folder is in the workspace for a moment, and ``standing`` finds it. Single files are written in
a workspace too, and renamed.

The workspace contains a mark file, which is locked while a process works there. What a killed
process left is recognised by the mark and removed; nothing else is removed.
"""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from flickr_emotion.common.whole_files import put_file, sync, sync_tree

_MARK = ".flickr-emotion-workspace"
_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux' renameat2, RENAME_SWAP of macOS' renamex_np


class InTheWayError(FileExistsError):
    """A file or folder that this program did not make has the name of a workspace."""

    def __str__(self) -> str:
        """Return the message for the user."""
        return f"{self.filename} {self.strerror}"


@contextmanager
def workspace_beside(place: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``place``, for one process at a time; remove it at the end.

    Raises ``filelock.Timeout`` if another process works on ``place``, ``InTheWayError`` if
    something else has the workspace's name, ``OSError`` if it cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    workspace = _workspace(place)
    with _claimed(workspace):
        settle(place)
        _empty(workspace)
        try:
            yield workspace
        finally:
            with suppress(OSError):
                # If the process was interrupted between two renames, the old folder is in here.
                settle(place)
                _empty(workspace)
                (workspace / _MARK).unlink()
                workspace.rmdir()


@contextmanager
def new_file(place: Path) -> Iterator[Path]:
    """Yield a path to write a file to; the file is moved to ``place`` if nothing is raised.

    Raises ``OSError`` if that fails, if ``place`` is a folder or its parent folder does not exist,
    and if another process is writing the same file.
    """
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(place))
    if not place.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder is not there", str(place))
    try:
        with workspace_beside(place) as workspace:
            new = workspace / place.name
            yield new
            put_file(new, place)
    except Timeout:
        raise BlockingIOError(
            errno.EAGAIN, "another command is writing it, wait until it ends", str(place)
        ) from None


def put_folder(new: Path, place: Path) -> None:
    """Move a finished folder of the workspace to ``place``; an older folder there moves to ``new``.

    Raises ``OSError`` if that fails; ``place`` is then unchanged.
    """
    sync_tree(new)
    if not os.path.lexists(place):
        new.rename(place)
    elif not _exchanged(new, place):
        place.rename(_aside(place))
        new.rename(place)
        _aside(place).rename(new)
    sync(place.parent)


def standing(place: Path) -> Path:
    """Return where the folder of a place is: there, or in the workspace after a killed rename.

    For readers; writers call ``settle`` under the lock.
    """
    if os.path.lexists(place) or not place.name:
        return place
    aside = _aside(place)
    return aside if aside.is_dir() and not aside.is_symlink() else place


def left_aside(place: Path) -> str:
    """Return a remark for the error message that nothing is at ``place``, empty if none applies.

    Earlier versions moved the old folder to another name before they renamed the new one. It cannot
    be told for sure whether a folder of that name is such a one, so it is named and not used.
    """
    previous = place.with_name(f".{place.name}.previous") if place.name else place
    if os.path.lexists(place) or not previous.is_dir():
        return ""
    return f" (a killed build of an earlier version left {previous}: rename it to {place})"


def settle(place: Path) -> None:
    """Move back the folder that a process killed in ``put_folder`` left in the workspace."""
    if (aside := standing(place)) != place:
        aside.rename(place)


@contextmanager
def _claimed(workspace: Path) -> Iterator[None]:
    """Create a workspace if necessary, and lock it."""
    while True:
        with suppress(FileExistsError):
            workspace.mkdir()
        if not _is_ours(workspace):
            raise InTheWayError(
                errno.EEXIST,
                "is not ours, or a killed build of an earlier version left it: move it elsewhere",
                str(workspace),
            )
        lock = FileLock(workspace / _MARK, timeout=0)
        try:
            lock.acquire()
            break
        except FileNotFoundError:  # another process has just ended and removed its workspace
            continue
    try:
        yield
    finally:
        lock.release()


def _is_ours(workspace: Path) -> bool:
    mark = workspace / _MARK
    if workspace.is_symlink() or mark.is_symlink():
        return False
    try:
        return mark.is_file() or not any(workspace.iterdir())
    except FileNotFoundError:
        return True  # it has just been removed
    except NotADirectoryError:
        return False


def _empty(workspace: Path) -> None:
    """Remove everything but the mark: without it a later process could not remove the rest."""
    for entry in workspace.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()


def _workspace(place: Path) -> Path:
    return place.with_name(f".{place.name}.building")


def _aside(place: Path) -> Path:
    return _workspace(place) / "previous"


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names atomically; return false if the system cannot."""
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
