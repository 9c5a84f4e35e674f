"""Posts whose label looks wrong: as a table on disk, on the terminal, and for the page.

Which these are is judged elsewhere; this module writes and shows them. The table is Parquet or CSV,
depending on the name's ending, and holds every judged post, the worst label first.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.printing import printable
from flickr_emotion.common.replacing import new_file
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.samples import Sample, samples_at

SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        # The class that is likeliest from answers and votes; it may be the label.
        pa.field("suggested", pa.string(), nullable=False),
        # From 0, the label is wrong, to 1, it is right.
        pa.field("score", pa.float64(), nullable=False),
        # Agreeing votes for the label, as in the shards.
        pa.field("votes", pa.int32()),
        # Whether confident learning takes the label for wrong.
        pa.field("suspect", pa.bool_(), nullable=False),
    ]
)
SHOWN_ON_PAGE = 48
_SHOWN = 10
_ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A post with the judgement of its label; the fields are those of ``SCHEMA``."""

    photo_id: str
    split: str
    label: str
    suggested: str
    score: float
    votes: int | None
    suspect: bool
    row: int
    """Its row among the posts of its split, from 0."""


def check_places(suspects: Path, html: Path | None) -> None:
    """Raise ``DatasetError`` if the table or the page could not be written, before any work."""
    if suspects.suffix not in _ENDINGS:
        raise DatasetError(f"--suspects {suspects}: give a file that ends in .parquet or .csv")
    for option, path in (("--suspects", suspects), ("--html", html)):
        if path is None:
            continue
        check_outside(path)
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise DatasetError(
                f"{option} {path} cannot be written: give a file in a folder that can be written to"
            )


def write_suspects(posts: Sequence[Judged], path: Path) -> None:
    """Write the table, which gets its name when it is complete; raises ``DatasetError``."""
    rows = [{name: getattr(post, name) for name in SCHEMA.names} for post in posts]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    try:
        with new_file(path) as new:
            if path.suffix == ".csv":
                csv.write_csv(table, new)
            else:
                with parquet_writer(new, SCHEMA) as writer:
                    writer.write_table(table)
    except OSError as error:
        raise DatasetError(f"--suspects {path} cannot be written: {error}") from None


def describe_suspects(posts: Sequence[Judged]) -> str:
    """Return how many labels are suspected, and the first of them, as text."""
    suspected = [post for post in posts if post.suspect]
    lines = [f"{len(suspected)} of {len(posts)} labels look wrong"]
    for post in suspected[:_SHOWN]:
        votes = "" if post.votes is None else f", {post.votes} votes"
        lines.append(
            f"  {post.photo_id} ({post.split}) {post.label}{votes}: rather {post.suggested}, "
            f"score {post.score:.3f}"
        )
    return "\n".join(map(printable, lines))


def suspects_on_page(dataset: Dataset, posts: Sequence[Judged]) -> list[tuple[Judged, Sample]]:
    """Return the first suspected posts with what they hold, for the page."""
    chosen = [post for post in posts if post.suspect][:SHOWN_ON_PAGE]
    held = {
        split: samples_at(dataset, split, [post.row for post in chosen if post.split == split])
        for split in {post.split for post in chosen}
    }
    return [(post, held[post.split][post.row]) for post in chosen]
