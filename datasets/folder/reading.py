"""Opens and reads data set folders, for training, evaluation, inspection and manifests.

The format is described in ``docs/datasets.md``. A folder is checked when it is opened, so that its
readers can trust it: damaged data is refused, not read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.common.json_files import LARGEST_DESCRIPTION, LARGEST_VOCABULARY, read_json
from flickr_emotion.common.parquet_files import open_parquet, read_footer, rows_of_bytes
from flickr_emotion.common.replacing import left_aside, standing
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.tombstones import FILE_NAME as TOMBSTONES
from flickr_emotion.common.takedown.tombstones import Tombstones, read_tombstones
from flickr_emotion.datasets.errors import DamagedDatasetError, DatasetError
from flickr_emotion.datasets.folder.classes import class_names
from flickr_emotion.datasets.folder.description_values import (
    check_collected,
    check_objects,
    count_of,
    counts_by_split,
    counts_of,
    files_of,
    image_size_of,
    kind_of,
    object_of,
    text_of,
)
from flickr_emotion.datasets.folder.file_digests import (
    FILES,
    GROUPS,
    OWN_DIGEST,
    DamagedError,
    check_briefly,
    check_own_digest,
    check_whole,
)
from flickr_emotion.datasets.folder.group_checksums import GroupChecks
from flickr_emotion.datasets.folder.layout import DESCRIPTION, FORMAT, VOCABULARY
from flickr_emotion.datasets.folder.shards import DISTRIBUTIONS, MOST_PICTURE_BYTES, schema_of
from flickr_emotion.datasets.folder.vocabulary import Vocabulary

FORMAT_VERSION = 5
"""The newest version; it is written only where posts were withdrawn."""
WITH_DISTRIBUTIONS = 4
"""The version of a data set with a column ``vote_distribution``."""
WITHOUT_DISTRIBUTIONS = 3
"""The version of a data set without this column, which is as it was before there was one."""
_FIRST_WITH_DIGESTS = 3


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set folder that has been opened and checked."""

    folder: Path
    version: int
    """Version of the format."""
    kind: str
    """``votes``, ``sentiment`` or ``labels``: where the labels come from."""
    service: str
    """``flickr``, ``other`` (a server in Flickr's place, such as the sandbox) or ``own``."""
    classes: tuple[str, ...]
    counts: dict[str, dict[str, Any]]
    """By split: ``total``, ``labels`` (label to count) and ``subsets`` (subset to count)."""
    digest: str
    """SHA-256 of the posts of all splits: data sets with the same digest hold the same posts."""
    options: dict[str, Any]
    image_size: str | None
    """The size of the pictures as fetched (``harvest.flickr.photo_url.SIZES``); None if unknown."""
    described: dict[str, Any]
    """The whole content of ``dataset.json``."""
    files: dict[str, dict[str, Any]]
    """Size and digests by file; empty for an older data set, which has none."""

    @property
    def has_distributions(self) -> bool:
        """Whether posts have a distribution over the classes, in the column ``DISTRIBUTION``."""
        return DISTRIBUTIONS in self.described

    @property
    def schema(self) -> pa.Schema:
        """The columns of the shards."""
        return schema_of(distributions=self.has_distributions)

    @property
    def preparation(self) -> int:
        """The version of the rule that prepared the pictures (``datasets.rules.pictures``).

        ``digest`` covers the pictures as they were fetched.
        """
        version = self.described.get("preparation", 1)  # older data sets do not have it
        return version if type(version) is int else 1

    @property
    def tombstones(self) -> Tombstones:
        """What stays of the posts that were withdrawn from it; raises ``DatasetError``."""
        return read_withdrawn(self.folder)[0]

    def shards(self, split: str) -> list[Path]:
        """Return the Parquet files of a split, in order."""
        return sorted((self.folder / "data").glob(f"{split}-*.parquet"))

    def batches(
        self, split: str, columns: Sequence[str], batch_size: int = 1024
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the posts of a split as lists of at most ``batch_size`` rows, in order."""
        for table in self.tables(split, columns, batch_size):
            yield table.to_pylist()

    def tables(
        self, split: str, columns: Sequence[str], batch_size: int = 1024
    ) -> Iterator[pa.Table]:
        """Yield the posts of a split as tables of at most ``batch_size`` rows, in order.

        The pictures of a table take about 64 MB at most, so it may have fewer rows. Raises
        ``DamagedDatasetError`` if a shard is damaged or cannot be read.
        """
        for shard in self.shards(split):
            try:
                checks = self.group_checks(shard, columns)
                rows = 0
                with open_parquet(shard, pre_buffer="image" not in columns) as file:
                    most = batch_size
                    if "image" in columns:
                        most = rows_of_bytes(file.metadata, MOST_PICTURE_BYTES, batch_size)
                    for batch in file.iter_batches(most, columns=list(columns)):
                        rows += batch.num_rows
                        checks.up_to_row(rows)
                        yield pa.Table.from_batches([batch])
                    # A damaged page header may claim fewer values: then rows are missing silently.
                    checks.rest()
                    if rows != file.metadata.num_rows:
                        raise OSError(f"{rows} rows, not {file.metadata.num_rows}")
            except (OSError, pa.ArrowException) as error:
                raise DamagedDatasetError(f"{shard} cannot be read ({error})") from None

    def group_checks(self, shard: Path, columns: Sequence[str]) -> GroupChecks:
        """Return the checks of a shard's row groups, for code that reads some columns itself.

        ``tables`` and ``batches`` apply them already.
        """
        name = shard.relative_to(self.folder).as_posix()
        return GroupChecks(shard, columns, self.files.get(name, {}).get(GROUPS, ()))

    def vocabulary(self) -> Vocabulary:
        """Read ``vocabulary.json``."""
        path = self.folder / VOCABULARY
        self._check(VOCABULARY, check_briefly)
        content = _read_json(path, LARGEST_VOCABULARY)
        try:
            return Vocabulary(
                min_count=count_of(content, "min_count"),
                words=counts_of(content, "words"),
                tags=counts_of(content, "tags"),
            )
        except ValueError as error:
            raise DamagedDatasetError(f"{path} is damaged ({error})") from None

    def check_file(self, name: str) -> None:
        """Check a whole file against its digest, for code that copies it unchanged.

        Raises ``DatasetError`` if it is damaged. Nothing is checked if there are no digests.
        """
        self._check(name, check_whole)

    def check_shard(self, shard: Path) -> None:
        """Check a shard's size and footer against ``dataset.json``."""
        name = shard.relative_to(self.folder).as_posix()
        if self.files and name not in self.files:
            raise DamagedDatasetError(f"{shard} is not part of the data set")
        self._check(name, check_briefly)

    def _check(self, name: str, check: Callable[[Path, str, dict[str, Any]], None]) -> None:
        if name not in self.files:
            return
        try:
            check(self.folder, name, self.files[name])
        except DamagedError as error:
            raise DamagedDatasetError(f"{self.folder / name} {error}") from None
        except OSError as error:
            raise DamagedDatasetError(f"{self.folder / name} cannot be read ({error})") from None


def read_withdrawn(folder: Path) -> tuple[Tombstones, dict[str, Any]]:
    """Return a data set's tombstones, and the whole content of their file.

    Raises ``DatasetError``.
    """
    try:
        stones, content = read_tombstones(folder)
        changes = content.get("changes", [])
        if not isinstance(changes, list) or not all(map(_is_change, changes)):
            raise ValueError("its changes are not those of takedowns")
        return stones, content
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder / TOMBSTONES} cannot be read ({error}), and without it withdrawn posts "
            "would come back: take it from a copy"
        ) from None


