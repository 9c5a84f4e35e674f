"""What posts are filtered by: a few numbers of each post, read once when the page is opened.

150,000 posts take some megabytes here. Texts, tags and pictures stay in the shards and are read
when they are asked for (``shard_reader.py``), so that a data set larger than the memory can be
looked through. A post is named by its number: its place among the posts of all splits, from 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.harvest.flickr.licenses import name_of

Mask = npt.NDArray[np.bool_]
"""(N,) whether each post is meant."""
Numbers = npt.NDArray[np.int64]

FACETS = ("label", "split", "subset", "license")
"""What every post has one value of, and the page counts posts by."""
_COLUMNS = ("photo_id", "label", "owner", "license", "modalities")
_ROWS_AT_ONCE = 1 << 16
_NONE = -1


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A value of each post, as its place among all values."""

    names: tuple[str, ...]
    codes: npt.NDArray[np.int32]
    """(N,) -1 for a post without a value."""

    def where(self, name: str) -> Mask:
        """Return which posts have this value."""
        if name not in self.names:
            return np.zeros(len(self.codes), bool)
        found: Mask = self.codes == self.names.index(name)
        return found

    def counts(self, among: Mask) -> dict[str, int]:
        """Return the number of posts by value, in the order of the values."""
        counted = np.bincount(self.codes[among & (self.codes >= 0)], minlength=len(self.names))
        return dict(zip(self.names, counted.tolist(), strict=True))

    def name(self, post: int) -> str | None:
        """Return the value of a post."""
        code = int(self.codes[post])
        return None if code < 0 else self.names[code]


@dataclass(frozen=True, kw_only=True)
class PostIndex:
    """The posts of a data set, by what the page filters them by."""

    photo_ids: pa.Array
    facets: dict[str, Coded]
    """By the names of ``FACETS``."""
    owners: Coded
    """The owners' digests."""
    starts: dict[str, int]
    """The number of the first post of each split."""

    def __len__(self) -> int:
        return len(self.photo_ids)

    def number_of(self, photo_id: str) -> int | None:
        """Return the post with this id."""
        place: int = pc.index(self.photo_ids, photo_id).as_py()
        return None if place < 0 else place

    def posts_of(self, photo_ids: "list[str]") -> Mask:
        """Return which posts have one of these ids."""
        wanted = pa.array(photo_ids, pa.string())
        found = np.zeros(len(self), bool)
        found[numbers_of(pc.indices_nonzero(pc.is_in(self.photo_ids, value_set=wanted)))] = True
        return found

    @cached_property
    def everyone(self) -> Mask:
        """All posts."""
        return np.ones(len(self), bool)


def numbers_of(array: pa.Array) -> Numbers:
    """Return whole numbers without nulls.

    ``to_numpy`` would do the same, but loads pandas, which takes a second.
    """
    return np.from_dlpack(array).astype(np.int64, copy=False)


def read_index(dataset: Dataset) -> PostIndex:
    """Read the few columns of a data set; raises ``DamagedDatasetError``."""
    tables = {split: list(dataset.tables(split, _COLUMNS, _ROWS_AT_ONCE)) for split in SPLITS}
    sizes = {split: sum(it.num_rows for it in found) for split, found in tables.items()}
    starts = dict(zip(SPLITS, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    parts = [table for found in tables.values() for table in found]

    def column(name: str) -> pa.ChunkedArray:
        chunks = [chunk for part in parts for chunk in part.column(name).chunks]
        return pa.chunked_array(chunks, pa.string())

    in_split = np.repeat(np.arange(len(SPLITS), dtype=np.int32), list(sizes.values()))
    return PostIndex(
        photo_ids=column("photo_id").combine_chunks(),
        facets={
            "label": _coded(column("label"), first=dataset.classes),
            "split": Coded(names=SPLITS, codes=in_split),
            "subset": _coded(column("modalities"), first=SUBSETS),
            "license": _coded(column("license"), named=name_of),
        },
        owners=_coded(column("owner")),
        starts=starts,
    )


def _coded(
    column: pa.ChunkedArray,
    *,
    first: tuple[str, ...] = (),
    named: Callable[[str | None], str | None] = lambda value: value,
) -> Coded:
    """Number the values of a column; ``first``: those that lead, whether they occur or not.

    ``named`` maps a value to its name; those of one name count as one.
    """
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    found = [named(it) for it in encoded.dictionary.to_pylist()]
    names = (*first, *sorted({it for it in found if it is not None} - set(first)))
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([_NONE if it is None else places[it] for it in found], np.int32)
    return Coded(names=names, codes=codes[numbers_of(encoded.indices)])
