"""The digest of a data set's posts, computed again from its files without the withdrawn ones.

It is the one that a build of the other posts would write, so a collaborator who builds from the
newer manifest gets the same. Where it cannot be computed (a reduced data set, or one of an earlier
version), a digest of the older digest and of the withdrawn posts takes its place.
"""

import hashlib
import json
from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build.writing import digest_of_splits
from flickr_emotion.datasets.folder import decisions, references
from flickr_emotion.datasets.folder.decisions import picture_key
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.folder.shards import DISTRIBUTION
from flickr_emotion.datasets.judging.judged_rows import FINGERPRINTED, fingerprint
from flickr_emotion.datasets.rules.vote_distributions import with_distribution

_ROWS = 8192


def digest_without(dataset: Dataset, photo_ids: Collection[str]) -> str:
    """Return the digest of a data set without some of its posts."""
    before, after = _digests(dataset, photo_ids)
    if before == dataset.digest:
        return after
    gone = sorted(hashlib.sha256(photo_id.encode()).hexdigest() for photo_id in photo_ids)
    return hashlib.sha256(json.dumps([dataset.digest, gone]).encode()).hexdigest()


def _digests(dataset: Dataset, photo_ids: Collection[str]) -> tuple[str, str]:
    """Return the digest with all posts, and without some."""
    with_all = {split: hashlib.sha256() for split in SPLITS}
    without = {split: hashlib.sha256() for split in SPLITS}
    if not (dataset.folder / references.FILE_NAME).is_file():
        return "", ""
    sha256s, altered = _picture_digests(dataset), _altered_pictures(dataset)
    for split in SPLITS:
        for table in dataset.tables(split, _columns(dataset), _ROWS):
            for photo_id, found in _fingerprints(dataset, table, sha256s, altered):
                with_all[split].update(found)
                if photo_id not in photo_ids:
                    without[split].update(found)
    short_side = dataset.options.get("short_side")
    return digest_of_splits(with_all, short_side), digest_of_splits(without, short_side)


def _columns(dataset: Dataset) -> list[str]:
    known = [name for name in FINGERPRINTED if name != "image_sha256"]
    return known + ([DISTRIBUTION] if dataset.has_distributions else [])


def _picture_digests(dataset: Dataset) -> Iterator[str | None]:
    """Yield the digest of each post's picture as it was fetched, in the order of the shards."""
    with open_parquet(dataset.folder / references.FILE_NAME) as file:
        for batch in file.iter_batches(_ROWS, columns=["image_sha256"]):
            yield from batch.column(0).to_pylist()


def _altered_pictures(dataset: Dataset) -> set[bytes]:
    """Return the decisions on pictures whose pixels a rule has decided, of which few there are."""
    found: set[bytes] = set()
    if (dataset.folder / decisions.FILE_NAME).is_file():
        with open_parquet(dataset.folder / decisions.FILE_NAME) as file:
            for batch in file.iter_batches(_ROWS, columns=["digest", "picture_is_plain"]):
                altered = pc.equal(batch["picture_is_plain"], False)
                found.update(batch["digest"].filter(altered).to_pylist())
    return found


def _fingerprints(
    dataset: Dataset, table: pa.Table, sha256s: Iterator[str | None], altered: set[bytes]
) -> Iterator[tuple[str, bytes]]:
    short_side = dataset.options.get("short_side", 0)
    for row in table.to_pylist():
        sha256 = row["image_sha256"] = next(sha256s, None)
        if altered and sha256:
            key = picture_key(row["photo_id"], sha256, short_side)
            row["picture_is_plain"] = key not in altered
        found = fingerprint(row)
        if dataset.has_distributions:
            found = with_distribution(found, row[DISTRIBUTION])
        yield row["photo_id"], found
