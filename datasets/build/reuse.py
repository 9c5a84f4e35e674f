"""What a build takes over from the data set that it replaces: all of it, or parts.

A build gives the same bytes from the same posts, options and code. So ``built_from.json`` holds
digests of the input, and of everything else that a data set depends on: the options, what was
withdrawn, this package's own source and the versions of the packages it decides with. Where all are
the same, the data set stays as it is. Where some posts have changed, only these are judged again
(``judged_posts``). Otherwise the build reuses what ``decisions.parquet`` holds. Every file must be
undamaged, because nothing that is taken over is computed again.

``built_from.json`` describes a build on one machine and does not belong to the data set: it can be
removed, and ``dataset.json`` holds no digest of it.
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

import pyarrow as pa

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.whole_files import write_json
from flickr_emotion.datasets.build.saying import Say
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import decisions
from flickr_emotion.datasets.folder.file_digests import OWN_DIGEST, damaged_files, file_sha256
from flickr_emotion.datasets.folder.layout import BUILT_FROM, CARD, JUDGED
from flickr_emotion.datasets.folder.reading import (
    WITHOUT_DISTRIBUTIONS,
    Dataset,
    open_dataset,
)
from flickr_emotion.datasets.judging.judged_posts import JudgedPosts
from flickr_emotion.datasets.judging.judging import Judge
from flickr_emotion.datasets.sources.inputs import Input

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


def _digest_of_rules(depends_on: Mapping[str, Any]) -> str:
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


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The data set that is replaced, as far as it can be reused."""

    dataset: Dataset | None = None
    """None if none of it can be reused."""
    former: Dataset | None = None
    """The same, or one of which only the features can be kept."""
    built_from: BuiltFrom | None = None
    """What it was built from, if its folder says it."""

    @property
    def decisions(self) -> Path | None:
        """The file of its decisions."""
        return self.dataset.folder / decisions.FILE_NAME if self.dataset else None

    def unchanged(self, input_digest: str, rest: str) -> Dataset | None:
        """Return the data set if a build would give it again."""
        if (
            self.dataset is not None
            and self.built_from is not None
            and (self.built_from.input, self.built_from.rest) == (input_digest, rest)
            and (self.dataset.folder / CARD).is_file()
        ):
            return self.dataset
        return None

    def judged(self, rules: str) -> JudgedPosts | None:
        """Return its judged posts if they were judged by the same rules."""
        if self.dataset is None or self.built_from is None or self.built_from.rules != rules:
            return None
        path = self.dataset.folder / JUDGED
        try:
            return JudgedPosts(path) if file_sha256(path) == self.built_from.judged else None
        except (OSError, pa.ArrowException):
            return None


def previous_at(out: Path, built_from: BuiltFrom | None, seed: int, say: Say) -> Previous:
    """Return what can be reused of the data set at ``out``; ``seed`` is that of the build.

    ``built_from``: what its folder says that it was built from.
    """
    try:
        dataset = open_dataset(out) if out.exists() and any(out.iterdir()) else None
    except DatasetError as error:
        say(f"nothing is reused from the data set that is replaced: {error}")
        return Previous()
    # With another seed, the pictures are stored in another order.
    if (
        dataset is None
        or dataset.version < WITHOUT_DISTRIBUTIONS
        or dataset.options.get("seed") != seed
        or decisions.FILE_NAME not in dataset.files
    ):
        return Previous(former=dataset)
    if damaged := next(damaged_files(dataset.folder, dataset.files), None):
        say(f"{dataset.folder}: {damaged}; nothing of it is reused, everything is built again")
        return Previous(former=dataset)
    if built_from is not None and built_from.dataset != dataset.described.get(OWN_DIGEST):
        built_from = None
    return Previous(dataset=dataset, former=dataset, built_from=built_from)


def rules_of(posts: Input, judge: Judge) -> str:
    """Return a digest of what the judgement of each post depends on beside the post itself."""
    corrected = judge.corrections
    return _digest_of_rules(
        {
            **({"corrections": corrected.described()} if corrected is not None else {}),
            "options": asdict(judge.options),
            "keep_incomplete": judge.keep_incomplete,
            "withdrawn": sorted(judge.withdrawn.by_digest),
            "source": posts.source.facts(),
        }
    )


def rest_of(posts: Input, rules: str) -> str:
    """Return a digest of what a data set depends on beside the content of its input.

    ``rules``: the digest of what the judgement of its posts depends on.
    """
    whole = {"rules": rules, "described": posts.described(), "reading": posts.reading}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def keep_built_from(
    folder: Path, content: dict[str, Any], posts: Input, rules: str, rest: str, said: list[str]
) -> None:
    """Write what the data set in ``folder`` was built from; ``content``: its description."""
    built_from = BuiltFrom(
        input=None if posts.has_pictures() else posts.content_digest,
        rest=rest,
        rules=rules,
        judged=file_sha256(folder / JUDGED),
        dataset=content[OWN_DIGEST],
        said=said,
    )
    write_json(folder / BUILT_FROM, asdict(built_from))
