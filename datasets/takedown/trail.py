"""How a data set has changed by takedowns, by which a run is known that learned from its posts.

A run records the digest of its data set. ``tombstones.json`` of the data set holds the digest
before and after each takedown, so all that was withdrawn after the run's training is known, also
when the run is given in a later call.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flickr_emotion.common.takedown.tombstones import Tombstone
from flickr_emotion.datasets.folder.reading import open_dataset, read_withdrawn


@dataclass(frozen=True, kw_only=True)
class Trail:
    """The takedowns of a data set, in order."""

    digest: str
    """The data set's digest now."""
    changes: tuple[dict[str, Any], ...]
    """Of each takedown the digests before (``from``) and after (``to``), and what it took
    (``withdrawn``, digests of tombstones)."""
    tombstones: dict[str, Tombstone]
    words: frozenset[str]
    """All words of the training posts that are left."""
    tags: frozenset[str]

    def withdrawn_since(self, digest: str) -> list[Tombstone]:
        """Return the tombstones of the posts that a data set with this digest held."""
        befores = [it["from"] for it in self.changes]
        if digest not in befores:
            return []
        since = self.changes[befores.index(digest) :]
        names = sorted({name for change in since for name in change["withdrawn"]})
        return [self.tombstones[name] for name in names if name in self.tombstones]

    def knows(self, digest: str) -> bool:
        """Return whether the data set has, or had, this digest."""
        return digest == self.digest or any(digest == it["from"] for it in self.changes)

    @property
    def is_direct(self) -> bool:
        """Whether nothing but takedowns has changed the data set since the first of them."""
        ends = [it["to"] for it in self.changes]
        begins = [it["from"] for it in self.changes]
        return bool(ends) and ends[-1] == self.digest and begins[1:] == ends[:-1]


def read_trail(folder: Path) -> Trail:
    """Return the takedowns of a data set; raises ``DatasetError`` if it cannot be read."""
    dataset = open_dataset(folder)
    tombstones, record = read_withdrawn(dataset.folder)
    vocabulary = dataset.vocabulary()
    return Trail(
        digest=dataset.digest,
        changes=tuple(record.get("changes", [])),
        tombstones=dict(tombstones.by_digest),
        words=frozenset(vocabulary.words),
        tags=frozenset(vocabulary.tags),
    )
