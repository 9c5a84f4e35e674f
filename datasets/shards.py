"""Parquet shards in Hugging Face's layout and naming, the same bytes for the same posts.

``data/train-00000-of-00002.parquet``: zstd, row groups small enough for random access, files of
at most 512 MB. ``load_dataset``, pandas, polars and DuckDB read them as they stand; the schema's
metadata tells Hugging Face's reader that ``image`` holds pictures.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

_ROW_GROUP = 1000
_LARGEST_SHARD = 512 * 10**6

_FEATURES = {
    "photo_id": {"dtype": "string", "_type": "Value"},
    "image": {"_type": "Image"},
    "text": {"dtype": "string", "_type": "Value"},
    "tags": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    "label": {"dtype": "string", "_type": "Value"},
    "votes": {"dtype": "int32", "_type": "Value"},
    "sentiment": {"dtype": "float64", "_type": "Value"},
    "owner": {"dtype": "string", "_type": "Value"},
    "license": {"dtype": "string", "_type": "Value"},
    "modalities": {"dtype": "string", "_type": "Value"},
}

SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        pa.field("text", pa.string()),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        pa.field("owner", pa.string()),
        pa.field("license", pa.string()),
        pa.field("modalities", pa.string(), nullable=False),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


class ShardWriter:
    """Writes the shards of one split; used in a ``with`` statement."""

    def __init__(self, folder: Path, split: str) -> None:
        """Write into ``folder``."""
        self._folder, self._split = folder, split
        self._written: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._size = 0
        self._waiting = SCHEMA.empty_table()

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and (self._waiting.num_rows or not self._written):
            self._write(self._waiting)
        if self._writer is not None:
            self._writer.close()
        for number, path in enumerate(self._written if kind is None else ()):
            name = f"{self._split}-{number:05d}-of-{len(self._written):05d}.parquet"
            path.rename(self._folder / name)

    def write(self, posts: pa.Table) -> None:
        """Take further posts (``SCHEMA``), which follow those before."""
        self._waiting = pa.concat_tables([self._waiting, posts])
        whole = self._waiting.num_rows // _ROW_GROUP * _ROW_GROUP
        for first in range(0, whole, _ROW_GROUP):
            self._write(self._waiting.slice(first, _ROW_GROUP))
        self._waiting = self._waiting.slice(whole)

    def _write(self, group: pa.Table) -> None:
        group = group.combine_chunks()
        size = group.nbytes
        if self._writer is not None and self._size + size > _LARGEST_SHARD:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._written.append(self._folder / f"{self._split}-{len(self._written):05d}.part")
            self._writer = pq.ParquetWriter(self._written[-1], SCHEMA, compression="zstd")
            self._size = 0
        self._writer.write_table(group, row_group_size=_ROW_GROUP)
        # Pictures do not shrink under zstd, so what goes in is what comes out, or less.
        self._size += size


def write_shards(folder: Path, split: str, posts: Iterable[pa.Table]) -> None:
    """Write a split's posts (tables of ``SCHEMA``) as shards into ``folder``; one at least."""
    with ShardWriter(folder, split) as writer:
        for table in posts:
            writer.write(table)


def picture_column(photo_ids: Iterable[str], pictures: Iterator[bytes | None]) -> pa.Array:
    """Return the column ``image``: what each post's picture holds, and a name for it."""
    field = SCHEMA.field("image").type
    values = [
        None if picture is None else {"bytes": picture, "path": f"{photo_id}.jpg"}
        for photo_id, picture in zip(photo_ids, pictures, strict=True)
    ]
    return pa.array(values, field)
