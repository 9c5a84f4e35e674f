"""Check after a crawl that did not end cleanly that the recorded pictures are on disk.

The ledger's commits are synced to disk, but picture files are not. So after a power failure a
picture that the ledger calls ``ok`` may be missing, empty or short. Instead, all files are synced
once at the end of a crawl. If a crawl does not reach its end, the next one compares every recorded
size with the file's and fetches pictures that differ again.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from flickr_emotion.harvest.ledger.facts import keep_pictures_synced, pictures_are_synced
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.pictures import fetch_again, recorded_pictures
from flickr_emotion.harvest.pictures.files import image_path


@contextmanager
def pictures_on_disk(ledger: Ledger, folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Surround a crawl into ``folder``; check its pictures if the last crawl did not end cleanly.

    If this crawl ends with an exception, the next one makes the check. Raises ``OSError``.
    """
    if not pictures_are_synced(ledger) and (lost := _make_due(ledger, folder)):
        say(
            f"{lost} recorded pictures are missing or incomplete since the last crawl broke off: "
            "they are fetched again"
        )
    keep_pictures_synced(ledger, synced=False)
    yield
    os.sync()
    keep_pictures_synced(ledger, synced=True)


def _make_due(ledger: Ledger, folder: Path) -> int:
    """Make pictures due whose file is missing or has another size; return how many."""
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
    """Return the sizes in bytes of a folder's files, by name."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries}
    except FileNotFoundError:
        return {}
