"""The decisions of the last build, which the next build reuses.

Two steps are slow: detecting the language of a text, and decoding and reducing a picture. Their
results are kept in the data set folder (``decisions.parquet``) under a digest of their input. The
reduced pictures are in the shards, in the order in which the next build writes them, so they are
copied in one pass.
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
        # ISO 639-1 code, empty if none was detected; null for a picture.
        pa.field("language", pa.string()),
        # Perceptual hash; null for a text, and for a picture that is too flat to have one.
        pa.field("picture_hash", pa.uint64()),
        # Whether a picture was an ordinary JPEG; null for a text.
        pa.field("picture_is_plain", pa.bool_()),
    ]
)
_LANGUAGE_RULE = "language:1"


def language_key(text: str) -> bytes:
    """Return the key of a text's language in the decisions."""
    return hashlib.sha256(f"{_LANGUAGE_RULE}:{text}".encode()).digest()[:16]


def picture_key(photo_id: str, sha256: str, short_side: int) -> bytes:
    """Return the key of a prepared picture in the decisions."""
    key = f"picture:{PREPARATION}:{short_side}:{photo_id}:{sha256}"
    return hashlib.sha256(key.encode()).digest()[:16]


@dataclass(frozen=True)
class Decisions:
    """The decisions of a build, sorted by digest."""

    first: npt.NDArray[np.uint64]
    """(N,) the first half of each digest, ascending."""
    second: npt.NDArray[np.uint64]
    """(N,) the second half."""
    languages: pa.Array
    picture_hashes: pa.Array
    plain_pictures: pa.Array

    def find(self, keys: list[bytes]) -> list[int | None]:
        """Return the row of each digest, None for an unknown one."""
        if not len(self.first) or not keys:
            return [None] * len(keys)
        wanted = np.frombuffer(b"".join(keys), ">u8").astype(np.uint64).reshape(-1, 2)
        # Of two digests with the same first half, one may be missed, which only costs time.
        rows = np.minimum(np.searchsorted(self.first, wanted[:, 0]), len(self.first) - 1)
        hits = (self.first[rows] == wanted[:, 0]) & (self.second[rows] == wanted[:, 1])
        return [int(row) if hit else None for row, hit in zip(rows, hits, strict=True)]


def read_decisions(path: Path | None) -> Decisions:
    """Read a file of decisions, once in a process; return no decisions if it cannot be read."""
    # The cache key includes inode and time, because a later build writes to the same path.
    found = path.stat() if path is not None and path.exists() else None
    return _read(path, found and (found.st_ino, found.st_mtime_ns))


@lru_cache(maxsize=1)
def _read(path: Path | None, _version: object) -> Decisions:
    table = SCHEMA.empty_table()
    if path is not None:
        # If the file cannot be read, everything is decided again.
        with suppress(OSError, ValueError, pa.ArrowException), open_parquet(path) as file:
            table = file.read().cast(SCHEMA)
    table = table.combine_chunks()
    digests = _one_chunk(table, "digest").buffers()[1] if table.num_rows else b""
    halves = np.frombuffer(digests, ">u8", 2 * table.num_rows).astype(np.uint64).reshape(-1, 2)
    order = np.argsort(halves[:, 0], kind="stable")
    return Decisions(
        first=halves[order, 0],
        second=halves[order, 1],
        languages=_one_chunk(table, "language").take(pa.array(order)),
        picture_hashes=_one_chunk(table, "picture_hash").take(pa.array(order)),
        plain_pictures=_one_chunk(table, "picture_is_plain").take(pa.array(order)),
    )


def _one_chunk(table: pa.Table, name: str) -> pa.Array:
    chunked = table.column(name)
    return chunked.chunk(0) if chunked.num_chunks else pa.array([], chunked.type)


class PreviousPictures:
    """Reads the pictures of the data set that is replaced, in the order of the posts' digests."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        """Start before the first picture; ``seed`` is the seed of both builds."""
        self._folder = dataset.folder
        self._pictures = merge(
            *(_pictures(dataset, split, seed) for split in SPLITS), key=itemgetter(0)
        )

    def take(self, place: bytes) -> bytes:
        """Return the picture of the post with this digest; call it in the order of digests."""
        for found, picture in self._pictures:
            if found == place:
                return picture
        raise DatasetError(
            f"{self._folder} lacks a picture that its {FILE_NAME} names: remove that file and "
            "build the splits again"
        )


def _pictures(dataset: Dataset, split: str, seed: int) -> Iterator[tuple[bytes, bytes]]:
    for rows in dataset.batches(split, ("photo_id", "image"), 256):
        for row in rows:
            if row["image"]:
                yield order_key(seed, row["photo_id"]), row["image"]["bytes"]
