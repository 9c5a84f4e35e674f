"""The counts of posts in ``dataset.json``: how they are made, and the tables that show them.

Labels, subsets and licences are counted while the posts are written. Preferences stand in
``references.parquet`` only, so they are counted from there when the folder is described.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder import references
from flickr_emotion.datasets.folder.layout import DATA
from flickr_emotion.datasets.rules.permissions import NAMES

PREFERENCES = "preferences"
_BY_SPLIT = Mapping[str, Mapping[str, int]]


def split_counts(
    labels: Counter[str], subsets: Counter[str], licenses: Counter[str]
) -> dict[str, Any]:
    """Return what ``dataset.json`` says about a split's posts."""
    return {
        "total": labels.total(),
        "labels": dict(sorted(labels.items())),
        "subsets": {name: count for name in SUBSETS if (count := subsets[name])},
        "licenses": dict(sorted(licenses.items(), key=lambda it: (-it[1], it[0]))),
    }


def with_preferences(
    folder: Path, counts: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return ``counts`` with those by preference; without them where no post has one.

    ``folder`` holds ``references.parquet``, in which the posts stand split by split.
    """
    found = {split: Counter[str]() for split in SPLITS}
    ends = [counts[split]["total"] for split in SPLITS]
    path = folder / references.FILE_NAME
    column = references.PREFERENCE
    if path.exists():
        with open_parquet(path) as file:
            if column in file.schema_arrow.names:
                values = file.read(columns=[column]).column(column)
                at = 0
                for split, count in zip(SPLITS, ends, strict=True):
                    here = pc.value_counts(values.slice(at, count).drop_null()).to_pylist()
                    found[split].update({it["values"]: it["counts"] for it in here})
                    at += count
    known = any(found.values())
    return {
        split: {
            **{name: value for name, value in counts[split].items() if name != PREFERENCES},
            **({PREFERENCES: {it: n for it in NAMES if (n := found[split][it])}} if known else {}),
        }
        for split in SPLITS
    }


@dataclass(frozen=True)
class Votes:
    """The agreeing votes for the labels of a data set's posts."""

    posts: int
    """Posts of which their number is known."""
    fewest: int
    most: int
    mean: float


def votes_of(folder: Path) -> Votes | None:
    """Return the votes in the shards of a data set folder; None if no post has any."""
    posts = total = 0
    bounds: list[int] = []
    for shard in sorted((folder / DATA).glob("*.parquet")):
        with open_parquet(shard) as file:
            for batch in file.iter_batches(100_000, columns=["votes"]):
                votes = batch.column(0).drop_null()
                if len(votes):
                    posts += len(votes)
                    total += pc.sum(votes).as_py()
                    bounds += pc.min_max(votes).as_py().values()
    return Votes(posts, min(bounds), max(bounds), total / posts) if posts else None


def posts_by_license(counts: _BY_SPLIT) -> dict[str, dict[str, int]]:
    """Return the number of posts by licence and split; empty for an older data set."""
    return _table(counts, "licenses")


def posts_by_preference(counts: _BY_SPLIT) -> dict[str, dict[str, int]]:
    """Return the number of posts by preference, in words, and split; empty where none is known."""
    found = _table(counts, PREFERENCES)
    return {NAMES[it]: found[it] for it in NAMES if it in found}


def _table(counts: Mapping[str, Mapping[str, Any]], what: str) -> dict[str, dict[str, int]]:
    of_split = {split: counts[split].get(what, {}) for split in SPLITS}
    names: Iterable[str] = dict.fromkeys(name for found in of_split.values() for name in found)
    return {name: {split: of_split[split].get(name, 0) for split in SPLITS} for name in names}
