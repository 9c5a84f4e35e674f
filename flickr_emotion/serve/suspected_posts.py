"""Posts whose label looks wrong, from the table that ``inspect D --suspects FILE`` has written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.inspect.suspects import SCHEMA
from flickr_emotion.serve.post_index import Numbers, PostIndex

_COLUMNS = ("photo_id", "suggested", "score", "suspect")


@dataclass(frozen=True)
class Suspicion:
    """What is thought of a post's label."""

    suggested: str
    score: float
    """From 0, the label is wrong, to 1, it is right."""


class SuspectedPosts:
    """The suspected posts of a data set, by photo id."""

    def __init__(self, path: Path) -> None:
        """Read a table; raises ``DatasetError``."""
        self._by_id: dict[str, Suspicion] = {
            row["photo_id"]: Suspicion(row["suggested"], row["score"]) for row in _rows(path)
        }

    def photo_ids(self) -> list[str]:
        """Return the ids of all suspected posts."""
        return list(self._by_id)

    def of(self, photo_id: str) -> Suspicion | None:
        """Return what is thought of a post's label; None if it is not suspected."""
        return self._by_id.get(photo_id)

    def worst_first(self, posts: Numbers, index: PostIndex) -> Numbers:
        """Return suspected posts in the order of their scores."""
        scores = [self._by_id[it].score for it in index.photo_ids.take(posts).to_pylist()]
        return posts[np.argsort(scores, kind="stable")]


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of suspected posts."""
    if not path.is_file():
        raise DatasetError(f"--suspects {path} is not there: write it with `inspect --suspects`")
    try:
        if path.suffix == ".csv":
            types = {name: SCHEMA.field(name).type for name in _COLUMNS}
            table = csv.read_csv(
                path,
                convert_options=csv.ConvertOptions(column_types=types, include_columns=_COLUMNS),
            )
        else:
            with open_parquet(path) as file:
                table = file.read(columns=list(_COLUMNS))
        wanted = pa.schema([SCHEMA.field(name) for name in _COLUMNS])
        table = table.select(list(_COLUMNS)).cast(wanted)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(
            f"--suspects {path} cannot be read ({reason}): write it with `inspect --suspects`"
        ) from None
    found: list[dict[str, Any]] = table.filter(pc.field("suspect")).to_pylist()
    return found
