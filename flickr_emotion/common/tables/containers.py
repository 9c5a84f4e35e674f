"""Opens files as bytes, whether they are plain, gzip, or a member of a zip archive.

Files come from others, so unpacking is bounded: a stream that unpacks to more than 200 times its
size is not text or Parquet, but made to fill a disk.
"""

import gzip
import io
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from flickr_emotion.common.tables.table import TableError

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
PARQUET = b"PAR1"
"""The bytes that a Parquet file begins with."""
_CHUNK = 1 << 20
_SMALL = 256 * 2**20
"""Bytes that any packed file may unpack to."""
_MOST_TIMES = 200
"""Text shrinks to a tenth, a file of one repeated byte to a thousandth."""
_HIDDEN = ("__MACOSX/", ".")


def members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive; an empty list for any other file.

    Folders and the files that macOS adds are left out. Raises ``TableError``, ``OSError``.
    """
    if _starts(path) != _ZIP:
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise TableError(f"{path} is a damaged zip archive ({error}): get it again") from None
    if "[Content_Types].xml" in names:
        raise TableError(f"{path} is an Excel workbook: save it as CSV (UTF-8) and give that file")
    return [
        name
        for name in names
        if not name.startswith(_HIDDEN) and not name.rpartition("/")[2].startswith(".")
    ]


@contextmanager
def opened(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """Yield a file's unpacked content, to be read from its beginning to its end.

    ``member`` names a file in a zip archive that holds several. Raises ``TableError`` for damaged
    archives, also while the content is read, and ``OSError``.
    """
    names = members(path)
    if member is None and len(names) > 1:
        raise TableError(
            f"{path} holds {len(names)} files ({names[0]}, {names[1]}...): unpack it and give one"
        )
    if _starts(path) == _ZIP and not names:
        raise TableError(f"{path} is an empty zip archive: give a file with a table")
    try:
        with path.open("rb") as raw:
            if names:
                with zipfile.ZipFile(raw) as archive, _member(archive, member or names[0]) as it:
                    yield io.BufferedReader(_Bounded(it, path))
            elif _starts(path)[:2] == _GZIP:
                with gzip.open(raw) as content:
                    yield io.BufferedReader(_Bounded(content, path))
            else:
                yield raw
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise TableError(f"{path} is damaged ({error}): get it again") from None


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return archive.open(name)
    except (NotImplementedError, RuntimeError, KeyError) as error:  # a password, a rare method
        raise TableError(
            f"{archive.filename} cannot be unpacked ({error}): unpack it yourself"
        ) from None


@contextmanager
def seekable(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """Yield a file's unpacked content where any part can be read; packed content is copied."""
    with opened(path, member) as content:
        if not isinstance(content, io.BufferedReader) or not isinstance(content.raw, _Bounded):
            yield content
            return
        with tempfile.TemporaryFile() as copy:
            while chunk := content.read(_CHUNK):
                copy.write(chunk)
            copy.seek(0)
            yield copy


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does, whatever its name; False if it is not there."""
    try:
        return _starts(path) == PARQUET
    except OSError:
        return False


def is_packed(path: Path) -> bool:
    """Return whether a file is gzip or zip; raises ``OSError``."""
    start = _starts(path)
    return start == _ZIP or start[:2] == _GZIP


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


class _Bounded(io.RawIOBase):
    """An unpacked stream that refuses to grow beyond all reason."""

    def __init__(self, content: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        self._content = content
        self._path = path
        self._left = max(_SMALL, _MOST_TIMES * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._content.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise TableError(
                f"{self._path} unpacks to more than {_MOST_TIMES} times its size, as no table "
                "does: unpack it yourself if you trust it"
            )
        buffer[: len(chunk)] = chunk
        return len(chunk)
