"""``excluded.parquet``: every listed photo and row that is not in the data set, and why.

A data set whose filters drop posts silently cannot be checked. So every dropped photo gets a row
that says where it came from and which rule excluded it.
"""

import pyarrow as pa

from flickr_emotion.common.takedown.tombstones import POST, WITHDRAWN, digest_of

FILE_NAME = "excluded.parquet"
GROUP = "group"
"""The reason for a post that is not eligible for evaluation while another post of its group is in
validation or test: in training it would leak."""

SCHEMA = pa.schema(
    [
        # Null where the row names no photo.
        pa.field("photo_id", pa.string()),
        # File and row of the list.
        pa.field("source", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
ROW_GROUP = 100_000
_SHOWN = 16  # digits of a digest


def without_withdrawn(rows: pa.Table) -> pa.Table:
    """Return rows in which a withdrawn post is named by its tombstone alone."""
    names, sources, reasons = (rows[name].to_pylist() for name in SCHEMA.names)
    for at, (photo_id, reason) in enumerate(zip(names, reasons, strict=True)):
        if reason == WITHDRAWN and photo_id is not None:
            names[at], sources[at] = None, place_of(photo_id)
    return pa.table([names, sources, reasons], schema=SCHEMA)


def place_of(photo_id: str) -> str:
    """Return what stands in the place of the source of a withdrawn post."""
    return f"tombstone {digest_of(POST, photo_id)[:_SHOWN]}"
