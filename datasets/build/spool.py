"""Keeps judged posts on disk between the pass that judges them and the pass that writes them.

Posts arrive in any order and are needed in the order of their digests, but a million pictures do
not fit into memory. So posts are put into buckets by the first bits of their digests, and one
bucket at a time is sorted in memory. Pictures are in a separate file and are read one by one.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.datasets.judging.judged_posts import JudgedPosts, Rows, first_numbers
from flickr_emotion.datasets.judging.judged_rows import KEPT_SCHEMA, PLACE_BYTES, fixed_bytes

_POSTS_PER_BUCKET = 20_000
_POSTS_PER_PART = 50_000

SPOOLED_SCHEMA = pa.schema(
    [
        *KEPT_SCHEMA,
        # Position of the picture in the file of pictures; null where there is none.
        pa.field("image_offset", pa.int64()),
        pa.field("image_size", pa.int64()),
    ]
)
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Takes judged posts in any order and gives them back in the order of their digests."""

    def __init__(self, folder: Path, posts: int, earlier: JudgedPosts | None = None) -> None:
        """Create ``folder`` for about ``posts`` posts; ``earlier``: those of the last build."""
        folder.mkdir()
        self.folder = folder
        self.buckets = max(1, -(-posts // _POSTS_PER_BUCKET))
        self._earlier = earlier
        self._taken_over = np.zeros(0 if earlier is None else len(earlier.numbers), bool)
        self._parts: list[Path] = []
        self._waiting: list[pa.Table] = []
        self._pictures = (folder / "pictures").open("w+b", buffering=2**20)

    def add(self, judged: pa.Table) -> None:
        """Add a table of ``JUDGED_SCHEMA``."""
        kept = judged.column("kept")
        if len(kept) > kept.null_count:
            self._taken_over[kept.drop_null().to_numpy()] = True
            if not kept.null_count:
                return
            judged = judged.filter(kept.is_null())
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
        columns = [judged.column(name) for name in KEPT_SCHEMA.names]
        columns += [pc.if_else(pictures.is_valid(), pa.array(starts), None), sizes]
        return pa.table(columns, schema=SPOOLED_SCHEMA)

    def _write_part(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        buckets = self._bucket_of(first_numbers(table.column("place")))
        order = np.argsort(buckets, kind="stable")
        bounds = np.searchsorted(buckets[order], np.arange(self.buckets + 1, dtype=np.uint64))
        table = table.take(pa.array(order)).combine_chunks()
        self._parts.append(self.folder / f"part-{len(self._parts):05d}")
        with pa.ipc.new_file(str(self._parts[-1]), SPOOLED_SCHEMA, options=_OPTIONS) as writer:
            for first, end in pairwise(bounds.tolist()):
                writer.write_batch(_batch(table.slice(first, end - first)))
        # A part is copied while it is sorted; without this, the memory of both would be held.
        del table
        pa.default_memory_pool().release_unused()

    def _bucket_of(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        return (numbers >> np.uint64(32)) * np.uint64(self.buckets) >> np.uint64(32)

    def finish(self) -> None:
        """Write what is left; nothing can be added afterwards."""
        self._write_part()
        self._pictures.flush()

    def tables(self, columns: Sequence[str] = SPOOLED_SCHEMA.names) -> Iterator[pa.Table]:
        """Yield all posts in the order of their digests, a bucket at a time.

        While a bucket is used, a thread reads and sorts the next one.
        """
        tables = self._tables(columns)
        with ThreadPoolExecutor(1) as beside:
            following = beside.submit(next, tables, None)
            while (table := following.result()) is not None:
                following = beside.submit(next, tables, None)
                yield table

    def _tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        wanted = sorted({SPOOLED_SCHEMA.get_field_index(name) for name in (*columns, "place")})
        options = pa.ipc.IpcReadOptions(included_fields=wanted)
        names = [SPOOLED_SCHEMA.names[at] for at in wanted]
        for bucket, (earlier, rows) in enumerate(self._taken_over_rows(names)):
            pieces = [earlier] if len(rows) else []
            for part in self._parts:
                with (
                    pa.OSFile(str(part), "rb") as file,
                    pa.ipc.open_file(file, options=options) as reader,
                ):
                    pieces.append(pa.Table.from_batches([reader.get_batch(bucket)]))
            if pieces:
                table = pa.concat_tables(pieces)
                new = np.arange(earlier.num_rows if len(rows) else 0, table.num_rows)
                rows = np.concatenate([rows, new])
                if len(new) or len(rows) < table.num_rows:  # else they are in order
                    numbers = fixed_bytes(table.column("place"), PLACE_BYTES)[rows]
                    table = table.take(pa.array(rows[order_of(numbers)]))
                yield table.select(list(columns)).combine_chunks()

    def _taken_over_rows(self, names: list[str]) -> Iterator[tuple[pa.Table, Rows]]:
        """Yield, for each bucket, posts of the last build, and which of them are taken over."""
        nothing = SPOOLED_SCHEMA.empty_table().select(names)
        if self._earlier is None:
            yield from ((nothing, np.empty(0, np.int64)) for _ in range(self.buckets))
            return
        held = [name for name in names if name in KEPT_SCHEMA.names]
        bounds = np.searchsorted(
            self._bucket_of(self._earlier.numbers), np.arange(self.buckets + 1, dtype=np.uint64)
        )
        for first, end in pairwise(bounds.tolist()):
            table = self._earlier.rows(first, end, held)
            for name in names[len(held) :]:  # the places of pictures
                table = table.append_column(name, pa.nulls(table.num_rows, pa.int64()))
            table = pa.concat_tables([nothing, table])
            yield table, np.flatnonzero(self._taken_over[first:end])

    def picture(self, offset: int, size: int) -> bytes:
        """Return the picture that lies at ``offset``."""
        self._pictures.seek(offset)
        return self._pictures.read(size)

    def close(self) -> None:
        """Close the files; they are removed with the folder."""
        self._pictures.close()


def order_of(digests: npt.NDArray[np.uint8]) -> Rows:
    """Return the order of digests (N, 32)."""
    numbers = np.ascontiguousarray(digests).view(">u8").astype(np.uint64)
    order = np.argsort(numbers[:, 0], kind="stable")
    first = numbers[order, 0]
    if np.any(first[1:] == first[:-1]):  # two of a billion billions
        return np.lexsort(numbers.T[::-1])
    return order


def _batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_pylist([], schema=SPOOLED_SCHEMA)
