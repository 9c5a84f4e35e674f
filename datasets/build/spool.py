"""Keeps judged posts on disk between the pass that judges them and the pass that writes them.

Posts arrive in any order and are needed in the order of their digests, but a million pictures do
not fit into memory. So posts are put into buckets by the first bits of their digests, and one
bucket at a time is sorted in memory. Pictures are in a separate file and are read one by one.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.datasets.build.judged_rows import JUDGED_SCHEMA

_PLACE_BYTES = 32
_POSTS_PER_BUCKET = 20_000
_POSTS_PER_PART = 100_000

_WITHOUT_IMAGE = pa.schema([field for field in JUDGED_SCHEMA if field.name != "image"])
SPOOLED_SCHEMA = pa.schema(
    [
        *_WITHOUT_IMAGE,
        # Position of the picture in the file of pictures; null where there is none.
        pa.field("image_offset", pa.int64()),
        pa.field("image_size", pa.int64()),
    ]
)
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Takes judged posts in any order and gives them back in the order of their digests."""

    def __init__(self, folder: Path, posts: int) -> None:
        """Create ``folder`` for about ``posts`` posts."""
        folder.mkdir()
        self.folder = folder
        self.buckets = max(1, -(-posts // _POSTS_PER_BUCKET))
        self._parts: list[Path] = []
        self._waiting: list[pa.Table] = []
        self._pictures = (folder / "pictures").open("w+b", buffering=2**20)

    def add(self, judged: pa.Table) -> None:
        """Add a table of ``JUDGED_SCHEMA``."""
        self._waiting.append(self._with_pictures_apart(judged))
        if sum(table.num_rows for table in self._waiting) >= _POSTS_PER_PART:
            self._write_part()

    def _with_pictures_apart(self, judged: pa.Table) -> pa.Table:
        pictures = judged.column("image")
        sizes = pc.binary_length(pictures).cast(pa.int64())
        lengths = pc.fill_null(sizes, 0).to_numpy()
        starts = self._pictures.tell() + np.cumsum(lengths) - lengths
        for picture in pictures.drop_null():
            self._pictures.write(picture.as_buffer())
        columns = [judged.column(name) for name in _WITHOUT_IMAGE.names]
        columns += [pc.if_else(pictures.is_valid(), pa.array(starts), None), sizes]
        return pa.table(columns, schema=SPOOLED_SCHEMA)

    def _write_part(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        buckets = first_numbers(table.column("place")) >> np.uint64(32)
        buckets = buckets * np.uint64(self.buckets) >> np.uint64(32)
        order = np.argsort(buckets, kind="stable")
        bounds = np.searchsorted(buckets[order], np.arange(self.buckets + 1, dtype=np.uint64))
        table = table.take(pa.array(order)).combine_chunks()
        self._parts.append(self.folder / f"part-{len(self._parts):05d}")
        with pa.ipc.new_file(str(self._parts[-1]), SPOOLED_SCHEMA, options=_OPTIONS) as writer:
            for first, end in pairwise(bounds.tolist()):
                writer.write_batch(_batch(table.slice(first, end - first)))

    def finish(self) -> None:
        """Write what is left; nothing can be added afterwards."""
        self._write_part()
        self._pictures.flush()

    def tables(self, columns: Sequence[str] = SPOOLED_SCHEMA.names) -> Iterator[pa.Table]:
        """Yield all posts in the order of their digests, a bucket at a time."""
        wanted = [SPOOLED_SCHEMA.get_field_index(name) for name in (*columns, "place")]
        options = pa.ipc.IpcReadOptions(included_fields=sorted(set(wanted)))
        for bucket in range(self.buckets):
            pieces = []
            for part in self._parts:
                with (
                    pa.OSFile(str(part), "rb") as file,
                    pa.ipc.open_file(file, options=options) as reader,
                ):
                    pieces.append(reader.get_batch(bucket))
            if pieces:
                table = pa.Table.from_batches(pieces)
                order = pc.sort_indices(table.column("place"))
                yield table.take(order).select(list(columns)).combine_chunks()

    def picture(self, offset: int, size: int) -> bytes:
        """Return the picture that lies at ``offset``."""
        self._pictures.seek(offset)
        return self._pictures.read(size)

    def close(self) -> None:
        """Close the files; they are removed with the folder."""
        self._pictures.close()


def first_numbers(places: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return the first 64 bits of each digest as numbers in the same order."""
    whole = fixed_bytes(places, _PLACE_BYTES)
    return whole[:, :8].copy().view(">u8").astype(np.uint64)[:, 0]


def fixed_bytes(column: pa.ChunkedArray, size: int) -> npt.NDArray[np.uint8]:
    """Return values of ``size`` bytes each, without nulls, as rows of an array."""
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * size, chunk.offset * size)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([*parts, np.empty(0, np.uint8)]).reshape(-1, size)


def _batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_pylist([], schema=SPOOLED_SCHEMA)
