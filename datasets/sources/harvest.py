"""A harvest folder as a source of posts: every listed photo with its label and its post.

Each process reads its own ranges of the ledger's rows, so a list of a million photos is read on all
cores and is never in memory as a whole.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.labels import Label, NoLabel, label_by_sentiment, label_by_votes
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import check_rows, stored_tags
from flickr_emotion.harvest.ledger.folder import picture_size
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.outcomes import ASKED_AGAIN, quoted
from flickr_emotion.harvest.ledger.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path

_ROWS = """
SELECT photos.photo_id, api_outcome, image_outcome, title, description, tags, image_sha256, owner,
    license, server, farm, secret, file, row, emotion, agree, disagree, pair {fixed}
FROM photos CROSS JOIN listed USING (photo_id) {join}
WHERE photos.rowid >= ? AND photos.rowid < ? ORDER BY photos.rowid
"""
_FIXED = ", label, votes, sentiment, split, modalities"


@dataclass(frozen=True, kw_only=True)
class HarvestPosts:
    """The photos of a harvest (``datasets.sources.raw_posts.Source``)."""

    folder: Path
    kind: str
    min_votes: int
    """Agreeing votes that a label needs."""
    fixed: bool
    """Whether the harvest was made from a manifest, which fixes each photo's label and split."""

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the ledger's rows into ranges of ``size``."""
        with Ledger(self.folder / FILE_NAME) as ledger:
            last = ledger.query("SELECT ifnull(max(rowid), 0) AS n FROM photos")[0]["n"]
        return [(first, first + size) for first in range(1, last + 1, size)]

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the listed photos among the ledger's rows from ``first`` to before ``last``."""
        # The inode tells a harvest that was made anew under the same name.
        ledger, sentiments = _opened(self.folder, (self.folder / FILE_NAME).stat().st_ino)
        rows = ledger.query(
            _ROWS.format(
                fixed=_FIXED if self.fixed else "",
                join="JOIN manifest_posts USING (photo_id)" if self.fixed else "",
            ),
            (first, last),
        )
        return [
            self._photo(sorted(group, key=lambda row: (row["file"], row["row"])), sentiments)
            for _, group in groupby(rows, key=lambda row: row["photo_id"])
        ]

    def _photo(self, listed: list[sqlite3.Row], sentiments: Mapping[str, float]) -> dict[str, Any]:
        row, label = listed[0], self._label(listed, sentiments)
        outcome = "failed" if row["api_outcome"] == "pending" else row["api_outcome"]
        photo: dict[str, Any] = {
            "photo_id": row["photo_id"],
            "source": f"{row['file']}:{row['row']}",
            "pair": row["pair"],
            **{name: row[name] for name in ("server", "farm", "secret")},
        }
        # The label's reason comes first, because it depends on the list alone.
        if isinstance(label, NoLabel):
            return photo | {"reason": label.reason}
        photo |= {"label": label.name, "votes": label.votes, "sentiment": label.sentiment}
        if self.fixed:
            photo |= {"split": row["split"], "modalities": row["modalities"]}
        if outcome != "ok":
            return photo | {"reason": outcome}
        if row["image_outcome"] == "ok":
            photo |= {
                "image_path": str(image_path(self.folder / "images", row["photo_id"])),
                "image_sha256": row["image_sha256"],
            }
        return photo | {
            "title": row["title"],
            "description": row["description"],
            "tags": stored_tags(self.folder / FILE_NAME, row["photo_id"], row["tags"]),
            "owner": row["owner"],
            "license": row["license"],
        }

    def _label(self, listed: list[sqlite3.Row], sentiments: Mapping[str, float]) -> Label | NoLabel:
        row = listed[0]
        if self.fixed:
            return Label(name=row["label"], votes=row["votes"], sentiment=row["sentiment"])
        if self.kind == "votes":
            votes = ((row["emotion"], row["agree"], row["disagree"]) for row in listed)
            return label_by_votes(votes, min_votes=self.min_votes)
        return label_by_sentiment((row["pair"] for row in listed), sentiments)


@lru_cache(maxsize=1)
def _opened(folder: Path, file: int) -> tuple[Ledger, dict[str, float]]:
    """Open a ledger with the sentiments of its pairs, once in each process; ``file``: inode."""
    ledger = Ledger(folder / FILE_NAME)
    pairs = ledger.query("SELECT pair, sentiment FROM pairs")
    return ledger, {row["pair"]: row["sentiment"] for row in pairs}


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row of the list that names no photo."""

    source: str
    reason: str


class Harvest:
    """What ``build-splits`` must know about a harvest as a whole."""

    def __init__(self, folder: Path) -> None:
        """Open a harvest; raises ``HarvestError`` if it is none, ``DatasetError`` if empty."""
        self.folder = folder
        self._ledger = Ledger(folder / FILE_NAME)
        try:
            check_rows(self._ledger)
        except HarvestError:
            self._ledger.close()
            raise
        kind = self._ledger.meta("kind")
        if kind is None:
            self._ledger.close()
            raise DatasetError(f"{folder} holds no list yet: run `crawl LIST --out {folder}`")
        self.kind = kind
        """``votes`` or ``sentiment``."""
        self.service = self._ledger.meta("service")
        """``flickr``, or ``other`` where the posts came from elsewhere, such as the sandbox."""
        self.image_size = picture_size(self._ledger)
        """Size of its pictures (``harvest.flickr.photo_url.SIZES``); None without pictures."""
        self.manifest: dict[str, Any] | None = json.loads(self._ledger.meta("manifest") or "null")
        """The manifest's metadata, if the harvest was made from one."""

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def posts(self, *, min_votes: int) -> HarvestPosts:
        """Return the harvest's photos as a source."""
        return HarvestPosts(
            folder=self.folder,
            kind=self.kind,
            min_votes=min_votes,
            fixed=self.manifest is not None,
        )

    def lists_digest(self) -> str:
        """Return a SHA-256 of the names and contents of the list's files."""
        digest = hashlib.sha256()
        for row in self._ledger.query("SELECT name, digest FROM files ORDER BY name"):
            digest.update(f"{row['name']}\n{row['digest']}\n".encode())
        return digest.hexdigest()

    def listed(self) -> int:
        """Return the number of different photos that the list names."""
        return self._count("SELECT count(DISTINCT photo_id) AS n FROM listed")

    def unfinished(self) -> int:
        """Return the number of photos whose post or picture a further crawl may still bring."""
        return self._count(
            f"SELECT count(*) AS n FROM photos WHERE api_outcome IN ({quoted(ASKED_AGAIN)}) "
            f"OR (api_outcome = 'ok' AND image_outcome IN ({quoted(ASKED_AGAIN)}))"
        )

    def _count(self, query: str) -> int:
        return int(self._ledger.query(query)[0]["n"])

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Yield the rows that name no photo, in the order of files and rows."""
        for row in self._ledger.stream("SELECT file, row, reason FROM rejected ORDER BY file, row"):
            source = row["file"] if row["row"] is None else f"{row['file']}:{row['row']}"
            yield RejectedRow(source=source, reason=row["reason"])
