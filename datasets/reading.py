"""A data set folder as its readers see it: training, evaluation, inspection, manifests.

The format is described in ``docs/datasets.md``. A folder is checked when it is opened, so that
those who read it need not be careful again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.errors import DatasetError
from datasets.shards import SCHEMA
from datasets.splits import SPLITS
from harvest.photo_url import SIZES

FORMAT = "flickr-emotion-dataset"
FORMAT_VERSION = 2
_AGAIN = "build the splits again"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words and tags of the training split with their counts, most frequent first."""

    min_count: int
    """Words and tags seen fewer times than this are ``<UNK>`` to the network."""
    words: dict[str, int]
    tags: dict[str, int]

    def kept_words(self) -> list[str]:
        """Return the words that are not ``<UNK>``, most frequent first."""
        return [word for word, count in self.words.items() if count >= self.min_count]

    def kept_tags(self) -> list[str]:
        """Return the tags that are not ``<UNK>``, most frequent first."""
        return [tag for tag, count in self.tags.items() if count >= self.min_count]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set folder that has been opened and checked."""

    folder: Path
    version: int
    """Of the format."""
    kind: str
    """``votes``, ``sentiment`` or ``labels``: what the labels were decided from."""
    service: str
    """``flickr``, ``other`` (another server in its place, such as the sandbox) or ``own``."""
    classes: tuple[str, ...]
    counts: dict[str, dict[str, Any]]
    """By split: ``total``, ``labels`` (label to count) and ``subsets`` (subset to count)."""
    digest: str
    """SHA-256 of the posts of all splits: two data sets with the same digest hold the same."""
    options: dict[str, Any]
    image_size: str | None
    """The size of the pictures as fetched (``harvest.photo_url.SIZES``); None where not known."""
    described: dict[str, Any]
    """All that ``dataset.json`` holds."""

    def shards(self, split: str) -> list[Path]:
        """Return the Parquet files of a split in their order."""
        return sorted((self.folder / "data").glob(f"{split}-*.parquet"))

    def batches(
        self, split: str, columns: Sequence[str], batch_size: int = 1024
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the posts of a split as lists of rows, ``batch_size`` at a time, in their order."""
        for table in self.tables(split, columns, batch_size):
            yield table.to_pylist()

    def tables(
        self, split: str, columns: Sequence[str], batch_size: int = 1024
    ) -> Iterator[pa.Table]:
        """Yield the posts of a split as tables of ``batch_size`` rows, in their order."""
        for shard in self.shards(split):
            try:
                with pq.ParquetFile(shard) as file:
                    for batch in file.iter_batches(batch_size, columns=list(columns)):
                        yield pa.Table.from_batches([batch])
            except (OSError, pa.ArrowException) as error:
                raise DatasetError(f"{shard} cannot be read ({error}): {_AGAIN}") from None

    def vocabulary(self) -> Vocabulary:
        """Read ``vocabulary.json``."""
        path = self.folder / "vocabulary.json"
        content = _read_json(path)
        try:
            return Vocabulary(
                min_count=int(content["min_count"]),
                words=dict(content["words"]),
                tags=dict(content["tags"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path} is damaged ({error!r}): {_AGAIN}") from None


def open_dataset(folder: Path) -> Dataset:
    """Open a data set folder.

    Raises ``DatasetError`` where the folder is none, is of a newer format, or lacks a file.
    """
    described = folder / "dataset.json"
    content = _read_json(described)
    version = content.get("version")
    if content.get("format") != FORMAT or not isinstance(version, int):
        raise DatasetError(f"{described} describes no data set of `build-splits`")
    if version > FORMAT_VERSION:
        raise DatasetError(
            f"{folder} has data set format {version}, this program reads up to {FORMAT_VERSION}: "
            "update the program"
        )
    try:
        dataset = Dataset(
            folder=folder,
            version=version,
            kind=str(content["kind"]),
            service=str(content["service"]),
            classes=tuple(map(str, content["classes"])),
            counts=dict(content["counts"]),
            digest=str(content["digest"]),
            options=dict(content["options"]),
            image_size=_image_size(content),
            described=content,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{described} is damaged ({error!r}): {_AGAIN}") from None
    for split in SPLITS:
        _check_shards(dataset, split)
    return dataset


def _image_size(content: dict[str, Any]) -> str | None:
    size = content.get("image_size")  # not there in data sets from before it was recorded
    if size is not None and not (isinstance(size, str) and size in SIZES):
        raise ValueError("image_size")
    return size


def _check_shards(dataset: Dataset, split: str) -> None:
    shards = dataset.shards(split)
    names = [path.name for path in shards]
    expected = [f"{split}-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    if not names or names != expected:
        raise DatasetError(f"{dataset.folder / 'data'} lacks a shard of {split}: {_AGAIN}")
    posts = 0
    for shard in shards:
        try:
            metadata = pq.read_metadata(shard)
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{shard} cannot be read ({error}): {_AGAIN}") from None
        if missing := sorted(set(SCHEMA.names) - set(metadata.schema.to_arrow_schema().names)):
            raise DatasetError(f"{shard} lacks the column {missing[0]}: {_AGAIN}")
        posts += metadata.num_rows
    if posts != dataset.counts.get(split, {}).get("total"):
        raise DatasetError(
            f"{dataset.folder / 'data'} holds {posts} posts of {split}, dataset.json says "
            f"another number: {_AGAIN}"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is not there: give the folder that `build-splits --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {_AGAIN}") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no JSON object: {_AGAIN}")
    return content
