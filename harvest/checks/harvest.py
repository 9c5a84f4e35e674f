"""Whether a harvest on disk is what its ledger says: for ``verify``, which looks at every byte.

A crawl looks at sizes alone, and only after one that broke off (``picture_check``): a million
pictures take minutes to read. Here each is compared with the SHA-256 that was recorded of it.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from stat import S_ISREG

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
    """A picture that is not on disk as the ledger records it."""

    photo_id: str
    why: str


def damaged_pictures(ledger: Ledger, folder: Path) -> Iterator[DamagedPicture]:
    """Yield the recorded pictures whose file is missing, a link, or another.

    Raises ``sqlite3.Error`` where the ledger gives out.
    """

    def looked_at(picture: RecordedPicture) -> DamagedPicture | None:
        path = image_path(folder / IMAGES, picture.photo_id)
        why = _damage(path, picture.sha256, picture.size)
        return DamagedPicture(photo_id=picture.photo_id, why=why) if why else None

    pictures = recorded_pictures(ledger)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while some := list(islice(pictures, 1000)):
            yield from (found for found in threads.map(looked_at, some) if found)


def strange_entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the links among a harvest's pictures, and the files that a killed crawl left."""
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
    """Take damaged pictures out of a harvest, so that the next crawl fetches them again.

    A file in its place would be taken for one that a killed crawl had won, so it goes before the
    ledger says so: a kill in between leaves a picture that is missing. Raises ``HarvestError``.
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
            return f"{path} is no file"
        if found.st_size != size:
            return f"{path} has {found.st_size} bytes, not {size}"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return f"{path} is not what was fetched (its SHA-256 is another)"
    except FileNotFoundError:
        return f"{path} is not there"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})"
    return None
