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
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.pictures import fetch_again, recorded_pictures
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
    fetch_again(ledger, lost)
    return len(lost)


def _lost(ledger: Ledger, folder: Path) -> Iterator[str]:
    for ending, pictures in groupby(recorded_pictures(ledger), lambda it: it.photo_id[-3:]):
        sizes = _sizes(image_path(folder, ending).parent)
        for picture in pictures:
            if sizes.get(f"{picture.photo_id}.jpg") != picture.size:
                yield picture.photo_id


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of a folder's files by name."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries}
    except FileNotFoundError:
        return {}
