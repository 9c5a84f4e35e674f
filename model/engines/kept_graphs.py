"""Graphs of frozen encoders, made once and kept in the user's cache.

Making one of torch's module takes 7 to 20 seconds, and all runs and data sets with the same encoder
use the same graph. A graph is a folder with ``graph.onnx``, what else belongs to the encoder, and
``about.json`` with the SHA-256 of each file: a folder with a damaged file is made again.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt
from filelock import Timeout

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.printing import say
from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.common.whole_files import json_text

GRAPH = "graph.onnx"
MOST = 24
"""So many graphs are kept: those used last."""
_KEY = 32
_ABOUT = "about.json"
_WRITER = "flickr-emotion graph 1"
"""Part of a graph's key: to be raised when graphs are written in another way."""

Write = Callable[[Path], dict[str, Any]]
"""Writes ``graph.onnx`` and other files into a folder; returns what is to be known of them."""


def user_cache() -> Path:
    """Return the folder where this program keeps what it can make again."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "flickr-emotion"


def digest_of_weights(
    name: str, weights: Mapping[str, npt.NDArray[Any]], records: Mapping[str, Any]
) -> str:
    """Return the digest of an image encoder: equal digests mean equal features.

    ``weights``: by name, contiguous; ``records``: what a network of the hub is built from.
    """
    digest = hashlib.sha256(name.encode())
    if records:
        digest.update(json.dumps(records, sort_keys=True).encode())
    for tensor in sorted(weights):
        digest.update(tensor.encode())
        digest.update(weights[tensor].tobytes())
    return digest.hexdigest()


class KeptGraph:
    """The place of the graph of an encoder with a digest, which covers all that decides it."""

    def __init__(self, digest: str) -> None:
        key = hashlib.sha256(f"{_WRITER} {digest}".encode()).hexdigest()
        self.folder = user_cache() / "graphs" / key[:_KEY]
        self._about: dict[str, Any] | None = None

    def about(self) -> dict[str, Any] | None:
        """Return what was recorded of the graph; None if there is none, or it is damaged."""
        if self._about is None:
            self._about = self._read()
        return self._about

    def _read(self) -> dict[str, Any] | None:
        try:
            content = read_json(self.folder / _ABOUT)
            for name, expected in content["digests"].items():
                with (self.folder / name).open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                        return None
            about: dict[str, Any] = content["about"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        with suppress(OSError):  # the cache may be read-only
            os.utime(self.folder / _ABOUT)
        return about

    def make(self, write: Write) -> bool:
        """Make the graph; return whether it could be kept.

        Raises what ``write`` raises.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with workspace_beside(self.folder) as workspace:
                new = workspace / "new"
                new.mkdir()
                about = write(new)
                digests = {
                    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in sorted(new.iterdir())
                }
                content = {"about": about, "digests": digests}
                (new / _ABOUT).write_text(json_text(content), encoding="utf-8")
                put_folder(new, self.folder)
            _remove_oldest(self.folder.parent)
        except Timeout:
            return False  # another process is making it
        except OSError as error:
            say(
                f"no graph can be kept in {self.folder.parent} ({error.strerror or error}): torch "
                "runs the encoder; free some space there, or name another folder in the "
                "environment variable XDG_CACHE_HOME"
            )
            return False
        return True


def _remove_oldest(graphs: Path) -> None:
    """Remove the graphs that were not used for the longest time, but for ``MOST``."""
    kept = graphs.glob(f"{'[0-9a-f]' * _KEY}/{_ABOUT}")
    for about in sorted(kept, key=lambda path: path.stat().st_mtime)[:-MOST]:
        shutil.rmtree(about.parent, ignore_errors=True)
