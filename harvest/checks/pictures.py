"""Whether the pictures that the ledger records are on disk, after a crawl that did not end well.

A commit of the ledger waits for the disk, a picture's file does not. So a power failure may leave
an empty or a short file, or none, where the ledger says ``ok``. Instead the disk is waited for
once, when a crawl ends; and after one that did not come so far, the next compares every recorded
size with its file's, and asks for what differs again.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.schema import NO_PICTURE
from flickr_emotion.harvest.pictures.files import image_path

_META_KEY = "pictures"
_ON_DISK, _AT_WORK = "on disk", "at work"


@contextmanager
def pictures_on_disk(ledger: Ledger, folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Surround a crawl whose pictures go below ``folder``; checks them if the last ended badly.

    Whatever ends the crawl by an exception leaves it to the next to look. Raises ``OSError``.
    """
    if ledger.meta(_META_KEY) != _ON_DISK and (lost := _make_due(ledger, folder)):
        say(
            f"{lost} recorded pictures are not on disk as they were when the last crawl broke "
            "off: they are fetched again"
        )
    ledger.set_meta(_META_KEY, _AT_WORK)
    yield
    os.sync()
    ledger.set_meta(_META_KEY, _ON_DISK)


def _make_due(ledger: Ledger, folder: Path) -> int:
    """Make due the pictures whose file is missing or of another size; return how many."""
    lost = list(_lost(ledger, folder))
    with ledger.transaction() as connection:
        connection.executemany(
            "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, image_next_try = 0, "
            f"{NO_PICTURE} WHERE photo_id = ?",
            lost,
        )
    return len(lost)


def _lost(ledger: Ledger, folder: Path) -> Iterator[tuple[str]]:
    # Folder by folder: one look at a folder is far cheaper than one at each file by its name.
    rows = ledger.stream(
        "SELECT substr(photo_id, -3) AS ending, photo_id, image_bytes FROM photos "
        "WHERE image_outcome = 'ok' ORDER BY 1"
    )
    for ending, pictures in groupby(rows, itemgetter(0)):
        sizes = _sizes(image_path(folder, ending).parent)
        for _, photo_id, size in pictures:
            if sizes.get(f"{photo_id}.jpg") != size:
                yield (photo_id,)


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of a folder's files by name."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries}
    except FileNotFoundError:
        return {}
