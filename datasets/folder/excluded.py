"""``excluded.parquet``: every listed photo and row that is not in the data set, and why.

A data set whose filters drop posts silently cannot be checked. So every dropped photo gets a row
that says where it came from and which rule excluded it.
"""

import pyarrow as pa

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
