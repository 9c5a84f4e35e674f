"""Remove withdrawn posts from a harvest: from the ledger, its free pages, and the pictures.

The tombstones and a mark are committed first. From then on the takedown has begun: it removes
whatever the tombstones of the ledger name, and the next takedown or crawl finishes one that was
killed. The mark goes when nothing is left.
"""

from pathlib import Path

from flickr_emotion.common.takedown.tombstones import Tombstones
from flickr_emotion.common.whole_files import ENDING, temporary
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.tombstones import (
    begin_takedown,
    compact,
    end_takedown,
    photos_named,
    remove_photos,
    store_tombstones,
    takedown_is_unfinished,
    tombstones_in,
)
from flickr_emotion.harvest.pictures.files import image_path


def take_down(ledger: Ledger, images: Path, tombstones: Tombstones) -> dict[str, str]:
    """Remove the posts that these and earlier tombstones name; return their ids and digests.

    The ledger is open for writing. Raises ``HarvestError`` if another program holds it.
    """
    unfinished = takedown_is_unfinished(ledger)
    with ledger.transaction() as connection:
        store_tombstones(connection, tombstones)
        begin_takedown(connection)
    named = photos_named(ledger, tombstones_in(ledger))
    for photo_id in named:  # Before the commit: a kill in between must not leave a file behind.
        path = image_path(images, photo_id)
        for one in (path, temporary(path), path.with_name(path.name + ENDING)):
            one.unlink(missing_ok=True)
    if not named and not unfinished:
        end_takedown(ledger)
        return {}
    with ledger.transaction() as connection:
        store_tombstones(connection, named.values())
        remove_photos(connection, named)
    if not compact(ledger):
        raise HarvestError(
            f"{ledger.path} is open in another program, so what was removed from it can still be "
            "read in its log: close that program and run the same command again"
        )
    end_takedown(ledger)
    return {photo_id: it.digest for photo_id, it in named.items()}


def finish_takedown(ledger: Ledger, images: Path) -> int:
    """Remove what a killed takedown left, or what a crawl found; return how many posts."""
    return len(take_down(ledger, images, Tombstones())) if takedown_is_unfinished(ledger) else 0
