"""A harvest folder as the input of a build: what must be known about it as a whole."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.datasets.folder.description_values import TIME
from flickr_emotion.datasets.sources.harvest_posts import HarvestPosts
from flickr_emotion.datasets.sources.list_labels import ListLabels
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import (
    check_ledger,
    check_rows,
)
from flickr_emotion.harvest.ledger.facts import list_kind, manifest_description, service_of_posts
from flickr_emotion.harvest.ledger.folder import picture_size
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import subjects
from flickr_emotion.harvest.ledger.rows.counts import call_count, unfinished_photos, work_times
from flickr_emotion.harvest.ledger.rows.dataset_rows import has_pictures
from flickr_emotion.harvest.ledger.rows.lists import (
    RejectedRow,
    list_files,
    listed_photo_ids,
    listed_photos,
    rejected_rows,
)
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import tombstones_in

_LAST_TIME = 253_402_300_799
"""The last second of the year 9999, the latest that a date can be; ledgers come from others."""


def _file_digest(path: Path) -> str:
    """Return a digest of a ledger's file and of its write-ahead log, if it has one."""
    digest = hashlib.sha256()
    for part in (path, path.with_name(f"{path.name}-wal")):
        if part.is_file():
            with open_plain(part) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class Harvest:
    """What ``build-splits`` must know about a harvest as a whole."""

    def __init__(
        self, folder: Path, checked: str | None = None, *, posts_later: bool = False
    ) -> None:
        """Open a harvest; raises ``HarvestError`` if it is none, ``DatasetError`` if empty.

        ``checked``: the ``digest`` of the ledger whose rows were checked before, if any; where it
        is another one now, they are checked here. With ``posts_later`` those of posts are not:
        whoever reads them calls ``check_rows`` before, or reads them by ``read_changed``.
        """
        self.folder = folder
        self._ledger = Ledger(folder / FILE_NAME)
        self.digest = _file_digest(folder / FILE_NAME)
        """A digest of the ledger's file: where it is the same, so is every row."""
        try:
            check_ledger(self._ledger)
            if self.digest != checked:
                check_rows(self._ledger, posts=not posts_later)
        except HarvestError:
            self._ledger.close()
            raise
        kind = list_kind(self._ledger)
        if kind is None:
            self._ledger.close()
            raise DatasetError(f"{folder} holds no list yet: run `crawl LIST --out {folder}`")
        self.kind = kind
        """``votes``, ``sentiment`` or ``labels``."""
        self.service = service_of_posts(self._ledger)
        """``flickr``, or ``other`` where the posts came from elsewhere, such as the sandbox."""
        self.tombstones = tombstones_in(self._ledger)
        """Those of the posts that were withdrawn from the harvest."""
        self.image_size = picture_size(self._ledger)
        """Size of its pictures (``harvest.flickr.photo_url.SIZES``); None without pictures."""
        self.manifest: dict[str, Any] | None = json.loads(
            manifest_description(self._ledger) or "null"
        )
        """The manifest's metadata, if the harvest was made from one."""

    def check_rows(self) -> None:
        """Check every row before it is used; raises ``HarvestError``."""
        check_rows(self._ledger)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def posts(self, *, min_votes: int, labels: ListLabels | None = None) -> HarvestPosts:
        """Return the harvest's photos as a source, with the labels of a file if it is given.

        Raises ``DatasetError`` if there is no label, or more different ones than a data set may
        have.
        """
        if self.kind == "labels" and labels is None and self.manifest is None:
            self._check_labels()
        return HarvestPosts(
            folder=self.folder,
            kind=self.kind if labels is None else "labels",
            min_votes=min_votes,
            fixed=self.manifest is not None,
            labels=labels,
            classes=tuple(self.manifest["classes"]) if self.manifest else (),
        )

    def _check_labels(self) -> None:
        several = len(subjects(self._ledger))
        if not several:
            raise DatasetError(
                f"{self.folder} has no labels, because its list has none: give a file with a label "
                "of each photo, --labels FILE"
            )
        if several > MOST_CLASSES:
            raise DatasetError(
                f"{self.folder} has {several} different labels, and a data set at most "
                f"{MOST_CLASSES}: give coarser ones, --labels FILE"
            )

    def photo_ids(self) -> Iterator[str]:
        """Yield the ids of the photos that the list names."""
        return listed_photo_ids(self._ledger)

    def lists_digest(self, labels: ListLabels | None = None) -> str:
        """Return a SHA-256 of the names and contents of the list's files, and of the labels."""
        digest = hashlib.sha256()
        for file in list_files(self._ledger):
            digest.update(f"{file.name}\n{file.digest}\n".encode())
        if labels is not None:
            digest.update(f"labels\n{labels.digest}\n".encode())
        return digest.hexdigest()

    def listed(self) -> int:
        """Return the number of different photos that the list names."""
        return listed_photos(self._ledger)

    def has_pictures(self) -> bool:
        """Return whether any photo has a picture."""
        return has_pictures(self._ledger)

    def unfinished(self) -> int:
        """Return the number of photos whose post or picture a further crawl may still bring."""
        return unfinished_photos(self._ledger)

    def collected(self) -> dict[str, Any] | None:
        """Return when the first and the last call was made, and their number; None without any."""
        times = work_times(self._ledger)
        if times is None:
            return None
        first, last = (datetime.fromtimestamp(min(max(at, 0), _LAST_TIME), UTC) for at in times)
        return {
            "first": first.strftime(TIME),
            "last": last.strftime(TIME),
            "calls": call_count(self._ledger),
        }

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Yield the rows that name no photo, in the order of files and rows."""
        return rejected_rows(self._ledger)
