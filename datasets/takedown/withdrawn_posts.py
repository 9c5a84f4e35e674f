"""Finds the posts of a data set that tombstones name, with all that must go with them.

Every photo id of the data set is compared by its digest, so that tombstones are enough, which hold
no id: those of a manifest, or of a takedown that was killed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.tombstones import POST, Tombstone, Tombstones, digest_of
from flickr_emotion.datasets.folder import excluded, references
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.judging.judging import owner_digest

Texts = Callable[[Collection[str]], Mapping[str, tuple[str, str]]]
"""Returns titles and descriptions of posts, as far as a harvest holds them, by photo id."""

_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class WithdrawnPost:
    """A post that is in a split."""

    split: str
    place: int
    """Its position in the split, from 0."""
    row: dict[str, Any]
    """Its values, without the picture."""
    picture: int | None
    """The number of pictures before it in its split; None for a post without one."""
    image_sha256: str | None = None


@dataclass(kw_only=True)
class WithdrawnPosts:
    """What tombstones name in a data set."""

    tombstones: Tombstones
    """Those given, and one for each post of a withdrawn owner."""
    posts: dict[str, WithdrawnPost] = field(default_factory=dict)
    """The posts in splits, by photo id."""
    excluded: dict[str, str] = field(default_factory=dict)
    """The reasons of excluded posts, by photo id."""
    shards: set[Path] = field(default_factory=set)
    """The shards that hold any of them."""

    @property
    def digests(self) -> dict[str, str]:
        """The digest of each post's tombstone, by photo id."""
        return {photo_id: digest_of(POST, photo_id) for photo_id in (*self.posts, *self.excluded)}

    def places(self, split: str, *, pictures: bool) -> list[int]:
        """Return the positions of the posts in a split, or among its pictures, in order."""
        of_split = [post for post in self.posts.values() if post.split == split]
        found = [post.picture if pictures else post.place for post in of_split]
        return sorted(place for place in found if place is not None)


def find_withdrawn(
    dataset: Dataset, tombstones: Tombstones, owners: Mapping[str, Tombstone]
) -> WithdrawnPosts:
    """Find the posts that tombstones name, or that are of ``owners`` (by NSID).

    A data set knows its owners by a salted digest only, which is made of the NSID.
    """
    found = WithdrawnPosts(tombstones=tombstones)
    seed = dataset.options.get("seed", 0)
    pseudonyms = {owner_digest(owner, seed): stone for owner, stone in owners.items()}
    stones = dict(tombstones.by_digest)
    for split in SPLITS:
        _find_in_split(dataset, split, found, stones, pseudonyms)
    found.tombstones = Tombstones(stones)
    _find_excluded(dataset, found)
    _find_references(dataset, found)
    return found


def _find_in_split(
    dataset: Dataset,
    split: str,
    found: WithdrawnPosts,
    stones: dict[str, Tombstone],
    pseudonyms: Mapping[str | None, Tombstone],
) -> None:
    """Find the posts of a split; a post of a withdrawn owner gets a tombstone in ``stones``."""
    place = pictures = 0
    for shard in dataset.shards(split):
        with open_parquet(shard) as file:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number, columns=["photo_id", "owner", "modalities"])
                hits: dict[int, tuple[int, int | None]] = {}
                columns = (column.to_pylist() for column in group.columns)
                for at, (photo_id, owner, subset) in enumerate(zip(*columns, strict=True)):
                    has_picture = "image" in subset
                    digest = digest_of(POST, photo_id)
                    of_owner = pseudonyms.get(owner) if pseudonyms and owner else None
                    if of_owner is not None and digest not in stones:
                        stones[digest] = of_owner.of_post(digest)
                    if digest in stones:
                        hits[at] = place, pictures if has_picture else None
                    place, pictures = place + 1, pictures + has_picture
                if hits:
                    found.shards.add(shard)
                    names = [name for name in dataset.schema.names if name != "image"]
                    rows = file.read_row_group(number, columns=names).take(list(hits)).to_pylist()
                    for row, (at, picture) in zip(rows, hits.values(), strict=True):
                        found.posts[row["photo_id"]] = WithdrawnPost(
                            split=split, place=at, row=row, picture=picture
                        )


def _find_excluded(dataset: Dataset, found: WithdrawnPosts) -> None:
    path = dataset.folder / excluded.FILE_NAME
    if not path.is_file():
        return
    known = found.tombstones.by_digest
    with open_parquet(path) as file:
        for batch in file.iter_batches(_ROWS, columns=["photo_id", "reason"]):
            rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            for photo_id, reason in rows:
                if photo_id is not None and digest_of(POST, photo_id) in known:
                    found.excluded[photo_id] = reason


def _find_references(dataset: Dataset, found: WithdrawnPosts) -> None:
    """Add the digests of the posts' pictures as they were fetched."""
    path = dataset.folder / references.FILE_NAME
    if not path.is_file() or not found.posts:
        return
    with open_parquet(path) as file:
        for batch in file.iter_batches(_ROWS, columns=["photo_id", "image_sha256"]):
            rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            for photo_id, sha256 in rows:
                if (post := found.posts.get(photo_id)) is not None:
                    found.posts[photo_id] = replace(post, image_sha256=sha256)
