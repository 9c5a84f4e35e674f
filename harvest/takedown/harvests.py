"""What harvests know of withdrawn posts before these are removed: ids of an owner's, and texts."""

import re
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

from flickr_emotion.common.takedown.tombstones import Tombstones
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import check_ledger
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.dataset_rows import held_posts
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import photos_named

_OURS = re.compile(r"ledger\.sqlite(-wal|-shm|-journal)?|\.crawl\.lock|images/.+")
_SOME = 500  # photo ids per query


def is_of_harvest(name: str) -> bool:
    """Return whether a file of this path within a harvest folder is one that a crawl writes."""
    return _OURS.fullmatch(name) is not None


class HarvestTexts:
    """The harvests of one takedown."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """``folders``: harvest folders; they are only read."""
        self._folders = folders
        self.photo_ids: set[str] = set()
        """The withdrawn photos that any of them holds, after ``named``."""

    def named(self, tombstones: Tombstones) -> Tombstones:
        """Return a tombstone for each photo that is withdrawn, those of owners too."""
        found = Tombstones()
        for folder in self._folders:
            try:
                with Ledger(folder / FILE_NAME) as ledger:
                    check_ledger(ledger)
                    named = photos_named(ledger, tombstones)
            except sqlite3.Error as error:
                raise HarvestError(f"{folder / FILE_NAME} cannot be read ({error})") from None
            self.photo_ids |= set(named)
            found = found | Tombstones.of(named.values())
        return found

    def texts(self, photo_ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """Return title and description of photos, as far as a harvest holds their posts."""
        found: dict[str, tuple[str, str]] = {}
        wanted = sorted(photo_ids)
        for folder in self._folders:
            with Ledger(folder / FILE_NAME) as ledger:
                for start in range(0, len(wanted), _SOME):
                    for post in held_posts(ledger, wanted[start : start + _SOME]):
                        if post.title is not None or post.description is not None:
                            found[post.photo_id] = (post.title or "", post.description or "")
        return found
