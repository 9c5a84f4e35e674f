"""What the API says about a photo whose picture was refused.

Usually the photo is gone too, but not always: the picture may have moved, or the host may have lost
it. Only the API knows, and each question costs a call of the quota. So if it has answered in this
crawl already, the answer is read from the ledger.
"""

from dataclasses import dataclass
from typing import Literal

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.answered_posts import api_has_answered, recorded_post
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto

Verdict = Literal["lives", "replaced", "dead", "unknown"]
"""``lives``: the photo exists under the refused reference; ``replaced``: under another one;
``dead``: it is gone or private; ``unknown``: the API has not answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A photo to ask the API about; without a ``host`` it belongs to the sample."""

    photo_id: str
    host: str | None
    spell: int
    """How often a host had been in trouble when the photo was drawn."""


def verdict_on(refused: DuePhoto, ledger: Ledger, calls: ApiCalls) -> Verdict:
    """Return what the API says about a photo; spends a call unless it answered in this crawl."""
    photo_id = refused.reference.photo_id
    if not api_has_answered(ledger, photo_id) and not calls.get_post_with_retries(refused):
        return "unknown"
    post = recorded_post(ledger, photo_id)
    if post.outcome != "ok" or post.withdrawn:
        return "dead"
    place = refused.reference
    return "lives" if (post.server, post.secret) == (place.server, place.secret) else "replaced"
