"""How a Parquet file of ours is written and opened: with a checksum of every page, looked at.

Without them a flipped bit in a column is read as another value, and nobody is told.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def open_parquet(path: Path, **options: Any) -> pq.ParquetFile:
    """Open a file whose damaged pages are not read but raise ``OSError``."""
    return pq.ParquetFile(path, page_checksum_verification=True, **options)


def parquet_writer(path: Path, schema: Any, **options: Any) -> pq.ParquetWriter:
    """Begin a file, compressed with zstd where ``options`` say nothing else."""
    return pq.ParquetWriter(
        path, schema, write_page_checksum=True, **{"compression": "zstd"} | options
    )
