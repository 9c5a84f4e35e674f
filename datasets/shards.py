"""Parquet shards in Hugging Face's layout and naming, the same bytes for the same posts.

``data/train-00000-of-00002.parquet``: zstd, row groups small enough for random access, files of
at most 512 MB. ``load_dataset``, pandas, polars and DuckDB read them as they stand; the schema's
metadata tells Hugging Face's reader that ``image`` holds pictures.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.spool import Post

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

EXCLUDED_SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)


def write_shards(folder: Path, split: str, posts: Iterable[Post]) -> None:
    """Write a split's posts, in their order, as shards into ``folder``; one shard at least."""
    written: list[Path] = []
    writer: pq.ParquetWriter | None = None
    size = 0
    for group in _row_groups(posts):
        if writer is not None and size + group.nbytes > _LARGEST_SHARD:
            writer.close()
            writer = None
        if writer is None:
            written.append(folder / f"{split}-{len(written):05d}.part")
            writer = pq.ParquetWriter(written[-1], SCHEMA, compression="zstd")
            size = 0
        writer.write_table(group)
        # Pictures do not shrink under zstd, so what goes in is what comes out, or less.
        size += group.nbytes
    if writer is not None:
        writer.close()
    for number, path in enumerate(written):
        path.rename(folder / f"{split}-{number:05d}-of-{len(written):05d}.parquet")


def write_excluded(path: Path, rows: list[tuple[str | None, str, str]]) -> None:
    """Write ``excluded.parquet`` from (photo id, source, reason)."""
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [
        pa.array(list(column), type=field.type)
        for column, field in zip(columns, EXCLUDED_SCHEMA, strict=True)
    ]
    pq.write_table(pa.table(arrays, schema=EXCLUDED_SCHEMA), path, compression="zstd")


def _row_groups(posts: Iterable[Post]) -> Iterable[pa.Table]:
    rows: list[dict[str, object]] = []
    empty = True
    for post in posts:
        rows.append(_row(post))
        if len(rows) == _ROW_GROUP:
            yield pa.Table.from_pylist(rows, schema=SCHEMA)
            rows, empty = [], False
    if rows or empty:
        yield pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(post: Post) -> dict[str, object]:
    return {
        "photo_id": post.photo_id,
        "image": {"bytes": post.image, "path": f"{post.photo_id}.jpg"} if post.image else None,
        "text": post.text,
        "tags": list(post.tags),
        "label": post.label,
        "votes": post.votes,
        "sentiment": post.sentiment,
        "owner": post.owner,
        "license": post.license,
        "modalities": post.modalities,
    }
