"""The file of ``manifest verify --out``: each post of a manifest with its verdict.

It is Parquet or CSV, depending on the name's ending. It is written under a temporary name and
renamed at the end, so that the file is always complete.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.replacing import new_file
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside

VERDICTS_SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        # same, edited, unknown (a picture of another size), gone, private, video, withdrawn or
        # missing
        pa.field("verdict", pa.string(), nullable=False),
        # The subset of modalities that were edited; null if none was.
        pa.field("edited", pa.string()),
    ]
)
_WRITERS: dict[str, Callable[..., Any]] = {
    ".parquet": parquet_writer,
    ".csv": csv.CSVWriter,
}


@contextmanager
def verdict_writer(out: Path | None) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Yield a function that writes batches of ``VERDICTS_SCHEMA`` to ``out``.

    With None, it drops them. Raises ``DatasetError`` if ``out`` cannot be written.
    """
    if out is None:
        yield lambda batch: None
        return
    if out.suffix not in _WRITERS:
        raise DatasetError(f"--out {out}: give a file that ends in .parquet or .csv")
    check_outside(out)
    try:
        with new_file(out) as new, _WRITERS[out.suffix](new, VERDICTS_SCHEMA) as writer:
            yield writer.write_batch
    except OSError as error:
        raise DatasetError(f"{out} cannot be written: {error}") from None
