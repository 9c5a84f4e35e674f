"""Check for ``verify`` that every byte of a harvest's pictures is as the ledger recorded it.

A crawl only compares sizes, and only after a crawl that did not end cleanly (``checks.pictures``),
since a million pictures take minutes to read. Here each is compared with its recorded SHA-256.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from stat import S_ISREG

from flickr_emotion.common.cores import usable_cores
from flickr_emotion.common.whole_files import ENDING
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.folder import harvest_at_work
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.pictures import (
    RecordedPicture,
    fetch_again,
    recorded_pictures,
)
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path

IMAGES = "images"


@dataclass(frozen=True, kw_only=True, slots=True)
class DamagedPicture:
    """A picture whose file differs from what the ledger records."""

    photo_id: str
    why: str


def damaged_pictures(ledger: Ledger, folder: Path) -> Iterator[DamagedPicture]:
    """Yield the recorded pictures whose file is missing, a link or different.

    Raises ``sqlite3.Error`` if the ledger cannot be read.
    """

    def looked_at(picture: RecordedPicture) -> DamagedPicture | None:
        path = image_path(folder / IMAGES, picture.photo_id)
        why = _damage(path, picture.sha256, picture.size)
        return DamagedPicture(photo_id=picture.photo_id, why=why) if why else None

    pictures = recorded_pictures(ledger)
    with ThreadPoolExecutor(usable_cores()) as threads:
        while some := list(islice(pictures, 1000)):
            yield from (found for found in threads.map(looked_at, some) if found)


def strange_entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the links among a harvest's pictures, and temporary files of a killed crawl."""
    links, left = [], []
    images = folder / IMAGES
    for path, folders, files in os.walk(images):
        for name in (*folders, *files):
            entry = Path(path, name)
            if entry.is_symlink():
                links.append(entry)
            elif name.endswith(ENDING):
                left.append(entry)
    if images.is_symlink():
        links.append(images)
    return sorted(links), sorted(left)


def make_pictures_due(folder: Path, photo_ids: list[str]) -> None:
    """Remove damaged pictures from a harvest, so that the next crawl fetches them again.

    The next crawl would accept a file that is still there as one left by a killed crawl. So the
    file is removed before the ledger changes: a kill in between only leaves a missing picture.
    Raises ``HarvestError``.
    """
    with harvest_at_work(folder) as ledger:
        for photo_id in photo_ids:
            path = image_path(folder / IMAGES, photo_id)
            if path.is_dir() and not path.is_symlink():
                raise HarvestError(f"{path} is a folder: move it elsewhere")
            path.unlink(missing_ok=True)
        fetch_again(ledger, photo_ids)


def ledger_of(folder: Path) -> Ledger:
    """Open the ledger of a harvest for reading; raises ``HarvestError``."""
    return Ledger(folder / FILE_NAME)


def _damage(path: Path, sha256: str, size: int) -> str | None:
    try:
        found = path.lstat()
        if path.is_symlink():
            return f"{path} is a link"
        if not S_ISREG(found.st_mode):
            return f"{path} is not a file"
        if found.st_size != size:
            return f"{path} has {found.st_size} bytes instead of {size}"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return f"{path} differs from what was fetched (by its SHA-256)"
    except FileNotFoundError:
        return f"{path} is not there"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})"
    return None
