"""``manifest diff A B``: counts the differences between two manifests.

This compares two builds of the same list, for example before and after a change of options, without
their data sets. Both manifests are sorted by photo id, so they are read side by side, with one
batch of each in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.harvest.flickr.photo_url import size_in_words
from flickr_emotion.harvest.manifests.description import Description
from flickr_emotion.harvest.manifests.distribution_column import DISTRIBUTION, unequal_shares
from flickr_emotion.harvest.manifests.file import Manifest, open_manifest
from flickr_emotion.harvest.manifests.rows import photo_numbers

# The aspects in which posts can differ, with the columns that are compared.
_ASPECTS = {
    "label": ["label"],
    "votes": ["votes", "sentiment"],
    "split": ["split"],
    **{modality: [f"{modality}_sha256"] for modality in MODALITIES},
    "reference": ["server", "farm", "secret"],
    "pair": ["pair"],
    DISTRIBUTION: [DISTRIBUTION],
}


@dataclass(kw_only=True)
class ManifestDiff:
    """The differences between two manifests."""

    posts_a: int
    posts_b: int
    only_a: int = 0
    only_b: int = 0
    changed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_ASPECTS, 0))
    """Number of posts in both manifests that differ, by aspect: ``label``, ``votes`` (or
    sentiment), ``split``, the content of ``image``, ``text`` and ``tags``, ``reference``,
    ``pair``, ``vote_distribution``."""
    described: dict[str, list[Any]] = field(default_factory=dict)
    """Metadata that differ (kind, service, classes, options, data set digest, size of the
    pictures): the value in A and the value in B."""

    @property
    def equal(self) -> bool:
        """Whether the manifests are equal."""
        counts = (self.only_a, self.only_b, *self.changed.values())
        return not any(counts) and not self.described

    def content(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "equal": self.equal,
            "posts": [self.posts_a, self.posts_b],
            "only_a": self.only_a,
            "only_b": self.only_b,
            "changed": self.changed,
            "described": self.described,
        }

    def table(self) -> str:
        """Return the counts as lines."""
        lines = [
            f"{'posts':<12}{self.posts_a:>10}{self.posts_b:>10}",
            f"{'only there':<12}{self.only_a:>10}{self.only_b:>10}",
            *(f"{name:<12}{count:>10} changed" for name, count in self.changed.items() if count),
            *(_line(name, a, b) for name, (a, b) in self.described.items()),
        ]
        return "\n".join([*lines, "they say the same" if self.equal else "they differ"])


def diff_manifests(path_a: Path, path_b: Path) -> ManifestDiff:
    """Compare two manifests; raises ``HarvestError`` if one of them is not valid.

    >>> from pathlib import Path
    >>> from flickr_emotion import diff_manifests
    >>> diff_manifests(Path("manifest.parquet"), Path("manifest.parquet")).equal
    True
    """
    a, b = open_manifest(path_a), open_manifest(path_b)
    found = ManifestDiff(
        posts_a=a.rows, posts_b=b.rows, described=_described(a.description, b.description)
    )
    for rows_a, rows_b in _side_by_side(a, b):
        numbers_a, numbers_b = photo_numbers(rows_a["photo_id"]), photo_numbers(rows_b["photo_id"])
        _, at_a, at_b = np.intersect1d(
            numbers_a, numbers_b, assume_unique=True, return_indices=True
        )
        found.only_a += len(numbers_a) - len(at_a)
        found.only_b += len(numbers_b) - len(at_b)
        both_a, both_b = rows_a.take(pa.array(at_a)), rows_b.take(pa.array(at_b))
        for aspect, columns in _ASPECTS.items():
            found.changed[aspect] += _differing(both_a, both_b, columns)
    return found


def _line(name: str, a: Any, b: Any) -> str:
    if name == "image_size":
        return f"pictures: {size_in_words(a)} and {size_in_words(b)}"
    return f"{name}: {a} and {b}"


def _described(a: Description, b: Description) -> dict[str, list[Any]]:
    def flat(it: Description) -> dict[str, Any]:
        return {
            "kind": it.kind,
            "service": it.service,
            "classes": list(it.classes),
            "dataset_digest": it.dataset_digest,
            "image_size": it.image_size,
            **{f"option {name}": value for name, value in it.options.items()},
        }

    in_a, in_b = flat(a), flat(b)
    return {
        name: [in_a.get(name), in_b.get(name)]
        for name in {**in_a, **in_b}
        if in_a.get(name) != in_b.get(name)
    }


def _side_by_side(a: Manifest, b: Manifest) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield batches of both that cover the same range of photo ids, until all rows are read."""
    streams = a.batches(), b.batches()
    nothing = [pa.RecordBatch.from_pylist([], schema=it.schema) for it in (a, b)]
    left = [*nothing]
    ended = [False, False]
    while True:
        for side, stream in enumerate(streams):
            if not left[side].num_rows and not ended[side]:
                batch = next(stream, None)
                ended[side] = batch is None
                left[side] = nothing[side] if batch is None else batch
        if not any(rows.num_rows for rows in left):
            return
        numbers = [photo_numbers(rows["photo_id"]) for rows in left]
        # Both manifests have been read completely up to this photo id.
        bound = min(ids[-1] for ids in numbers if len(ids))
        cuts = [int(np.searchsorted(ids, bound, side="right")) for ids in numbers]
        yield left[0].slice(0, cuts[0]), left[1].slice(0, cuts[1])
        left = [rows.slice(cut) for rows, cut in zip(left, cuts, strict=True)]


def _differing(a: pa.RecordBatch, b: pa.RecordBatch, columns: list[str]) -> int:
    differs = np.zeros(a.num_rows, bool)
    for name in columns:
        if name == DISTRIBUTION:
            differs |= unequal_shares(a, b)
        else:
            differs |= _unequal(a[name], b[name])
    return int(differs.sum())


def _unequal(a: pa.Array, b: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    there_a, there_b = a.is_valid(), b.is_valid()
    unequal = pc.fill_null(pc.not_equal(a, b), False)
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.or_(
        unequal, pc.xor(there_a, there_b)
    ).to_numpy(zero_copy_only=False)
    return result
