"""Writes the files of a data set anew without some posts; the rows of all others stay as they are.

The files are linked from the data set that is replaced, so none is ever changed in place. They are
written one row group after the other: memory holds the pictures of one.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.parquet_files import open_parquet, parquet_writer
from flickr_emotion.common.takedown.tombstones import WITHDRAWN
from flickr_emotion.common.whole_files import whole_file
from flickr_emotion.datasets.folder import excluded

_DIGESTS = 200_000  # rows of decisions that are read at once


def write_without(path: Path, photo_ids: Collection[str]) -> None:
    """Write a shard or references again without the rows of some posts."""

    def kept(group: pa.Table) -> pa.Table:
        gone = pc.is_in(group["photo_id"], pa.array(sorted(photo_ids), pa.string()))
        return group.filter(pc.invert(gone)) if pc.any(gone).as_py() else group

    _write_groups(path, kept)


def write_excluded(path: Path, was_excluded: Mapping[str, str], from_splits: list[str]) -> None:
    """Let withdrawn posts be named by their tombstones alone, and add those that were in splits."""
    names = pa.array(sorted(was_excluded), pa.string())

    def kept(group: pa.Table) -> pa.Table:
        gone = pc.fill_null(pc.is_in(group["photo_id"], names), False)
        if not pc.any(gone).as_py():
            return group
        at = group.schema.get_field_index("reason")
        reasons = pc.if_else(gone, pa.scalar(WITHDRAWN), group["reason"])
        return excluded.without_withdrawn(
            group.set_column(at, excluded.SCHEMA.field(at), reasons).select(excluded.SCHEMA.names)
        )

    more = pa.table(
        [
            pa.nulls(len(from_splits), pa.string()),
            [excluded.place_of(photo_id) for photo_id in sorted(from_splits)],
            [WITHDRAWN] * len(from_splits),
        ],
        schema=excluded.SCHEMA,
    )
    _write_groups(path, kept, more)


def write_decisions(path: Path, keys: Collection[bytes], *, all_texts: bool) -> None:
    """Write decisions again without some; with ``all_texts`` without any on a text."""
    gone = pa.array(sorted(keys), pa.binary(16))
    with (
        whole_file(path) as new,
        open_parquet(path) as file,
        parquet_writer(new, file.schema_arrow) as writer,
    ):
        for batch in file.iter_batches(_DIGESTS):
            rows = pa.Table.from_batches([batch])
            stays = pc.invert(pc.is_in(rows["digest"], gone))
            if all_texts:
                stays = pc.and_(stays, pc.is_valid(rows["picture_is_plain"]))
            writer.write_table(rows.filter(stays))


def _write_groups(
    path: Path, kept: Callable[[pa.Table], pa.Table], more: pa.Table | None = None
) -> None:
    """Write a file with what ``kept`` leaves of each row group, and ``more`` rows at the end."""
    with (
        whole_file(path) as new,
        open_parquet(path) as file,
        parquet_writer(new, file.schema_arrow) as writer,
    ):
        for number in range(file.num_row_groups):
            group = kept(file.read_row_group(number))
            if group.num_rows or file.num_row_groups == 1:
                writer.write_table(group, row_group_size=max(group.num_rows, 1))
        if more is not None and more.num_rows:
            writer.write_table(more)
