"""Parquet shards in Hugging Face's layout and naming; the same posts give the same bytes.

``data/train-00000-of-00002.parquet``: zstd, row groups of 1,000 posts or 64 MB of pictures, files
of at most 512 MB. ``load_dataset``, pandas, polars and DuckDB read them directly; the schema's
metadata tells Hugging Face's reader that ``image`` holds pictures.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.whole_files import temporary
from flickr_emotion.datasets.folder.row_groups import RowGroups

_ROW_GROUP = 1000
MOST_PICTURE_BYTES = 64 * 2**20
"""Bytes of pictures in a row group, and of those that a reader or writer holds at once."""
_NOT_IN_NAMES = re.compile(r"[/\\:]")
_LARGEST_SHARD = 512 * 10**6

FEATURES: dict[str, dict[str, Any]] = {
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

DISTRIBUTION = "vote_distribution"
"""The column of shares by class, in the order of the data set's classes; not every data set has it.
"""
DISTRIBUTIONS = "vote_distributions"
"""How many posts have one, in ``dataset.json``; omitted by a data set without this column."""
_DISTRIBUTION_FEATURE = {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "Sequence"}

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
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def features_of(*, distributions: bool) -> dict[str, dict[str, Any]]:
    """Return the columns as Hugging Face describes them, with or without ``DISTRIBUTION``."""
    return FEATURES | ({DISTRIBUTION: _DISTRIBUTION_FEATURE} if distributions else {})


def schema_of(*, distributions: bool) -> pa.Schema:
    """Return the schema of shards: ``SCHEMA``, with or without ``DISTRIBUTION``."""
    if not distributions:
        return SCHEMA
    features = {"info": {"features": features_of(distributions=True)}}
    column = pa.field(DISTRIBUTION, pa.list_(pa.float64()))
    return SCHEMA.append(column).with_metadata({"huggingface": json.dumps(features)})


@contextmanager
def shards_in(folder: Path, split: str, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that adds posts of a split (``schema``), in order.

    At the end ``folder`` holds at least one shard, also of an empty split.
    """
    groups = RowGroups(schema, _ROW_GROUP, picture_sizes, MOST_PICTURE_BYTES)
    shards = _Shards(folder, split, schema)
    try:

        def write(posts: pa.Table) -> None:
            for group in groups.cut(posts):
                shards.write(group)

        yield write
        if groups.rest.num_rows or not shards.written:
            shards.write(groups.rest.combine_chunks())
    finally:
        shards.close()
    for number, path in enumerate(shards.written):
        path.rename(folder / f"{split}-{number:05d}-of-{len(shards.written):05d}.parquet")


def picture_sizes(posts: pa.Table) -> npt.NDArray[np.int64]:
    """Return the bytes of each post's picture, 0 for none."""
    sizes = pc.binary_length(pc.struct_field(posts.column("image"), "bytes"))
    found: npt.NDArray[np.int64] = pc.fill_null(sizes, 0).to_numpy().astype(np.int64)
    return found


class _Shards:
    """Writes row groups to files below the size limit, under temporary names.

    The final names contain the number of shards, which is known only at the end.
    """

    def __init__(self, folder: Path, split: str, schema: pa.Schema) -> None:
        self._folder, self._split, self._schema = folder, split, schema
        self.written: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._size = 0

    def write(self, group: pa.Table) -> None:
        if self._writer is not None and self._size + group.nbytes > _LARGEST_SHARD:
            self.close()
        if self._writer is None:
            self.written.append(temporary(self._folder / f"{self._split}-{len(self.written):05d}"))
            self._writer = parquet_writer(self.written[-1], self._schema)
            self._size = 0
        self._writer.write_table(group, row_group_size=_ROW_GROUP)
        # Zstd does not shrink pictures: the size in memory is close to the size on disk.
        self._size += group.nbytes

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


def write_shards(
    folder: Path, split: str, posts: Iterable[pa.Table], schema: pa.Schema = SCHEMA
) -> None:
    """Write a split's posts (tables of ``schema``) as one or more shards into ``folder``."""
    with shards_in(folder, split, schema) as write:
        for table in posts:
            write(table)


def picture_column(photo_ids: Iterable[str], pictures: Iterator[bytes | None]) -> pa.Array:
    """Return the column ``image``: the bytes of each post's picture, and a file name for it."""
    field = SCHEMA.field("image").type
    values = [
        None
        if picture is None
        else {"bytes": picture, "path": f"{_NOT_IN_NAMES.sub('_', photo_id)}.jpg"}
        for photo_id, picture in zip(photo_ids, pictures, strict=True)
    ]
    return pa.array(values, field)


def no_pictures(posts: int) -> pa.Array:
    """Return the column ``image`` of so many posts without pictures."""
    return pa.nulls(posts, SCHEMA.field("image").type)
