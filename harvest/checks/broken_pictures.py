"""Pictures of a harvest that a build could not use go back to the crawl: they are due again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.folder import harvest_at_work
from flickr_emotion.harvest.ledger.rows.pictures import replace_broken


def ask_again(harvest: Path, photo_ids: Sequence[str], say: Callable[[str], None]) -> None:
    """Make pictures due that are on disk and cannot be used; the next crawl replaces them.

    Where a crawl is at work on the harvest, or it cannot be written, that is said, and all stays.
    """
    try:
        with harvest_at_work(harvest) as ledger:
            replace_broken(ledger, photo_ids)
    except HarvestError as error:
        say(f"{len(photo_ids)} pictures are not marked to be fetched again: {error}")
        return
    say(f"the next crawl of {harvest} fetches {len(photo_ids)} pictures again")
