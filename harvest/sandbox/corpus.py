"""The posts that the sandbox serves, and the Parquet files that they are read from.

A crawler can only be tested against known data. A corpus holds every post and its state (available,
deleted, private, or replaced by Flickr's placeholder) in memory. The server answers from it, and
tests compare with it.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.pictures.jpeg import NotWholeError, dimensions
from flickr_emotion.harvest.sandbox.posts import Media, Post, Status
from flickr_emotion.harvest.sandbox.search import Index, Listings


class Source(Protocol):
    """What the sandbox can serve: posts by photo id, and their listings."""

    def get(self, photo_id: str) -> Post | None:
        """Return the post with this id, or None."""

    @property
    def index(self) -> Listings:
        """The index of posts by owner, tag and word."""


class Corpus:
    """Posts by photo id, held in memory; raises ``HarvestError`` for a duplicate photo id."""

    def __init__(self, posts: Iterable[Post]) -> None:
        self._posts: dict[str, Post] = {}
        for post in posts:
            if post.photo_id in self._posts:
                raise HarvestError(f"corpus: photo {post.photo_id} occurs twice: remove one row")
            self._posts[post.photo_id] = post

    def __len__(self) -> int:
        return len(self._posts)

    def __iter__(self) -> Iterator[Post]:
        return iter(self._posts.values())

    def get(self, photo_id: str) -> Post | None:
        """Return the post with this id, or None."""
        return self._posts.get(photo_id)

    @cached_property
    def index(self) -> Index:
        """The index of posts by owner, tag and word."""
        return Index(self)

    @classmethod
    def read(cls, path: Path) -> "Corpus":
        """Read a corpus from one Parquet file or a folder of them (``docs/sandbox.md``).

        Raises ``HarvestError`` if there is no file, or if a file, row or column is invalid.
        """
        files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            what = "holds no Parquet file" if path.is_dir() else "is not there"
            raise HarvestError(f"{path} {what}: give a sandbox corpus (docs/sandbox.md)")
        return cls(post for file in files for post in _read_file(file))


def _is_text_list(kind: pa.DataType) -> bool:
    return bool(
        (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


_COLUMNS = {
    "photo_id": (_is_text, "text"),
    "secret": (_is_text, "text"),
    "server": (_is_text, "text"),
    "farm": (pa.types.is_integer, "whole numbers"),
    "title": (_is_text, "text"),
    "description": (_is_text, "text"),
    "tags": (_is_text_list, "lists of text"),
    "image": (_is_bytes, "JPEG bytes"),
    "owner": (_is_text, "text"),
    "date_upload": (pa.types.is_integer, "whole unix seconds"),
    "license": (pa.types.is_integer, "whole numbers"),
    "safety_level": (pa.types.is_integer, "whole numbers"),
    "candownload": (pa.types.is_integer, "whole numbers"),
    "headers": (_is_text_list, "lists of text"),
    "status": (_is_text, "text"),
    "media": (_is_text, "text"),
}


_HEADER_FIELD = re.compile(r"[A-Za-z0-9-]+: *[ -~]*")


def _read_file(file: Path) -> Iterator[Post]:
    try:
        parquet = pq.ParquetFile(file)
        columns = [name for name in _COLUMNS if name in parquet.schema_arrow.names]
        table = parquet.read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise HarvestError(f"{file}: cannot be read as Parquet ({error})".split("\n")[0]) from error
    for name in ("photo_id", "image"):
        if name not in columns:
            raise HarvestError(f"{file}: column {name} is missing; a sandbox corpus needs it")
    for name in columns:
        fits, wanted = _COLUMNS[name]
        kind = table.schema.field(name).type
        if not fits(kind) and not pa.types.is_null(kind):
            raise HarvestError(f"{file}: column {name} has type {kind}; it must be {wanted}")
    values = [table.column(name).to_pylist() for name in columns]
    for number, row in enumerate(zip(*values, strict=True), start=1):
        yield _post(file, number, dict(zip(columns, row, strict=True)))


def _is_whole_jpeg(data: bytes) -> bool:
    try:
        dimensions(data)
    except NotWholeError:
        return False
    return True


def _are_header_fields(fields: list[str | None]) -> bool:
    return all(field and _HEADER_FIELD.fullmatch(field) for field in fields)


def _post(file: Path, number: int, row: dict[str, Any]) -> Post:
    """Return the post of one row; missing values get their defaults."""
    given = {name: value for name, value in row.items() if value is not None}
    for name, fits, wanted in (
        ("photo_id", lambda value: value.isascii() and value.isdigit(), "Flickr's digits"),
        ("secret", lambda value: value.isascii() and value.isalnum(), "letters and digits"),
        ("server", lambda value: value.isascii() and value.isdigit(), "digits"),
        ("license", lambda value: 0 <= value <= 16, "a licence id from 0 to 16"),
        ("safety_level", lambda value: 0 <= value <= 2, "0, 1 or 2"),
        ("candownload", lambda value: value in (0, 1), "0 or 1"),
        ("headers", _are_header_fields, "header fields such as 'Content-Usage: train-ai=n'"),
        (
            "status",
            lambda value: value in get_args(Status),
            "one of " + ", ".join(get_args(Status)),
        ),
        ("media", lambda value: value in get_args(Media), "photo or video"),
        ("image", _is_whole_jpeg, "a whole JPEG file"),
        ("tags", lambda value: None not in value, "a list without nulls"),
    ):
        if name in given and not fits(given[name]):
            raise HarvestError(f"{file}: row {number}: column {name} must be {wanted}")
    if "photo_id" not in given:
        raise HarvestError(f"{file}: row {number}: column photo_id is null")
    if "image" not in given and given.get("status", "ok") in ("ok", "private-by-secret"):
        raise HarvestError(
            f"{file}: row {number}: column image is null, but the post's status needs a picture"
        )
    for name in {"tags", "headers"} & set(given):
        given[name] = tuple(given[name])
    return Post(**given)
