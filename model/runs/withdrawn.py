"""Which posts a run was trained on that were withdrawn since, and how it says so."""

from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.common.printing import say
from flickr_emotion.common.takedown.tombstones import FILE_NAME, Tombstone, read_tombstones
from flickr_emotion.model.errors import ModelError

SINCE = "withdrawn_since"
"""The entry of ``tombstones.json`` with the digests of the posts of its data set that are gone."""


def withdrawn_from(run: Path) -> list[Tombstone]:
    """Return the tombstones of the posts that a run was trained on; raises ``ModelError``."""
    try:
        stones, record = read_tombstones(run)
        names = record.get(SINCE, [])
        return [stones.by_digest[name] for name in names if name in stones.by_digest]
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{run / FILE_NAME} is damaged ({error}): take it from a copy") from None


def in_words(withdrawn: Sequence[Tombstone]) -> str:
    """Return how many posts were withdrawn since a training, and when."""
    count, days = len(withdrawn), sorted({it.date for it in withdrawn})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{count} {'post was' if count == 1 else 'posts were'} withdrawn since ({when})"


def say_withdrawn(run: Path) -> None:
    """Say that a run was trained on withdrawn posts, if it was."""
    if withdrawn := withdrawn_from(run):
        say(
            f"{run}: of the data set that it was trained on {in_words(withdrawn)}: train again on "
            "what is left, or do not pass it on"
        )
