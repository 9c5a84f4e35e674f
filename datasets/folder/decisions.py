"""What the last build decided, so that the next one does not decide it again.

Two decisions are dear: which language a text is in, and what a picture looks like once it has been
decoded and reduced. Both follow from a digest of what they were decided on, and are kept under it
in the data set folder (``decisions.parquet``). The reduced pictures themselves are in its shards,
in the order in which the next build writes them, so they are copied in one pass.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.rules.pictures import PREPARATION
from flickr_emotion.datasets.rules.splits import order_key

FILE_NAME = "decisions.parquet"
SCHEMA = pa.schema(
    [
        pa.field("digest", pa.binary(16), nullable=False),
        # ISO 639-1 code, empty where none was detected; null for a picture.
        pa.field("language", pa.string()),
        # Perceptual hash; null for a text.
        pa.field("picture_hash", pa.uint64()),
    ]
)
_LANGUAGE_RULE = "language:1"


def language_key(text: str) -> bytes:
    """Return the digest under which the language of a text is kept."""
    return hashlib.sha256(f"{_LANGUAGE_RULE}:{text}".encode()).digest()[:16]


def picture_key(photo_id: str, sha256: str, short_side: int) -> bytes:
    """Return the digest under which a prepared picture is kept."""
    key = f"picture:{PREPARATION}:{short_side}:{photo_id}:{sha256}"
    return hashlib.sha256(key.encode()).digest()[:16]


@dataclass(frozen=True)
class Decisions:
    """The decisions of a build, by digest."""

    first: npt.NDArray[np.uint64]
    """The first half of each digest, ascending."""
    second: npt.NDArray[np.uint64]
    languages: pa.Array
    picture_hashes: pa.Array

    def find(self, keys: list[bytes]) -> list[int | None]:
        """Return the row of each digest, None where it is not known."""
        if not len(self.first) or not keys:
            return [None] * len(keys)
        wanted = np.frombuffer(b"".join(keys), ">u8").astype(np.uint64).reshape(-1, 2)
        # Two digests with the same first half would only be decided anew.
        rows = np.minimum(np.searchsorted(self.first, wanted[:, 0]), len(self.first) - 1)
        hits = (self.first[rows] == wanted[:, 0]) & (self.second[rows] == wanted[:, 1])
        return [int(row) if hit else None for row, hit in zip(rows, hits, strict=True)]


def read_decisions(path: Path | None) -> Decisions:
    """Read a file of decisions, once in a process; none where there is none that can be read."""
    # A later build leaves other decisions under the same path.
    found = path.stat() if path is not None and path.exists() else None
    return _read(path, found and (found.st_ino, found.st_mtime_ns))


@lru_cache(maxsize=1)
def _read(path: Path | None, _version: object) -> Decisions:
    table = SCHEMA.empty_table()
    if path is not None:
        # What cannot be read is decided anew.
        with suppress(OSError, ValueError, pa.ArrowException), open_parquet(path) as file:
            table = file.read().cast(SCHEMA)
    table = table.combine_chunks()
    digests = b"".join(table.column("digest").to_pylist())
    halves = np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)
    order = np.argsort(halves[:, 0], kind="stable")
    return Decisions(
        first=halves[order, 0],
        second=halves[order, 1],
        languages=_one_chunk(table, "language").take(pa.array(order)),
        picture_hashes=_one_chunk(table, "picture_hash").take(pa.array(order)),
    )


def _one_chunk(table: pa.Table, name: str) -> pa.Array:
    chunked = table.column(name)
    return chunked.chunk(0) if chunked.num_chunks else pa.array([], chunked.type)


class PreviousPictures:
    """The pictures of the data set that is replaced, in the order of their posts' digests."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        """Begin with the first; ``seed`` is that of both builds."""
        self._folder = dataset.folder
        self._pictures = merge(
            *(_pictures(dataset, split, seed) for split in SPLITS), key=itemgetter(0)
        )

    def take(self, place: bytes) -> bytes:
        """Return the picture of the post with this digest, which follows those taken before."""
        for found, picture in self._pictures:
            if found == place:
                return picture
        raise DatasetError(
            f"{self._folder} lacks a picture that its {FILE_NAME} names: remove that file"
        )


def _pictures(dataset: Dataset, split: str, seed: int) -> Iterator[tuple[bytes, bytes]]:
    for rows in dataset.batches(split, ("photo_id", "image"), 256):
        for row in rows:
            if row["image"]:
                yield order_key(seed, row["photo_id"]), row["image"]["bytes"]
