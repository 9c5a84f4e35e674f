"""The corrections that readers of the page make: kept beside the data set, a row for each post.

The table on disk is what counts: it is read again before each change, so that rows which another
program has added meanwhile stay. It is written under another name and renamed.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path

from flickr_emotion.datasets.corrections.table import (
    Correction,
    read_corrections,
    write_corrections,
)
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.description_values import TIME


class CorrectedPosts:
    """A table of corrections; can be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Read the table, if there is one; raises ``DatasetError``."""
        self.path = path
        self._lock = threading.Lock()
        self._by_id = self._read()

    def _read(self) -> dict[str, Correction]:
        return read_corrections(self.path) if self.path.exists() else {}

    def photo_ids(self) -> list[str]:
        """Return the ids of all corrected posts."""
        return list(self._by_id)

    def of(self, photo_id: str) -> Correction | None:
        """Return the correction of a post."""
        return self._by_id.get(photo_id)

    def mark(self, *, photo_id: str, what: str, was: str, label: str = "", why: str = "") -> None:
        """Write down what is wrong with a post, in place of what was written before.

        Raises ``DatasetError`` if it makes no sense or cannot be written.
        """
        when = datetime.now(UTC).strftime(TIME)
        try:
            one = Correction(photo_id=photo_id, what=what, was=was, label=label, why=why, when=when)
        except ValueError as error:
            raise DatasetError(f"photo {photo_id} is not corrected: {error}") from None
        self._change(photo_id, one)

    def unmark(self, photo_id: str) -> None:
        """Take back what was written of a post; raises ``DatasetError``."""
        self._change(photo_id, None)

    def _change(self, photo_id: str, one: Correction | None) -> None:
        with self._lock:
            there = self._read()
            there.pop(photo_id, None)
            if one is not None:
                there[photo_id] = one
            try:
                write_corrections(there, self.path)
            except OSError as error:
                raise DatasetError(f"{self.path} cannot be written ({error})") from None
            self._by_id = there
