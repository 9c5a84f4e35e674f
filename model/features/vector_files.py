"""Opens a file of word vectors, compressed or not, as it was published.

GloVe's files come in zip archives, often one file for each dimension; word2vec's and fastText's are
gzip files. Which it is, is decided by the first bytes. An archive is read as a stream and never
unpacked to disk.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from flickr_emotion.model.errors import ModelError

# What the readers of archives raise: `RuntimeError` for one with a password.
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_BUFFER = 1 << 20
_ENDINGS = (".txt", ".vec", ".bin")


@contextmanager
def open_vectors(path: Path, dimension: int) -> Iterator[BinaryIO]:
    """Open the file of vectors that ``path`` is or holds; raises ``ModelError`` or ``UNREADABLE``.

    Of several files in an archive, the one whose name says the dimension is taken.
    """
    with path.open("rb") as plain:
        start = plain.read(len(_ZIP))
        plain.seek(0)
        if start.startswith(_GZIP):
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast("BinaryIO", io.BufferedReader(unpacked, _BUFFER))
        elif start == _ZIP:
            with (
                zipfile.ZipFile(plain) as archive,
                archive.open(_member(archive, path, dimension)) as unpacked,
            ):
                yield cast("BinaryIO", io.BufferedReader(unpacked, _BUFFER))
        else:
            yield plain


def _member(archive: zipfile.ZipFile, path: Path, dimension: int) -> str:
    files = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX/" not in n]
    names = [name for name in files if PurePosixPath(name).suffix in _ENDINGS] or files
    if len(names) > 1:
        names = [name for name in names if f"{dimension}d" in PurePosixPath(name).name] or names
    if not names:
        raise ModelError(f"{path} holds no file of word vectors: give a word2vec or GloVe file")
    if len(names) > 1:
        raise ModelError(
            f"{path} holds several files ({', '.join(names[:5])}): unpack the one you mean, and "
            "give it"
        )
    return names[0]
