"""``excluded.parquet``: every listed photo and row that is not in the data set, and why.

Filters that drop posts without a trace make data sets nobody can check, so nothing is dropped here
without a row that says where it came from and which rule it met.
"""

import pyarrow as pa

FILE_NAME = "excluded.parquet"
GROUP = "group"
"""The reason for a post that would leak: one like it is evaluated on, and it may not be."""

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