def _is_change(change: Any) -> bool:
    """Return whether an entry is what a takedown says of the data set's digests."""
    if not isinstance(change, dict) or not isinstance(change.get("withdrawn"), list):
        return False
    names = [change.get("from"), change.get("to"), *change["withdrawn"]]
    return all(isinstance(name, str) for name in names)


def open_dataset(folder: Path) -> Dataset:
    """Open a data set folder.

    Raises ``DatasetError`` if the folder is not a data set, has a newer format, lacks a file, or is
    damaged, as far as this can be seen without reading all of it.

    >>> from pathlib import Path
    >>> from flickr_emotion import open_dataset
    >>> dataset = open_dataset(Path("dataset"))
    >>> tables = list(dataset.tables("train", ["photo_id", "text", "label"], 1000))
    >>> sum(table.num_rows for table in tables) == dataset.counts["train"]["total"]
    True
    """
    folder = standing(folder)
    described = folder / DESCRIPTION
    content = _read_json(described, LARGEST_DESCRIPTION)
    version = content.get("version")
    if content.get("format") != FORMAT or type(version) is not int:
        raise DatasetError(
            f"{described} does not describe a data set: give the folder that `build-splits --out` "
            "wrote"
        )
    if version > FORMAT_VERSION:
        raise DatasetError(
            f"{folder} has data set format {version}, but this program reads only up to "
            f"{FORMAT_VERSION}: update the program"
        )
    try:
        dataset = Dataset(
            folder=folder,
            version=version,
            kind=kind_of(content),
            service=text_of(content, "service"),
            classes=class_names(content.get("classes")),
            counts=counts_by_split(content),
            digest=text_of(content, "digest"),
            options=object_of(content, "options"),
            image_size=image_size_of(content),
            described=content,
            files=files_of(content),
        )
        check_objects(content)
        check_collected(content)
        if DISTRIBUTIONS in content:
            count_of(content, DISTRIBUTIONS)
        if version >= _FIRST_WITH_DIGESTS and not {FILES, OWN_DIGEST} <= set(content):
            raise DamagedError("is damaged (its digests are missing)")
        check_own_digest(content)
    except DamagedError as error:
        raise DamagedDatasetError(f"{described} {error}") from None
    except ValueError as error:
        raise DamagedDatasetError(f"{described} is damaged ({error})") from None
    for split in SPLITS:
        _check_shards(dataset, split)
    return dataset


