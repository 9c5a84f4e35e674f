"""Posts between the pass that judges them and the pass that writes them, on disk and not in memory.

A split can only be drawn once every post is known; by then a million pictures do not fit in memory.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.splits import LabelledPost, order_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A post of the data set, as its shard will hold it."""

    photo_id: str
    image: bytes | None
    text: str | None
    tags: tuple[str, ...]
    label: str
    votes: int | None
    sentiment: float | None
    owner: str | None
    """A salted digest of the owner's NSID."""
    license: str | None
    modalities: str
    """The subset of modalities that the post has."""

    def fingerprint(self) -> bytes:
        """Return a digest of everything the post holds."""
        image = hashlib.sha256(self.image).hexdigest() if self.image else None
        content = (
            *(self.photo_id, image, self.text, self.tags, self.label, self.votes, self.sentiment),
            *(self.owner, self.license, self.modalities),
        )
        return hashlib.sha256(json.dumps(content).encode()).digest()


class Spool:
    """Takes posts in any order and gives them back by split, in the order of their digests."""

    def __init__(self, path: Path) -> None:
        """Keep the posts in a new file at ``path``, which its caller removes."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        # Nothing of this file outlives the build: no journal is needed.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE posts (photo_id TEXT PRIMARY KEY, text TEXT, tags TEXT, label TEXT, "
            "votes INTEGER, sentiment REAL, owner TEXT, license TEXT, modalities TEXT, image BLOB)"
        )
        self._connection.execute(
            "CREATE TABLE places (split TEXT, place BLOB, photo_id TEXT, "
            "PRIMARY KEY (split, place)) WITHOUT ROWID"
        )
        self._connection.execute("BEGIN")

    def add(self, post: Post) -> None:
        """Take a post."""
        self._connection.execute(
            "INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(post.photo_id, post.text, json.dumps(post.tags), post.label, post.votes),
                *(post.sentiment, post.owner, post.license, post.modalities, post.image),
            ),
        )

    def labelled(self) -> Iterator[LabelledPost]:
        """Yield of every post what the split rule looks at."""
        for row in self._connection.execute("SELECT photo_id, label, votes, modalities FROM posts"):
            yield LabelledPost(photo_id=row[0], label=row[1], votes=row[2], subset=row[3])

    def assign(self, split_of: Mapping[str, str], *, seed: int) -> None:
        """Give every post its split."""
        self._connection.executemany(
            "INSERT INTO places VALUES (?, ?, ?)",
            ((split, order_key(seed, photo_id), photo_id) for photo_id, split in split_of.items()),
        )

    def posts(self, split: str) -> Iterator[Post]:
        """Yield the posts of a split."""
        rows = self._connection.execute(
            "SELECT photo_id, text, tags, label, votes, sentiment, owner, license, modalities, "
            "image FROM places JOIN posts USING (photo_id) WHERE split = ? ORDER BY place",
            (split,),
        )
        for photo_id, text, tags, label, votes, sentiment, owner, licence, subset, image in rows:
            yield Post(
                photo_id=photo_id,
                image=image,
                text=text,
                tags=tuple(json.loads(tags)),
                label=label,
                votes=votes,
                sentiment=sentiment,
                owner=owner,
                license=licence,
                modalities=subset,
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
