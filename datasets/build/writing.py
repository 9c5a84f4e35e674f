"""The second pass of ``build-splits``: writes posts from the spool into the data set's files.

Posts are written in the order of their digests. So the first rows of a split are a random sample of
it, and the same posts give the same bytes whichever processes judged them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.parquet_files import parquet_writer
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.description.post_counts import split_counts
from flickr_emotion.datasets.folder import decisions, excluded
from flickr_emotion.datasets.folder.decisions import PreviousPictures
from flickr_emotion.datasets.folder.layout import JUDGED
from flickr_emotion.datasets.folder.references import references_in
from flickr_emotion.datasets.folder.row_groups import parquet_in_groups
from flickr_emotion.datasets.folder.shards import (
    DISTRIBUTION,
    no_pictures,
    picture_column,
    schema_of,
    shards_in,
)
from flickr_emotion.datasets.judging.judged_posts import judged_posts_in
from flickr_emotion.datasets.judging.judged_rows import fixed_bytes, rows_where
from flickr_emotion.datasets.rules.splits import NOWHERE, Places
from flickr_emotion.datasets.rules.vocabulary import VocabularyCounter
from flickr_emotion.datasets.rules.vote_distributions import distributions_in, with_distributions
from flickr_emotion.harvest.flickr.licenses import name_of

# Posts whose pictures are in memory at the same time, and the bytes of these pictures.
_POSTS_AT_ONCE = 1000
_BYTES_AT_ONCE = 32 * 2**20


@dataclass(kw_only=True)
class Written:
    """What was written: counts, digest and vocabulary."""

    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By split: ``total``, ``labels``, ``subsets``."""
    excluded: Counter[str] = field(default_factory=Counter)
    """Photos and rows that are not in the data set, by reason."""
    photos_excluded: int = 0
    distributions: int = 0
    """Posts with a distribution over the classes."""
    digest: str = ""
    vocabulary: VocabularyCounter = field(default_factory=VocabularyCounter)

    @property
    def posts(self) -> int:
        """The number of posts in all splits."""
        return sum(split["total"] for split in self.counts.values())


def write_posts(
    spool: Spool,
    places: Places,
    folder: Path,
    *,
    previous: PreviousPictures | None,
    rejected: Iterable[tuple[str, str]],
    short_side: int,
    classes: tuple[str, ...] = (),
    withdrawn: bool = False,
) -> Written:
    """Write shards, references, exclusions and decisions into ``folder``.

    ``places``: the split of each post that the spool does not exclude, in the spool's order.
    ``rejected``: source and reason of rows that name no photo. ``short_side`` goes into the digest.
    ``classes``: those of all splits, to write a distribution over; empty for a data set without.
    ``withdrawn``: whether there may be withdrawn posts, of which no id is written.
    """
    written = Written()
    labels = {split: Counter[str]() for split in SPLITS}
    subsets = {split: Counter[str]() for split in SPLITS}
    licenses = {split: Counter[str]() for split in SPLITS}
    digests = {split: hashlib.sha256() for split in SPLITS}
    schema = schema_of(distributions=bool(classes))
    at = 0
    with ExitStack() as opened:
        write_shard = {
            split: opened.enter_context(shards_in(folder / "data", split, schema))
            for split in SPLITS
        }
        write_references = opened.enter_context(references_in(folder))
        write_excluded = opened.enter_context(
            parquet_in_groups(folder / excluded.FILE_NAME, excluded.SCHEMA, excluded.ROW_GROUP)
        )
        write_judged = opened.enter_context(judged_posts_in(folder / JUDGED))
        kept_decisions = opened.enter_context(
            parquet_writer(folder / decisions.FILE_NAME, decisions.SCHEMA)
        )
        beside = opened.enter_context(ThreadPoolExecutor(1))
        for table in spool.tables():
            is_kept = table.column("reason").is_null().to_numpy()
            kept = rows_where(table, is_kept)
            here = places[at : at + kept.num_rows]
            at += kept.num_rows
            judged = beside.submit(write_judged, table, here)
            if classes:
                kept = _with_distributions(kept, classes)
            named = table.select(excluded.SCHEMA.names)
            left = rows_where(kept.select(excluded.SCHEMA.names), here == NOWHERE)
            reasons = pa.array([excluded.GROUP] * left.num_rows, pa.string())
            left = left.set_column(left.schema.get_field_index("reason"), "reason", reasons)
            for gone in (rows_where(named, ~is_kept), left):
                write_excluded(excluded.without_withdrawn(gone) if withdrawn else gone)
                written.excluded.update(_counts(gone, "reason"))
                written.photos_excluded += gone.num_rows
            kept_decisions.write_table(_decisions(table, kept, here != NOWHERE))
            for where, posts in _with_pictures(kept, here, spool, previous, schema):
                for number, split in enumerate(SPLITS):
                    write_shard[split](rows_where(posts, where == number))
            counted = kept.drop_columns(_NOT_COUNTED)
            for number, split in enumerate(SPLITS):
                chosen = rows_where(counted, here == number)
                write_references(split, chosen)
                labels[split].update(_counts(chosen, "label"))
                subsets[split].update(_counts(chosen, "modalities"))
                for license, count in _counts(chosen, "license").items():
                    licenses[split][name_of(license)] += count
                if classes:
                    written.distributions += len(chosen.column(DISTRIBUTION).drop_null())
                digests[split].update(fixed_bytes(chosen.column("fingerprint"), 32).tobytes())
                if split == TRAIN:
                    found = rows_where(kept.select(["words", "tags"]), here == number)
                    written.vocabulary.add(found.column("words"), found.column("tags"))
            judged.result()
        rows = pa.Table.from_pylist(
            [{"photo_id": None, "source": source, "reason": reason} for source, reason in rejected],
            schema=excluded.SCHEMA,
        )
        write_excluded(rows)
        written.excluded.update(rows.column("reason").to_pylist())
    for split in SPLITS:
        written.counts[split] = split_counts(labels[split], subsets[split], licenses[split])
    written.digest = digest_of_splits(digests, short_side)
    return written


