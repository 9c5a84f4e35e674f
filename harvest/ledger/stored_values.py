"""Values that a ledger holds as JSON: a photo's tags, what is stated on its use, its votes.

``check.py`` beside this module checks each row before it is used. What is inside these values is
only checked when they are read, because reading them takes as long as all other checks together.
"""

import json
from pathlib import Path

from flickr_emotion.harvest.ledger.check import refused, shown
from flickr_emotion.harvest.preferences.signals import Signals, recorded_signals


def stored_tags(ledger: Path, photo_id: str, tags: str | None) -> list[str]:
    """Return a photo's tags from the JSON in its row; raises ``HarvestError``."""
    if (plain := _plain_texts(tags or "")) is not None:
        return plain
    try:
        found = json.loads(tags or "[]")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not set(map(type, found)) <= {str}:
        raise refused(ledger, f"the tags of photo {photo_id} are {shown(tags)}")
    return found


def _plain_texts(array: str) -> list[str] | None:
    """Return the texts of a JSON array as a crawl writes most; None where it must be parsed.

    That is one without escapes, in a quarter of the parser's time.
    """
    if array[:2] != '["' or array[-2:] != '"]' or len(array) < 4:
        return None
    if "\\" in array or not array.isprintable():
        return None
    texts = array[2:-2].split('", "')
    # Any further quote belongs to something else.
    return texts if array.count('"') == 2 * len(texts) else None


def stored_signals(ledger: Path, photo_id: str, headers: str | None, usage: str | None) -> Signals:
    """Return what is stated about a photo's use, from the JSON in its row.

    Raises ``HarvestError``.
    """
    try:
        return recorded_signals(headers, usage)
    except ValueError:
        raise refused(
            ledger, f"image_headers or usage of photo {photo_id} is {shown((headers, usage))}"
        ) from None


def stored_shares(ledger: Path, photo_id: str, shares: str, classes: int) -> list[float]:
    """Return a photo's share of each of ``classes`` classes from the JSON in its row.

    Raises ``HarvestError``.
    """
    try:
        found = json.loads(shares)
    except (ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or len(found) != classes
        or not all(isinstance(share, float) and 0 <= share <= 1 for share in found)
    ):
        raise refused(ledger, f"the vote_distribution of photo {photo_id} is {shown(shares)}")
    return found
