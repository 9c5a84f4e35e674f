"""Finds and reads the picture files that a table or a command line names.

Paths come from other machines and programs: with `~`, as `file://` addresses, with backslashes or a
blank behind them. A path is taken as it stands where such a file is, and otherwise read as it was
meant.
"""

import re
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote

from flickr_emotion.datasets.pictures.formats import UnreadablePictureError

_LARGEST = 256 * 2**20
"""Bytes of a picture file; larger files are not read."""
_LONGEST_SHOWN = 1000
"""Characters of a path that is not there; what is longer was not meant as one."""
# One slash is enough: `Path` makes one of two. A single letter is a drive of Windows.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(?=.)")
_FILE_URL = re.compile(r"file:(?://localhost|//)?(?=/)", re.IGNORECASE)


def picture_path(cell: str, folder: Path) -> Path:
    """Return the path that a cell or an option means; relative ones start at ``folder``."""
    as_it_stands = folder / cell
    meant = cell.strip()
    address = _FILE_URL.match(meant)
    if address:
        meant = unquote(meant[address.end() :])
    elif _URL.match(meant):
        return Path(meant)  # for the error of `read_picture_file`
    meant = meant.replace("\\", "/")
    if meant == cell and not meant.startswith("~"):
        return as_it_stands
    if _is_file(as_it_stands):
        return as_it_stands
    try:
        return folder / Path(meant).expanduser()
    except RuntimeError:  # the name of no user
        return folder / meant


def read_picture_file(path: Path) -> bytes:
    """Return a file's bytes; raises ``UnreadablePictureError``, which names the path."""
    try:
        found = path.stat()
        # Reading a pipe may block, and a device may never end.
        if S_ISREG(found.st_mode) and found.st_size <= _LARGEST:
            return path.read_bytes()
    except FileNotFoundError:
        _refuse_text(path)
        if url := _URL.match(str(path)):
            address = f"{url[1]}://{str(path)[url.end() :]}"
            what = "is a URL: download the picture and give the path of its file"
            raise UnreadablePictureError(what, address) from None
        raise UnreadablePictureError("is not there", path.absolute()) from None
    except (OSError, ValueError) as error:
        _refuse_text(path)
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadablePictureError(f"cannot be opened: {reason}", path.absolute()) from None
    what = f"is larger than {_LARGEST >> 20} MiB" if S_ISREG(found.st_mode) else "is not a file"
    raise UnreadablePictureError(what, path.absolute())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # its name is too long
        return False


def _refuse_text(path: Path) -> None:
    """Raise ``UnreadablePictureError`` for the content of a picture in the place of a path."""
    if len(str(path)) > _LONGEST_SHOWN:
        what = (
            "is too long for a path: pictures written as text (base64) are not read, so give files "
            "or, in Parquet, bytes"
        )
        raise UnreadablePictureError(what, f"{str(path)[:50]}...") from None
