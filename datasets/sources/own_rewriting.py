"""Rewrites posts of one's own as a Parquet file that can be read in small parts.

Every process of a build then reads only the row groups of its range.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.datasets.sources.own_rows import contents_of, labelled_of, place_of
from flickr_emotion.datasets.sources.post_tables import PostFile, PostTables
from flickr_emotion.datasets.sources.raw_posts import BALLOTS

_ROWS_PER_GROUP = 500
_BYTES_PER_GROUP = 16 * 2**20

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("photo_id", "source", "label", "split")),
        ("votes", pa.int64()),
        ("ballots", BALLOTS),
        *((name, pa.string()) for name in ("owner", "license", "title", "description")),
        ("tags", pa.list_(pa.string())),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ]
)
"""The columns of a rewritten file, which hold values in their final form."""


def rewrite(posts: PostTables, files: list[PostFile], out: Path) -> int:
    """Write the posts of some files of ``posts``; return their number.

    Raises ``DatasetError`` or ``TableError`` for a row that cannot be read.
    """
    count = size = 0
    held: list[dict[str, Any]] = []
    # Read once and removed: written fast, not small.
    with parquet_writer(out, SCHEMA, compression="lz4", use_dictionary=False) as writer:
        for row in _rows(posts, files):
            held.append(row)
            count += 1
            size += len((row["image"] or {}).get("bytes") or b"")
            if len(held) == _ROWS_PER_GROUP or size > _BYTES_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
                held, size = [], 0
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
    return count


def _rows(posts: PostTables, files: list[PostFile]) -> Iterator[dict[str, Any]]:
    for file in files:
        for number, cells in file.rows(posts.chosen.columns):
            where = place_of(file.table.path, number)
            contents = contents_of(cells, where, file.folder)
            image = contents["image"]
            held = isinstance(image, bytes)
            contents["image"] = image and {
                "bytes": image if held else None,
                "path": None if held else str(image),
            }
            yield {
                "source": f"{file.name}:{number}",
                **labelled_of(cells, where, f"{file.stem}:{number}"),
                **contents,
            }
