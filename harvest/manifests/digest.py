"""The digest of a manifest's content, by which damage is detected.

It covers the description and all rows, independent of row groups and encodings of the Parquet file,
and is stored in the file's metadata next to the description. A column ``url`` is not covered: it
follows from the other columns and is compared with them row by row.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.harvest.manifests.distribution_column import shares_of

DIGEST_KEY = "flickr-emotion-manifest-sha256"


class RowsDigest:
    """Computes the digest over the rows of a manifest, in pieces of any size."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Start without rows; only ``columns`` are covered."""
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in columns}

    def add(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Add the next rows, with the column types of a manifest."""
        for name, (lengths, values) in self._columns.items():
            column = rows[name]
            for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                # The length of each value, -1 for a null; then all values, one after the other.
                lengths.update(_lengths(chunk))
                values.update(_joined(chunk.drop_null()))

    def of(self, description: bytes) -> str:
        """Return the digest of the rows and of the description."""
        whole = hashlib.sha256(description)
        for name, (lengths, values) in self._columns.items():
            whole.update(name.encode() + lengths.digest() + values.digest())
        return whole.hexdigest()


def _lengths(column: pa.Array) -> bytes:
    if pa.types.is_string(column.type):
        sizes = pc.fill_null(pc.binary_length(column), -1).to_numpy()
    else:
        sizes = np.where(column.is_valid().to_numpy(zero_copy_only=False), 0, -1)
    return bytes(sizes.astype("<i4").tobytes())


def _joined(column: pa.Array) -> memoryview:
    """Return the bytes of all values as they lie in memory; ``column`` has no nulls."""
    first, end = column.offset, column.offset + len(column)
    if not len(column):
        return memoryview(b"")
    if pa.types.is_string(column.type):
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, "<i4")
        # There may be no buffer if all texts are empty.
        return memoryview(data or b"")[int(ends[first]) : int(ends[end])]
    if pa.types.is_struct(column.type):
        return memoryview(shares_of(column).astype("<f8").tobytes())
    size = column.type.bit_width // 8
    return memoryview(column.buffers()[1])[first * size : end * size]
