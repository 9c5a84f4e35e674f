"""The digest of a data set's posts, computed again from its files without the withdrawn ones.

It is the one that a build of the other posts would write, so a collaborator who builds from the
newer manifest gets the same. Where it cannot be computed (a reduced data set, or one of an earlier
version), a digest of the older digest and of the withdrawn posts takes its place.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build.judging import FINGERPRINTED, fingerprint
from flickr_emotion.datasets.build.writing import digest_of_splits
from flickr_emotion.datasets.folder import decisions, references
from flickr_emotion.datasets.folder.decisions import picture_key, read_decisions
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.folder.shards import DISTRIBUTION
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
    sha256s = _picture_digests(dataset)
    for split in SPLITS:
        for table in dataset.tables(split, _columns(dataset), _ROWS):
            for photo_id, found in _fingerprints(dataset, table, sha256s):
                with_all[split].update(found)
                if photo_id not in photo_ids:
                    without[split].update(found)
    salt = f"short side {dataset.options.get('short_side')}"
    return digest_of_splits(with_all, salt), digest_of_splits(without, salt)


def _columns(dataset: Dataset) -> list[str]:
    known = [name for name in FINGERPRINTED if name != "image_sha256"]
    return known + ([DISTRIBUTION] if dataset.has_distributions else [])


def _picture_digests(dataset: Dataset) -> Iterator[str | None]:
    """Yield the digest of each post's picture as it was fetched, in the order of the shards."""
    with open_parquet(dataset.folder / references.FILE_NAME) as file:
        for batch in file.iter_batches(_ROWS, columns=["image_sha256"]):
            yield from batch.column(0).to_pylist()


def _fingerprints(
    dataset: Dataset, table: pa.Table, sha256s: Iterator[str | None]
) -> Iterator[tuple[str, bytes]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    short_side = dataset.options.get("short_side", 0)
    keys = []
    for row in rows:
        row["image_sha256"] = next(sha256s, None)
        if row["image_sha256"]:
            keys.append(picture_key(row["photo_id"], row["image_sha256"], short_side))
    known = read_decisions(dataset.folder / decisions.FILE_NAME)
    plain = iter(
        None if at is None else known.plain_pictures[at].as_py() for at in known.find(keys)
    )
    for row in rows:
        if row["image_sha256"]:
            row["picture_is_plain"] = next(plain)
        found = fingerprint(row)
        if dataset.has_distributions:
            found = with_distribution(found, row[DISTRIBUTION])
        yield row["photo_id"], found
