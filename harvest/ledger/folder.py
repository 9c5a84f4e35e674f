"""The harvest folder: one crawl at a time, posts of one service, and pictures of one size.

A data set names its service and the size of its pictures, so a harvest must not mix them. A harvest
is also not written into a folder with other files.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import check_rows
from flickr_emotion.harvest.ledger.facts import (
    chosen_image_size,
    keep_chosen_image_size,
    keep_service_of_posts,
    service_of_posts,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME

_LOCK_NAME = ".crawl.lock"
_MOMENT = 0.2
"""Seconds that a crawl waits for the lock: ``is_at_work`` may hold it for a moment."""


@contextmanager
def harvest_at_work(out: Path) -> Iterator[Ledger]:
    """Open the ledger of a harvest folder for the only crawl that may use it; create it if needed.

    Raises ``HarvestError`` if it is in use, contains something else, or cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        _check_foreign(out)
        with _only_ledger(out) as ledger:
            yield ledger
    except Timeout:
        raise HarvestError(
            f"another crawl is running on {out}: wait for it, or give another --out"
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise HarvestError(
            f"the harvest folder {out} cannot be written ({error}): its content is kept; make "
            "room, or give another --out"
        ) from None


@contextmanager
def harvest_to_clean(folder: Path) -> Iterator[Ledger]:
    """Open the ledger of a harvest that is there, in the place of a crawl, to remove posts from it.

    Raises ``HarvestError``.
    """
    if not (folder / FILE_NAME).is_file():
        raise HarvestError(f"{folder} is no harvest folder: give one that `crawl --out` wrote")
    try:
        with _only_ledger(folder) as ledger:
            yield ledger
    except Timeout:
        raise HarvestError(f"a crawl is running on {folder}: stop it or wait for it") from None
    except (OSError, sqlite3.Error) as error:
        raise HarvestError(
            f"the harvest folder {folder} cannot be written ({error}): what is not removed yet is "
            "unchanged; the same command goes on there"
        ) from None


def is_at_work(folder: Path) -> bool:
    """Return whether a crawl or a takedown is at work on a harvest folder, as far as can be told.

    Who may not write in the folder cannot tell.
    """
    path = folder / _LOCK_NAME
    try:
        if path.exists():
            with FileLock(path, timeout=0):
                return False
    except Timeout:
        return True
    except OSError:
        pass
    return False


@contextmanager
def _only_ledger(folder: Path) -> Iterator[Ledger]:
    lock = FileLock(folder / _LOCK_NAME, timeout=_MOMENT)
    with lock, Ledger(folder / FILE_NAME, create=True) as ledger:
        check_rows(ledger)
        yield ledger


def _check_foreign(out: Path) -> None:
    if (out / FILE_NAME).exists():
        return
    foreign = sorted({path.name for path in out.iterdir()} - {_LOCK_NAME})
    if foreign:
        raise HarvestError(
            f"{out} contains {foreign[0]!r}, which is not part of a harvest: give another --out"
        )


def keep_to_one_service(ledger: Ledger, service: str) -> None:
    """Refuse to mix Flickr's posts with another server's."""
    known = service_of_posts(ledger)
    if known not in (None, service):
        whose = "Flickr's posts" if known == "flickr" else "another server's (--flickr-url)"
        raise HarvestError(
            f"{ledger.path} contains {whose}: give this crawl a separate harvest folder (--out)"
        )
    keep_service_of_posts(ledger, service)


def picture_size(ledger: Ledger) -> str | None:
    """Return the size of a harvest's pictures (``harvest.flickr.photo_url.SIZES``), or None."""
    known = chosen_image_size(ledger)
    if known is None and ledger.outcome_counts()[1]["ok"]:
        return ""  # The ledger is older than the choice of a size.
    return known


def keep_to_one_size(ledger: Ledger, size: str) -> None:
    """Refuse to mix sizes of pictures, since nothing records the size of a single picture."""
    known = picture_size(ledger)
    if known not in (None, size):
        given = f"--image-size {known}" if known else "no --image-size"
        raise HarvestError(
            f"{ledger.path} contains pictures of another size: continue with {given}, or give this "
            "crawl a separate harvest folder (--out)"
        )
    keep_chosen_image_size(ledger, size)