def _counts(posts: pa.Table, column: str) -> dict[Any, int]:
    counted = pc.value_counts(posts.column(column))
    values, counts = (counted.field(name).to_pylist() for name in ("values", "counts"))
    return dict(zip(values, counts, strict=True))


def digest_of_splits(digests: Mapping[str, Any], short_side: Any) -> str:
    """Return the digest of a data set's posts from the SHA-256 of each split's fingerprints.

    ``short_side``: that of the data set's pictures.
    """
    digest = hashlib.sha256(f"short side {short_side}".encode())
    for split in SPLITS:
        digest.update(split.encode() + digests[split].digest())
    return digest.hexdigest()


def _with_distributions(posts: pa.Table, classes: tuple[str, ...]) -> pa.Table:
    """Add each post's distribution over the classes, which its digest covers then."""
    different, which = distributions_in(posts.column("ballots").combine_chunks(), classes)
    shares = pa.array(different, pa.list_(pa.float64())).take(pa.array(which))
    digests = with_distributions(posts.column("fingerprint").to_pylist(), different, which)
    at = posts.schema.get_field_index("fingerprint")
    posts = posts.set_column(at, posts.schema.field(at), pa.array(digests, pa.binary(32)))
    return posts.append_column(DISTRIBUTION, shares)


def _with_pictures(
    posts: pa.Table,
    places: Places,
    spool: Spool,
    previous: PreviousPictures | None,
    schema: pa.Schema,
) -> Iterator[tuple[Places, pa.Table]]:
    """Yield posts with their pictures in ``schema``, a few at a time with their places.

    Posts in no split get no picture.
    """
    if not _any_picture(posts):
        image = no_pictures(posts.num_rows)
        yield places, pa.table(_shown(posts, image, schema), schema=schema)
        return
    held: list[bytes | None] = []
    first = size = 0
    columns = [posts.column(name).to_pylist() for name in _PICTURE_COLUMNS]
    for number, (place, known, offset, length) in enumerate(zip(*columns, strict=True), 1):
        picture = None
        if places[number - 1] == NOWHERE:
            pass
        elif known:
            assert previous is not None
            picture = previous.take(place)
        elif offset is not None:
            picture = spool.picture(offset, length)
        held.append(picture)
        size += len(picture or b"")
        if len(held) == _POSTS_AT_ONCE or size >= _BYTES_AT_ONCE or number == posts.num_rows:
            some = posts.slice(first, len(held))
            image = picture_column(some.column("photo_id").to_pylist(), iter(held))
            held, size = [], 0
            yield places[first:number], pa.table(_shown(some, image, schema), schema=schema)
            first = number


def _any_picture(posts: pa.Table) -> bool:
    offsets = posts.column("image_offset")
    known = pc.any(posts.column("image_known")).as_py()
    return bool(known) or offsets.null_count < len(offsets)


def _shown(posts: pa.Table, image: pa.Array, schema: pa.Schema) -> list[Any]:
    """Return the columns of ``schema``; ``image`` is the one of pictures."""
    return [image if name == "image" else posts.column(name) for name in schema.names]


_NOT_COUNTED = ["input", "place", "text", "words", "tags", "text_signature", "ballots"]
"""The large columns of which nothing is counted by split."""
_PICTURE_COLUMNS = ("place", "image_known", "image_offset", "image_size")


def _decisions(posts: pa.Table, kept: pa.Table, in_splits: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the decisions on all texts, and on the pictures of ``kept`` that are in the shards."""
    texts = posts.select(["language_key", "language"])
    texts = rows_where(texts, texts.column("language_key").is_valid().to_numpy())
    pictures = kept.select(["picture_key", "picture_hash", "picture_is_plain"])
    has_key = pictures.column("picture_key").is_valid().to_numpy()
    pictures = rows_where(pictures, has_key & in_splits)
    nothing = pa.nulls(texts.num_rows, pa.uint64()), pa.nulls(texts.num_rows, pa.bool_())
    no_texts = pa.nulls(pictures.num_rows, pa.string())
    key, *of_pictures = pictures.columns
    return pa.concat_tables(
        [
            pa.table([*texts.columns, *nothing], schema=decisions.SCHEMA),
            pa.table([key, no_texts, *of_pictures], schema=decisions.SCHEMA),
        ]
    )
