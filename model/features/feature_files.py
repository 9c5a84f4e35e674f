"""Features on disk: memory-mapped files that are written in pieces and can be resumed.

A large data set's features take hours on a CPU and do not fit into memory twice. A file is in
numpy's format and has a temporary name until it is complete. An interruption loses at most one
piece. If two processes want the same features, one computes them and the other waits.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from flickr_emotion.common.plain_files import check_plain
from flickr_emotion.common.printing import say
from flickr_emotion.common.takedown.feature_folders import features_path, write_made_from
from flickr_emotion.common.whole_files import ENDING, put_file, temporary
from flickr_emotion.model.errors import ModelError

ROWS_PER_PIECE = 1024

Shape = tuple[int, int]


def read_features(path: Path, shape: Shape) -> Tensor | None:
    """Return the features of a complete file, memory-mapped; None if there is none.

    A file that is damaged or has another shape counts as missing.
    """
    try:
        check_plain(path)
        # Copy on write, because torch has no read-only tensors.
        features = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    if features.shape != shape or features.dtype != np.float32:
        return None
    return torch.from_numpy(features)


def kept_or_made(
    roots: Sequence[Path],
    made_from: Sequence[str],
    shapes: dict[str, Shape],
    make: Callable[[dict[str, Path]], None],
) -> dict[str, Tensor]:
    """Return features by name, computing only those that no folder in the ``roots`` holds.

    ``made_from``: their name, and what they are made from
    (``common.takedown.feature_folders``). ``make`` gets the paths of the missing files by name, in
    the first writable root.
    """
    places = [root / features_path(*made_from) for root in roots]
    kept = _kept(places, shapes)
    if set(kept) != set(shapes):
        with writable_folder(places) as place:
            kept = _kept(places, shapes)  # another process may have made them meanwhile
            missing = {name: shape for name, shape in shapes.items() if name not in kept}
            make({name: _path(place, name) for name in missing})
            with suppress(OSError):
                write_made_from(place, made_from)
            kept |= _kept([place], missing)
    return kept


def _path(place: Path, name: str) -> Path:
    return place / f"{name}.npy"


def _kept(places: Sequence[Path], shapes: dict[str, Shape]) -> dict[str, Tensor]:
    kept = {}
    for name, shape in shapes.items():
        for place in places:
            features = read_features(_path(place, name), shape)
            if features is not None:
                kept[name] = features
                break
    return kept


@contextmanager
def writable_folder(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the first writable folder, locked against other processes.

    A data set may be read-only. If none of the folders is writable, the features are put into a
    temporary one and last as long as the process. Nothing is written through a symbolic link in a
    data set or a run.
    """
    with ExitStack() as stack:
        for folder in folders:
            if link := next((f for f in (folder.parent, folder) if f.is_symlink()), None):
                say(f"{link} is a symbolic link: no features are written through it")
                continue
            lock = FileLock(folder / "lock")
            try:
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    say(f"waiting for another process to compute the features of {folder}")
                    lock.acquire()
            except OSError:
                continue
            stack.callback(lock.release)
            yield folder
            return
        yield Path(stack.enter_context(TemporaryDirectory()))


class GrowingFile:
    """A file of features that is written from first row to last; a context manager."""

    def __init__(self, path: Path, shape: Shape) -> None:
        self._path, self._shape = path, shape
        self._part = temporary(path)

    def __enter__(self) -> "GrowingFile":
        try:
            if self._part.is_symlink():
                self._part.unlink()
            older = self._path.with_name(f"{self._path.name}{ENDING}")
            if older.exists() and not self._part.exists():  # of an earlier version
                older.rename(self._part)
            self._file: BinaryIO = self._part.open("r+b" if self._part.exists() else "w+b")
            self._resume()
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def _resume(self) -> None:
        header = self._header()
        if self._file.read(len(header)) != header:
            self._file.seek(0)
            self._file.write(header)
            self._file.truncate()
        size = self._file.seek(0, os.SEEK_END) - len(header)
        row = self._shape[1] * np.dtype("<f4").itemsize
        # The last piece may be incomplete.
        self.rows = size // row // ROWS_PER_PIECE * ROWS_PER_PIECE
        self._file.seek(len(header) + self.rows * row)
        self._file.truncate()

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a full disk refuses again what it refused before
            self._file.close()

    def _header(self) -> bytes:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": self._shape}
        )
        return header.getvalue()

    def fill(self, features: Iterable[Tensor]) -> None:
        """Write the missing rows as they come; rename the file when it is complete.

        Raises ``ModelError`` if they cannot be written.
        """
        waiting: list[Tensor] = []
        for some in features:
            waiting.append(some)
            if sum(map(len, waiting)) >= ROWS_PER_PIECE:
                rows = torch.cat(waiting)
                whole = len(rows) // ROWS_PER_PIECE * ROWS_PER_PIECE
                self._write(rows[:whole])
                waiting = [rows[whole:]]
        if waiting:
            self._write(torch.cat(waiting))
        if self.rows != self._shape[0]:
            raise ValueError(f"{self.rows} rows, not {self._shape[0]}")
        try:
            put_file(self._part, self._path)
        except OSError as error:
            raise self._unwritable(error) from None

    def _write(self, rows: Tensor) -> None:
        try:
            self._file.write(rows.numpy().astype("<f4", copy=False).tobytes())
            # Each piece is flushed before the next begins, so only the last can be incomplete.
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        self.rows += len(rows)

    def _unwritable(self, error: OSError) -> ModelError:
        return ModelError(
            f"features cannot be written to {self._path.parent} ({error.strerror or error}): "
            "free some space and run the command again; it resumes"
        )
