"""The judged posts of a build, kept for the next one: it judges only the posts that have changed.

``judged.arrow`` lies beside the data set's files, in the order of the posts' digests. Each post has
a digest of everything that a source read of it. Where the next build finds the same one, and judges
by the same rules (``datasets.build.reuse``), the post's row is taken over as it is. The file
may be removed, and has no digest in ``dataset.json``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.plain_files import check_plain
from flickr_emotion.common.takedown.tombstones import WITHDRAWN
from flickr_emotion.datasets.judging.judged_rows import (
    KEPT_SCHEMA,
    PLACE_BYTES,
    fixed_bytes,
    rows_where,
)
from flickr_emotion.datasets.rules.splits import NOWHERE, Places
from flickr_emotion.datasets.sources.raw_posts import INPUT_BYTES

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_NO_INPUT = b"\0" * INPUT_BYTES
_FIRST = 8  # bytes of a digest by which posts are sorted

Rows = npt.NDArray[np.int64]


class JudgedPosts:
    """The file of an earlier build; only some columns of some rows are in memory."""

    def __init__(self, path: Path) -> None:
        """Open a file; raises ``OSError`` or ``ArrowException`` if it is none of a build."""
        check_plain(path)
        self._path = path
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
            if reader.schema != KEPT_SCHEMA:
                raise OSError("it has other columns")
            self._batches = reader.num_record_batches
        numbers = [np.empty(0, np.uint64)]
        inputs = [np.empty((0, INPUT_BYTES), np.uint8)]
        ends = [0]
        for number in range(self._batches):
            table = self._batch(number, ("place", "input"))
            numbers.append(first_numbers(table.column("place")))
            inputs.append(fixed_bytes(table.column("input"), INPUT_BYTES))
            ends.append(ends[-1] + table.num_rows)
        self.numbers = np.concatenate(numbers)
        """(N,) the first 64 bits of each post's digest, ascending."""
        self._inputs = np.concatenate(inputs)
        self._ends = np.array(ends)

    def write_known(self, path: Path) -> None:
        """Write what other processes need to recognise the posts (``KnownPosts``)."""
        first = self._inputs[:, :_FIRST].copy().view(np.uint64)[:, 0]
        order = np.argsort(first)
        columns = (first[order, None], order[:, None], self._inputs[order, _FIRST:])
        np.save(path, np.hstack([column.view(np.uint8) for column in columns]))

    def rows(self, first: int, end: int, columns: Sequence[str]) -> pa.Table:
        """Return some columns of the rows from ``first`` to before ``end``."""
        begin = int(np.searchsorted(self._ends, first, side="right")) - 1
        parts = [KEPT_SCHEMA.empty_table().select(list(columns))]
        for number in range(begin, self._batches):
            start = int(self._ends[number])
            if start >= end:
                break
            table = self._batch(number, columns)
            parts.append(table.slice(max(first - start, 0), end - max(first, start)))
        return pa.concat_tables(parts)

    def _batch(self, number: int, columns: Sequence[str]) -> pa.Table:
        wanted = sorted(KEPT_SCHEMA.get_field_index(name) for name in columns)
        options = pa.ipc.IpcReadOptions(included_fields=wanted)
        with (
            pa.OSFile(str(self._path), "rb") as file,
            pa.ipc.open_file(file, options=options) as reader,
        ):
            return pa.Table.from_batches([reader.get_batch(number)]).select(list(columns))


class KnownPosts:
    """Recognises posts of the earlier build, in any process."""

    def __init__(self, path: Path) -> None:
        """Open what ``JudgedPosts.write_known`` wrote; all processes share the file's memory."""
        whole = np.load(path, mmap_mode="r")
        self._first = np.ascontiguousarray(whole[:, :_FIRST]).view(np.uint64)[:, 0]
        self._rows = whole[:, _FIRST : 2 * _FIRST]
        self._rest = whole[:, 2 * _FIRST :]

    def rows(self, inputs: Sequence[bytes]) -> Rows:
        """Return the row of the post with each digest, -1 where none has it any more."""
        if not inputs or not len(self._first):
            return np.full(len(inputs), -1)
        given = np.frombuffer(b"".join(inputs), np.uint8).reshape(-1, INPUT_BYTES)
        wanted = given[:, :_FIRST].copy().view(np.uint64)[:, 0]
        # Of two posts with the same first half, one may be missed, which only costs time.
        at = np.minimum(np.searchsorted(self._first, wanted), len(self._first) - 1)
        same = (self._first[at] == wanted) & (self._rest[at] == given[:, _FIRST:]).all(axis=1)
        rows = np.ascontiguousarray(self._rows[at]).view(np.int64)[:, 0]
        return np.where(same, rows, -1)


def known_posts(path: Path) -> KnownPosts:
    """Open a file of known posts, once in a process."""
    # A later build may write to the same path.
    found = path.stat()
    return _known_posts(path, (found.st_ino, found.st_mtime_ns))


@lru_cache(maxsize=1)
def _known_posts(path: Path, _version: object) -> KnownPosts:
    return KnownPosts(path)


@contextmanager
def judged_posts_in(path: Path) -> Iterator[Callable[[pa.Table, Places], None]]:
    """Yield a function that adds judged posts, in the order of their digests.

    Its arguments are posts, and the split of each that is not excluded. Pictures lie in the shards,
    so a post whose picture is in none of them, or could not be read, is judged again next time.
    """
    no_input = pa.scalar(_NO_INPUT, pa.binary(INPUT_BYTES))
    with pa.ipc.new_file(str(path), KEPT_SCHEMA, options=_OPTIONS) as writer:

        def write(posts: pa.Table, places: Places) -> None:
            nowhere = np.zeros(posts.num_rows, bool)
            nowhere[np.flatnonzero(posts.column("reason").is_null())] = places == NOWHERE
            has_picture = posts.column("picture_key").is_valid()
            again = pc.or_(
                pc.and_(has_picture, pa.array(nowhere)), posts.column("picture_error").is_valid()
            )
            changed = {
                "input": pc.if_else(again, no_input, pc.fill_null(posts.column("input"), no_input)),
                "image_known": has_picture,
            }
            columns = [changed.get(name, posts.column(name)) for name in KEPT_SCHEMA.names]
            # Nothing of a withdrawn post is kept, not even its id.
            stays = pc.fill_null(pc.not_equal(posts.column("reason"), WITHDRAWN), True).to_numpy()
            writer.write_table(rows_where(pa.table(columns, schema=KEPT_SCHEMA), stays))

        yield write


def first_numbers(places: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return the first 64 bits of each digest as numbers in the same order."""
    whole = fixed_bytes(places, PLACE_BYTES)
    return whole[:, :8].copy().view(">u8").astype(np.uint64)[:, 0]
