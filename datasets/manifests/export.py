"""``manifest export``: writes a small file that says which posts a data set holds.

It holds no content: its recipients fetch the posts from Flickr and build the same data set. The
rules of the format are in ``harvest.manifests.file``, which also checks the file written here.

A manifest is sorted by photo id and a data set is not. So rows are distributed to temporary files
by ranges of photo ids, one for each row group, and each is sorted in memory. Memory holds one row
group and eight bytes for each post.
"""

from binascii import unhexlify
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flickr_emotion.common.parquet_files import open_parquet, parquet_writer
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.manifests.digests import half_digests, tags_as_json
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.description import KEY, Description, version_with
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY, RowsDigest
from flickr_emotion.harvest.manifests.distribution_column import (
    DISTRIBUTION,
    as_struct,
    dictionary_paths,
)
from flickr_emotion.harvest.manifests.file import (
    DIGEST,
    TOMBSTONES_KEY,
    URL,
    digested,
    open_manifest,
    schema_of,
)
from flickr_emotion.harvest.manifests.rows import photo_numbers, picture_urls

_ROW_GROUP = 131_072
_ROWS_PER_BATCH = 16_384
_REFERENCES = "references.parquet"
_OF_SHARDS = ["photo_id", "text", "tags", "label", "votes", "sentiment", "modalities"]
_OF_REFERENCES = ["photo_id", "server", "farm", "secret", "pair", "image_sha256"]
# Columns with few different values are encoded with a dictionary.
_IN_DICTIONARIES = [
    *("server", "farm", "label", "votes", "sentiment", "pair", "split", "modalities"),
]
_AGAIN = "build the splits again"


def export_manifest(folder: Path, out: Path, *, with_urls: bool = False) -> int:
    """Write a data set's manifest; return the number of its posts.

    ``with_urls`` adds a column ``url`` with the pictures' URLs, for other tools. The tombstones of
    withdrawn posts go along. The same data set gives the same bytes. Raises
    ``DatasetError``, also if the posts were never on Flickr.

    >>> from pathlib import Path
    >>> from flickr_emotion import export_manifest
    >>> export_manifest(Path("dataset"), Path("manifest.parquet")) > 100
    True
    """
    check_outside(out)
    dataset = open_dataset(folder)
    if dataset.service == "own":
        raise DatasetError(
            f"{folder} holds posts that are not from Flickr, so nobody could fetch them with a "
            "manifest: share the data set itself"
        )
    folder = dataset.folder
    dataset.check_file(_REFERENCES)
    starts = _starts(folder)
    description = _described(dataset)
    rows_schema = schema_of(description)
    schema = rows_schema.append(URL) if with_urls else rows_schema
    try:
        with new_file(out) as new:
            parts = new.parent / "parts"
            parts.mkdir()
            spilled = _spill(dataset, rows_schema, starts, parts)
            digest = RowsDigest(rows_schema.names)
            with _writer(new, schema) as writer:
                for path in spilled:
                    rows = _part(path, schema)
                    digest.add(rows)
                    writer.write_table(rows, row_group_size=_ROW_GROUP)
                described = description.to_json()
                tombstones = dataset.tombstones.to_json() if dataset.tombstones else None
                covered = digested(described.encode(), tombstones.encode() if tombstones else None)
                metadata = {KEY: described, DIGEST_KEY: digest.of(covered)}
                if tombstones:
                    metadata[TOMBSTONES_KEY] = tombstones
                writer.add_key_value_metadata(metadata)
            open_manifest(new).check()
    except OSError as error:
        raise DatasetError(f"the manifest {out} cannot be written: {error}") from None
    except HarvestError as error:
        raise DatasetError(f"{folder} gives no valid manifest ({error}): {_AGAIN}") from None
    return sum(counts["total"] for counts in dataset.counts.values())


def _described(dataset: Dataset) -> Description:
    return Description(
        kind=dataset.kind,
        service=dataset.service,
        options=dataset.options,
        classes=dataset.classes,
        dataset_digest=dataset.digest,
        image_size=dataset.image_size,
        version=version_with(
            distributions=dataset.has_distributions, tombstones=bool(dataset.tombstones)
        ),
    )


def _starts(folder: Path) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """Return the first photo id of every part but the first; each part fills a row group."""
    parts, placed = [], False
    for batch in _references(folder, ["photo_id", "server", "secret"]):
        try:
            parts.append(photo_numbers(batch["photo_id"]))
        except (pa.ArrowException, ValueError):
            raise DatasetError(
                f"{folder / _REFERENCES} holds a photo id that is not one of Flickr's: {_AGAIN}"
            ) from None
        both = pc.and_(batch["server"].is_valid(), batch["secret"].is_valid())
        placed = placed or bool(pc.any(both).as_py())
    if not placed:
        raise DatasetError(
            f"{folder} has no photo reference for any post, so nobody could fetch them with a "
            "manifest: share the data set itself"
        )
    numbers = np.concatenate(parts)
    numbers.sort()
    return numbers[_ROW_GROUP::_ROW_GROUP]


