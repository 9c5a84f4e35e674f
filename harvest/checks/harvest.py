"""Whether a harvest on disk is what its ledger says: for ``verify``, which looks at every byte.

A crawl looks at sizes alone, and only after one that broke off (``picture_check``): a million
pictures take minutes to read. Here each is compared with the SHA-256 that was recorded of it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from flickr_emotion.common.whole_files import ENDING
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.folder import harvest_at_work
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path

IMAGES = "images"
_SHOWN_FAULTS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class DamagedPicture:
    """A picture that is not on disk as the ledger records it."""

    photo_id: str
    why: str


def ledger_faults(ledger: Ledger) -> list[str]:
    """Return what SQLite finds wrong in a ledger, a line each; none where it is whole.

    It sees a broken structure, not another letter in a text: SQLite keeps no checksums.
    """
    try:
        found = [str(row[0]) for row in ledger.query(f"PRAGMA integrity_check({_SHOWN_FAULTS})")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    return [" ".join(fault.split()) for fault in found if fault != "ok"]


def damaged_pictures(ledger: Ledger, folder: Path) -> Iterator[DamagedPicture]:
    """Yield the recorded pictures whose file is missing, a link, or another.

    Raises ``sqlite3.Error`` where the ledger gives out.
    """
    rows = ledger.stream(
        "SELECT photo_id, image_sha256, image_bytes FROM photos WHERE image_outcome = 'ok' "
        "ORDER BY substr(photo_id, -3)"
    )

    def looked_at(row: sqlite3.Row) -> DamagedPicture | None:
        path = image_path(folder / IMAGES, row["photo_id"])
        why = _damage(path, row["image_sha256"], row["image_bytes"])
        return DamagedPicture(photo_id=row["photo_id"], why=why) if why else None

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while some := [row for row, _ in zip(rows, range(1000), strict=False)]:
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
        with ledger.transaction() as connection:
            connection.executemany(
                "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, "
                "image_next_try = 0, image_sha256 = NULL, image_bytes = NULL, image_width = NULL, "
                "image_height = NULL WHERE photo_id = ? AND image_outcome = 'ok'",
                [(photo_id,) for photo_id in photo_ids],
            )


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
