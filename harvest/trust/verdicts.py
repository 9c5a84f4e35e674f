"""What the API says of a photo whose picture was refused, asked for one only if it must be.

A photo is lost with its picture as a rule, but not always: the picture may have moved, or be lost
on its host while the photo is still shown. Only the API knows, and each question costs a call of
the quota, so what it has answered in this crawl is read from the ledger.
"""

from dataclasses import dataclass
from typing import Literal

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.answered_posts import api_has_answered, recorded_post
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto

Verdict = Literal["lives", "replaced", "dead", "unknown"]
"""It lives under the reference that was refused, or under another; it is gone or private; the API
has not said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A photo to ask the API about; without a ``host`` it is one of the sample."""

    photo_id: str
    host: str | None
    spell: int
    """Spells of trouble, of any host, before it was drawn."""


def verdict_on(refused: DuePhoto, ledger: Ledger, calls: ApiCalls) -> Verdict:
    """Return what the API says of a photo, with a call unless it has answered in this crawl."""
    photo_id = refused.reference.photo_id
    if not api_has_answered(ledger, photo_id) and not calls.get_post_with_retries(refused):
        return "unknown"
    post = recorded_post(ledger, photo_id)
    if post.outcome != "ok" or post.withdrawn:
        return "dead"
    place = refused.reference
    return "lives" if (post.server, post.secret) == (place.server, place.secret) else "replaced"
