"""What a data set was built from: where none of it has changed, the data set stays as it is.

A build gives the same bytes from the same posts, options and code. So ``built_from.json`` holds a
digest of the input, and one of everything else that a data set depends on: the options, what was
withdrawn, this package's own source and the versions of the packages it decides with. It describes
one machine's build and is no part of the data set: it may be removed, and has no digest in
``dataset.json``.
"""

import hashlib
import json
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.whole_files import write_json
from flickr_emotion.datasets.folder.layout import BUILT_FROM

_OWN_CODE = ("flickr_emotion.common", "flickr_emotion.datasets", "flickr_emotion.harvest")
_PACKAGES = (
    *("langdetect", "langdetect-rs", "numpy", "pillow", "pillow-heif", "pyarrow", "rensa"),
    *("scipy", "selectolax"),
)


@dataclass(frozen=True, kw_only=True)
class BuiltFrom:
    """What a data set was built from, and what the build said about it."""

    input: str | None
    """A digest of the input; None if there were pictures, whose files are not part of it."""
    rest: str
    """A digest of everything else that a data set depends on."""
    rules: str
    """A digest of what the judgement of each post depends on beside the post itself."""
    judged: str
    """The digest of the file of judged posts."""
    dataset: str
    """The digest of ``dataset.json``."""
    said: list[str]
    """The lines that the build printed about the posts."""


_DIGESTS = ("rest", "rules", "judged", "dataset")


def read_built_from(folder: Path) -> BuiltFrom | None:
    """Return what a data set was built from; None if its folder does not say it."""
    try:
        content = read_json(folder / BUILT_FROM)
    except (OSError, ValueError):
        return None
    given, said = content.get("input"), content.get("said")
    if (
        set(content) != {field.name for field in fields(BuiltFrom)}
        or not (given is None or isinstance(given, str))
        or not all(isinstance(content[name], str) for name in _DIGESTS)
        or not (isinstance(said, list) and all(isinstance(line, str) for line in said))
    ):
        return None
    return BuiltFrom(**content)


def write_built_from(folder: Path, built_from: BuiltFrom) -> None:
    """Write it into the folder of a data set that is complete."""
    write_json(folder / BUILT_FROM, asdict(built_from))


def digest_of_rules(depends_on: Mapping[str, Any]) -> str:
    """Return a digest of this code, the packages it decides with, and ``depends_on`` (JSON)."""
    whole = {"code": _code(), "packages": _versions(), **depends_on}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


class Said:
    """Keeps the lines that are said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """``say`` is called with each line."""
        self._say = say
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Say a line and keep it."""
        self.lines.append(line)
        self._say(line)


@cache
def _code() -> str:
    """Return a digest of the source of the parts of this package that a build uses."""
    digest = hashlib.sha256()
    for name in _OWN_CODE:
        for folder in import_module(name).__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{name}/{path.relative_to(folder).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": sys.version, "unicode": unicodedata.unidata_version}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
