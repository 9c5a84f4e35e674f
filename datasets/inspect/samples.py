"""Posts that are shown, on a terminal or a page: what they hold, and their pictures."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset

COLUMNS = ("photo_id", "text", "tags", "label", "modalities")
"""The columns that ``sample_of`` reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A post that is shown."""

    photo_id: str
    label: str
    subset: str
    text: str | None
    tags: tuple[str, ...]
    row: int
    """Its row among the posts of its split, from 0."""


def sample_of(table: pa.Table, row: int, first: int) -> Sample:
    """Return a row of a table as a sample; ``first``: the row at which the table begins."""
    fields = table.slice(row, 1).to_pylist()[0]
    return Sample(
        photo_id=fields["photo_id"],
        label=fields["label"],
        subset=fields["modalities"],
        text=fields["text"],
        tags=tuple(fields["tags"]),
        row=first + row,
    )


def samples_at(dataset: Dataset, split: str, rows: Collection[int]) -> dict[int, Sample]:
    """Return the posts of a split at these rows, by row."""
    wanted = set(rows)
    found = {}
    first = 0
    for table in dataset.tables(split, COLUMNS):
        for row in range(table.num_rows):
            if first + row in wanted:
                found[first + row] = sample_of(table, row, first)
        first += table.num_rows
    return found


def pictures_at(dataset: Dataset, split: str, rows: Collection[int]) -> dict[int, bytes]:
    """Return the pictures of a split at these rows, by row, reading only the needed row groups.

    A post without a picture is missing. Raises ``DatasetError`` if a shard cannot be read.
    """
    wanted = set(rows)
    pictures: dict[int, bytes] = {}
    first = 0
    for shard in dataset.shards(split):
        try:
            checks = dataset.group_checks(shard, ["image"])
            with open_parquet(shard) as file:
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).num_rows
                    here = [row for row in wanted if first <= row < first + size]
                    if here:
                        checks.group(group)
                        column = file.read_row_group(group, columns=["image"])["image"]
                        for row in here:
                            if held := column[row - first].as_py():
                                pictures[row] = held["bytes"]
                    first += size
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{shard} cannot be read ({error})") from None
    return pictures
