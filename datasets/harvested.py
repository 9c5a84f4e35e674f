"""A harvest folder as ``build-splits`` reads it: every listed photo with its label and its post."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from datasets.errors import DatasetError
from datasets.labels import Label, NoLabel, label_by_sentiment, label_by_votes
from harvest.images import image_path
from harvest.ledger import Ledger
from harvest.ledger_file import FILE_NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class HarvestedPhoto:
    """A listed photo: its label, and its post as far as Flickr still has it."""

    photo_id: str
    source: str
    """File and row of the list that name it first."""
    label: Label | NoLabel
    outcome: str
    """``ok``, ``gone``, ``private`` or ``failed``: what became of its post."""
    title: str
    description: str
    tags: tuple[str, ...]
    picture: Path | None
    picture_sha256: str | None
    owner: str | None
    license: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row of the list that names no photo."""

    source: str
    reason: str


class Harvest:
    """A harvest folder opened for reading."""

    def __init__(self, folder: Path) -> None:
        """Open it; raises ``HarvestError`` where it is none, ``DatasetError`` where it is empty."""
        self.folder = folder
        self._ledger = Ledger(folder / FILE_NAME)
        kind = self._ledger.meta("kind")
        if kind is None:
            self._ledger.close()
            raise DatasetError(f"{folder} holds no list yet: run `crawl LIST --out {folder}`")
        self.kind = kind
        """``votes`` or ``sentiment``."""
        self.service = self._ledger.meta("service")
        """``flickr``, or ``other`` where the posts came from elsewhere, such as the sandbox."""

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def lists_digest(self) -> str:
        """Return a SHA-256 of the names and contents of the list's files."""
        digest = hashlib.sha256()
        for row in self._ledger.query("SELECT name, digest FROM files ORDER BY name"):
            digest.update(f"{row['name']}\n{row['digest']}\n".encode())
        return digest.hexdigest()

    def unfinished(self) -> int:
        """Return the number of photos whose post or picture a further crawl may still bring."""
        rows = self._ledger.query(
            "SELECT count(*) AS n FROM photos WHERE api_outcome IN ('pending', 'failed') "
            "OR (api_outcome = 'ok' AND image_outcome IN ('pending', 'failed'))"
        )
        return int(rows[0]["n"])

    def rejected_rows(self) -> list[RejectedRow]:
        """Return the rows that name no photo, in the order of files and rows."""
        rows = self._ledger.query("SELECT file, row, reason FROM rejected ORDER BY file, row")
        return [
            RejectedRow(
                source=row["file"] if row["row"] is None else f"{row['file']}:{row['row']}",
                reason=row["reason"],
            )
            for row in rows
        ]

    def photos(self, *, min_votes: int) -> Iterator[HarvestedPhoto]:
        """Yield every listed photo, in the order of photo ids."""
        sentiments = {
            row["pair"]: row["sentiment"] for row in self._ledger.query("SELECT * FROM pairs")
        }
        # A connection of its own: this one stays in use between the photos it yields.
        with Ledger(self._ledger.path) as ledger:
            rows = ledger.stream(
                "SELECT * FROM listed JOIN photos USING (photo_id) ORDER BY photo_id, file, row"
            )
            for _, group in groupby(rows, key=lambda row: row["photo_id"]):
                listed = list(group)
                if self.kind == "votes":
                    label = label_by_votes(
                        ((row["emotion"], row["agree"], row["disagree"]) for row in listed),
                        min_votes=min_votes,
                    )
                else:
                    label = label_by_sentiment((row["pair"] for row in listed), sentiments)
                yield self._photo(listed[0], label)

    def _photo(self, row: Any, label: Label | NoLabel) -> HarvestedPhoto:
        photo_id, outcome = row["photo_id"], row["api_outcome"]
        has_picture = row["image_outcome"] == "ok"
        return HarvestedPhoto(
            photo_id=photo_id,
            source=f"{row['file']}:{row['row']}",
            label=label,
            outcome="failed" if outcome == "pending" else outcome,
            title=row["title"] or "",
            description=row["description"] or "",
            tags=tuple(json.loads(row["tags"] or "[]")),
            picture=image_path(self.folder / "images", photo_id) if has_picture else None,
            picture_sha256=row["image_sha256"],
            owner=row["owner"],
            license=row["license"],
        )
