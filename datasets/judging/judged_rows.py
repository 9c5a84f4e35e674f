"""The form of judged posts: one row for every listed photo, and the digest of its content."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import starmap
from json.encoder import encode_basestring_ascii
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flickr_emotion.datasets.rules.pictures import PREPARATION
from flickr_emotion.datasets.sources.raw_posts import BALLOTS, INPUT_BYTES

PLACE_BYTES = 32

JUDGED_SCHEMA = pa.schema(
    [
        # The row of the last build that stands for this post; then all other columns are null.
        pa.field("kept", pa.int64()),
        # A digest of what was read of the post; null where a source gives none.
        pa.field("input", pa.binary(INPUT_BYTES)),
        # Digest of seed and photo id, which posts are sorted by.
        pa.field("place", pa.binary(PLACE_BYTES), nullable=False),
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        # Why the post is excluded; null where it is not.
        pa.field("reason", pa.string()),
        pa.field("image", pa.binary()),
        # Whether the picture is reused from the data set that is replaced.
        pa.field("image_known", pa.bool_(), nullable=False),
        pa.field("picture_error", pa.string()),
        pa.field("picture_key", pa.binary(16)),
        # Null too for a picture that is too flat to have one.
        pa.field("picture_hash", pa.uint64()),
        # Whether it was an ordinary JPEG.
        pa.field("picture_is_plain", pa.bool_()),
        pa.field("text", pa.string()),
        # The verdict on the text; null where the text was not judged.
        pa.field("verdict", pa.string()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("text_signature", pa.binary(64)),
        pa.field("language_key", pa.binary(16)),
        pa.field("language", pa.string()),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        pa.field("ballots", BALLOTS),
        pa.field("owner", pa.string()),
        pa.field("license", pa.string()),
        # What is stated on its use; null for posts of one's own.
        pa.field("preference", pa.string()),
        pa.field("modalities", pa.string()),
        # The split that a manifest fixes.
        pa.field("split", pa.string()),
        # Digest of the post's content; its distribution, which needs all classes, is added later.
        pa.field("fingerprint", pa.binary(32)),
        pa.field("image_sha256", pa.string()),
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        pa.field("pair", pa.string()),
    ]
)

KEPT_SCHEMA = pa.schema([it for it in JUDGED_SCHEMA if it.name not in ("kept", "image")])
"""What is kept of a post in tables: its picture is kept apart."""

Row = tuple[Any, ...]
"""The values of a judged post in the order of ``JUDGED_SCHEMA``. A build makes one of every post,
and a tuple in half the time of a dictionary."""


def judged_table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table of ``JUDGED_SCHEMA``."""
    columns = zip(*rows, strict=True)
    arrays = starmap(pa.array, zip(columns, JUDGED_SCHEMA.types, strict=True))
    return pa.table(list(arrays), schema=JUDGED_SCHEMA)


def kept_table(rows: npt.NDArray[np.int64]) -> pa.Table:
    """Return a table of ``JUDGED_SCHEMA`` that names rows of the last build's posts."""
    columns = [
        pa.array(rows, it.type) if it.name == "kept" else pa.nulls(len(rows), it.type)
        for it in JUDGED_SCHEMA
    ]
    return pa.table(columns, schema=JUDGED_SCHEMA)


def fixed_bytes(column: pa.ChunkedArray, size: int) -> npt.NDArray[np.uint8]:
    """Return values of ``size`` bytes each, without nulls, as rows of an array."""
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * size, chunk.offset * size)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([*parts, np.empty(0, np.uint8)]).reshape(-1, size)


def rows_where(table: pa.Table, chosen: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the chosen rows of a table; nothing is copied where these are all or none."""
    count = np.count_nonzero(chosen)
    if count in (0, table.num_rows):
        return table.slice(0, count)
    return table.filter(pa.array(chosen))


FINGERPRINTED = (
    *("photo_id", "image_sha256", "text", "tags", "label", "votes", "sentiment", "owner"),
    *("license", "modalities"),
)


def fingerprint(post: Mapping[str, Any]) -> bytes:
    """Return a digest of a post's content; of its picture, the digest of the fetched file."""
    return fingerprint_of(map(post.get, FINGERPRINTED), post.get("picture_is_plain"))


def fingerprint_of(values: Iterable[Any], picture_is_plain: bool | None) -> bytes:
    """Return the same from the values of ``FINGERPRINTED``.

    It is the SHA-256 of a JSON list, which is written here because Python's writer is slow to
    start.
    """
    content = ["null" if it is None else _WRITERS[type(it)](it) for it in values]
    if picture_is_plain is False:  # the rule decides what its pixels are
        content.append(encode_basestring_ascii(f"picture:{PREPARATION}"))
    return hashlib.sha256(f"[{', '.join(content)}]".encode()).digest()


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]"


# As ``json.dumps`` writes them.
_WRITERS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring_ascii,
    int: repr,
    float: repr,
    list: _list,
    tuple: _list,
}
