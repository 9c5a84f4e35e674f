"""Writes and opens Parquet files with page checksums.

Without checksums a flipped bit in a column is read as another value, without an error.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flickr_emotion.common.plain_files import check_plain


def open_parquet(path: Path, **options: Any) -> pq.ParquetFile:
    """Open a file; reading a damaged page raises ``OSError``."""
    check_plain(path)
    return pq.ParquetFile(path, page_checksum_verification=True, **options)


def read_footer(path: Path) -> pq.FileMetaData:
    """Return a file's footer."""
    check_plain(path)
    return pq.read_metadata(path)


def parquet_writer(path: Path, schema: Any, **options: Any) -> pq.ParquetWriter:
    """Return a writer for a new file, compressed with zstd unless ``options`` differ."""
    return pq.ParquetWriter(
        path, schema, write_page_checksum=True, **{"compression": "zstd"} | options
    )


def rows_of_bytes(metadata: pq.FileMetaData, most_bytes: int, most_rows: int) -> int:
    """Return how many rows of a file take about ``most_bytes``, 1 to ``most_rows``."""
    most = most_rows
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.total_byte_size > 0:
            most = min(most, most_bytes * group.num_rows // group.total_byte_size)
    return max(1, most)