def _check_shards(dataset: Dataset, split: str) -> None:
    shards = dataset.shards(split)
    names = [path.name for path in shards]
    expected = [f"{split}-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    if not names or names != expected:
        raise DamagedDatasetError(f"{dataset.folder / 'data'} lacks a shard of {split}")
    posts = 0
    for shard in shards:
        dataset.check_shard(shard)
        try:
            metadata = read_footer(shard)
        except (OSError, pa.ArrowException) as error:
            raise DamagedDatasetError(f"{shard} cannot be read ({error})") from None
        if missing := sorted(
            set(dataset.schema.names) - set(metadata.schema.to_arrow_schema().names)
        ):
            raise DamagedDatasetError(f"{shard} lacks the column {missing[0]}")
        posts += metadata.num_rows
    if posts != dataset.counts.get(split, {}).get("total"):
        raise DamagedDatasetError(
            f"{dataset.folder / 'data'} holds {posts} posts of {split}, but dataset.json says "
            "another number"
        )


def _read_json(path: Path, largest: int) -> dict[str, Any]:
    try:
        return read_json(path, largest=largest)
    except NotADirectoryError:
        raise DatasetError(
            f"{path.parent} is a file: give the folder that `build-splits --out` wrote"
        ) from None
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is not there: give the folder that `build-splits --out` wrote"
            f"{left_aside(path.parent)}"
        ) from None
    except (OSError, ValueError) as error:
        raise DamagedDatasetError(f"{path} cannot be read ({error})") from None
