"""A data set folder as its readers see it: training, evaluation, inspection, manifests.

The format is described in ``docs/datasets.md``. A folder is checked when it is opened, so that
those who read it need not be careful again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.classes import class_names
from datasets.errors import DatasetError
from datasets.json_files import LARGEST_DESCRIPTION, LARGEST_VOCABULARY, read_json
from datasets.shards import SCHEMA
from datasets.splits import SPLITS
from harvest.photo_url import SIZES

FORMAT = "flickr-emotion-dataset"
FORMAT_VERSION = 2
_AGAIN = "build the splits again"
_KINDS = ("votes", "sentiment", "labels")
_LONGEST_TEXT = 200
# Objects of `dataset.json` that not every data set has.
_OPTIONAL = ("excluded", "texts", "leakage", "reduced")


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
        content = _read_json(path, LARGEST_VOCABULARY)
        try:
            return Vocabulary(
                min_count=_count(content, "min_count"),
                words=_counts(content, "words"),
                tags=_counts(content, "tags"),
            )
        except ValueError as error:
            raise DatasetError(f"{path} is damaged ({error}): {_AGAIN}") from None


def open_dataset(folder: Path) -> Dataset:
    """Open a data set folder.

    Raises ``DatasetError`` where the folder is none, is of a newer format, or lacks a file.
    """
    described = folder / "dataset.json"
    content = _read_json(described, LARGEST_DESCRIPTION)
    version = content.get("version")
    if content.get("format") != FORMAT or type(version) is not int:
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
            kind=_kind(content),
            service=_text(content, "service"),
            classes=class_names(content.get("classes")),
            counts=_counts_by_split(content),
            digest=_text(content, "digest"),
            options=_object(content, "options"),
            image_size=_image_size(content),
            described=content,
        )
        for name in _OPTIONAL:
            _object({name: {}} | content, name)
    except ValueError as error:
        raise DatasetError(f"{described} is damaged ({error}): {_AGAIN}") from None
    for split in SPLITS:
        _check_shards(dataset, split)
    return dataset


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"{name!r} is no short text")
    return value


def _kind(content: dict[str, Any]) -> str:
    kind = _text(content, "kind")
    if kind not in _KINDS:
        raise ValueError(f"'kind' is none of {', '.join(_KINDS)}")
    return kind


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} is no object")
    return value


def _count(content: dict[str, Any], name: str) -> int:
    value = content.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"{name!r} is no count")
    return value


def _counts(content: dict[str, Any], name: str) -> dict[str, int]:
    counts = _object(content, name)
    for key, value in counts.items():
        if type(value) is not int or value < 0:
            raise ValueError(f"{name!r} says no count of {ascii(key)[:50]}")
    return counts


def _counts_by_split(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    counts = _object(content, "counts")
    for split in SPLITS:
        of_split = _object(counts, split)
        _count(of_split, "total")
        _counts(of_split, "labels")
        _counts(of_split, "subsets")
    return counts


def _image_size(content: dict[str, Any]) -> str | None:
    size = content.get("image_size")  # not there in data sets from before it was recorded
    if size is not None and not (isinstance(size, str) and size in SIZES):
        raise ValueError("'image_size' is no size of pictures")
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


def _read_json(path: Path, largest: int) -> dict[str, Any]:
    try:
        return read_json(path, largest=largest)
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is not there: give the folder that `build-splits --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {_AGAIN}") from None
