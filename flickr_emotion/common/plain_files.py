"""Opens files of folders that others sent, if they are files.

Opening a named pipe waits until something writes to it, for ever if nothing does, and a device may
never end. So a folder with one in the place of a file would make a command hang.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_plain(path: Path) -> BufferedReader:
    """Open a file for reading; raises ``OSError`` if it cannot be read or is a pipe or a device."""
    # Without O_NONBLOCK, opening a pipe would wait; it changes nothing for a file.
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check(os.fstat(opened), path)
        return os.fdopen(opened, "rb")
    except OSError:
        os.close(opened)
        raise


def check_plain(path: Path) -> None:
    """Raise ``OSError`` if ``path`` does not exist or is a pipe or a device."""
    _check(path.stat(), path)


def _check(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a file", str(path))