def _references(folder: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    path = folder / _REFERENCES
    if not path.is_file():
        raise DatasetError(f"{path}, which holds the photo references, is not there: {_AGAIN}")
    yield from _parquet_batches(path, columns)


def _parquet_batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        with open_parquet(path) as file:
            if missing := sorted(set(columns) - set(file.schema_arrow.names)):
                raise DatasetError(f"{path} lacks the column {missing[0]}: {_AGAIN}")
            for batch in file.iter_batches(_ROWS_PER_BATCH, columns=columns):
                yield batch.select(columns)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {_AGAIN}") from None


def _spill(
    dataset: Dataset,
    schema: pa.Schema,
    starts: "np.ndarray[tuple[int], np.dtype[np.uint64]]",
    folder: Path,
) -> list[Path]:
    """Write the rows to one file for each part; return the files in the order of photo ids."""
    paths = [folder / f"{number}.arrow" for number in range(len(starts) + 1)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_stream(path, schema)) for path in paths]
        for batch in _rows(dataset, schema):
            part_of = np.searchsorted(starts, photo_numbers(batch["photo_id"]), side="right")
            order = np.argsort(part_of, kind="stable")
            bounds = np.searchsorted(part_of[order], np.arange(len(paths) + 1))
            batch = batch.take(pa.array(order))
            for number in np.flatnonzero(np.diff(bounds)):
                first = int(bounds[number])
                writers[number].write_batch(batch.slice(first, int(bounds[number + 1]) - first))
    return paths


def _rows(dataset: Dataset, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the posts in batches of ``schema``, in the order of the data set."""
    of_shards = [*_OF_SHARDS, *([DISTRIBUTION] if dataset.has_distributions else [])]
    references = _Rows(_references(dataset.folder, _OF_REFERENCES))
    for split in SPLITS:
        for shard in dataset.shards(split):
            checks, rows = dataset.group_checks(shard, of_shards), 0
            for posts in _parquet_batches(shard, of_shards):
                rows += posts.num_rows
                checks.up_to_row(rows)
                places = references.next(posts.num_rows)
                if not posts["photo_id"].equals(places["photo_id"]):
                    raise DatasetError(
                        f"{dataset.folder / _REFERENCES} does not match {shard}: {_AGAIN}"
                    )
                columns = {
                    **{name: posts[name] for name in _OF_SHARDS},
                    **{name: places[name] for name in _OF_REFERENCES},
                    "split": pa.array([split]).take(pa.array(np.zeros(len(posts), np.int8))),
                    "text_sha256": half_digests(posts["text"]),
                    "tags_sha256": half_digests(tags_as_json(posts["tags"])),
                    "image_sha256": _from_hexadecimal(places["image_sha256"]),
                }
                if dataset.has_distributions:
                    try:
                        shares = as_struct(posts[DISTRIBUTION], schema.field(DISTRIBUTION))
                    except ValueError as error:
                        raise DatasetError(f"{shard}: {error}: {_AGAIN}") from None
                    columns[DISTRIBUTION] = shares
                yield pa.record_batch([columns[name] for name in schema.names], schema=schema)
            checks.rest()
    if references.next(1).num_rows:
        raise DatasetError(
            f"{dataset.folder / _REFERENCES} names more posts than the shards hold: {_AGAIN}"
        )


class _Rows:
    """Reads the rows of a file in batches of the sizes that the caller asks for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._left: list[pa.RecordBatch] = []

    def next(self, count: int) -> pa.RecordBatch:
        """Return the next ``count`` rows; fewer at the end."""
        while sum(batch.num_rows for batch in self._left) < count:
            batch = next(self._batches, None)
            if batch is None:
                break
            self._left.append(batch)
        rows = pa.concat_batches(self._left) if self._left else pa.record_batch({"photo_id": []})
        self._left = [rows.slice(count)]
        return rows.slice(0, count)


def _from_hexadecimal(digests: pa.Array) -> pa.Array:
    present = digests.drop_null().to_pylist()
    try:
        raw = unhexlify("".join(present))
        if len(raw) != 32 * len(present) or any(len(digest) != 64 for digest in present):
            raise ValueError
    except ValueError:
        raise DatasetError(
            f"{_REFERENCES} holds an image_sha256 that is not a SHA-256 in hexadecimal: {_AGAIN}"
        ) from None
    halves = iter([raw[at : at + DIGEST.byte_width] for at in range(0, len(raw), 32)])
    return pa.array(
        [next(halves) if there else None for there in digests.is_valid().to_pylist()], DIGEST
    )


def _part(path: Path, schema: pa.Schema) -> pa.Table:
    with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
        rows = stream.read_all()
    order = np.argsort(photo_numbers(rows["photo_id"].combine_chunks()), kind="stable")
    rows = rows.take(pa.array(order)).combine_chunks()
    if URL.name in schema.names:
        rows = rows.append_column(URL, picture_urls(rows))
    return rows


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return parquet_writer(
        path,
        schema,
        # Digests are random bytes, which cannot be compressed.
        compression={field.name: "none" if field.type == DIGEST else "zstd" for field in schema},
        use_dictionary=[*_IN_DICTIONARIES, *dictionary_paths(schema)],
        write_statistics=["photo_id"],
        # Parquet's own schema is enough; Arrow's copy of it is not stored.
        store_schema=False,
    )
