"""Make pictures of a harvest due again that a build could not use."""

from collections.abc import Callable, Sequence
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.folder import harvest_at_work
from flickr_emotion.harvest.ledger.rows.pictures import replace_broken


def ask_again(harvest: Path, photo_ids: Sequence[str], say: Callable[[str], None]) -> None:
    """Make unusable pictures on disk due; the next crawl replaces them.

    If a crawl is running on the harvest or it cannot be written, nothing changes but a message.
    """
    try:
        with harvest_at_work(harvest) as ledger:
            replace_broken(ledger, photo_ids)
    except HarvestError as error:
        say(f"{len(photo_ids)} pictures are not marked to be fetched again: {error}")
        return
    say(f"the next crawl of {harvest} fetches {len(photo_ids)} pictures again")
