"""What the API says of a photo whose picture was refused, asked for one only if it must be.

A photo is lost with its picture as a rule, but not always: the picture may have moved, or be lost
on its host while the photo is still shown. Only the API knows, and each question costs a call of
the quota, so what it has answered in this crawl is read from the ledger.
"""

from dataclasses import dataclass
from typing import Literal

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.ledger import Ledger

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
    if _is_answered(ledger, refused.reference.photo_id) or calls.check_photo(refused):
        return _recorded(ledger, refused.reference)
    return "unknown"


def _is_answered(ledger: Ledger, photo_id: str) -> bool:
    return bool(
        ledger.query(
            "SELECT 1 FROM photos WHERE photo_id = ? AND api_next_try IS NULL "
            "AND (api_outcome = 'ok' OR photo_id IN (SELECT photo_id FROM evidence "
            "WHERE what = 'api' AND witness = 'api'))",
            (photo_id,),
        )
    )


def _recorded(ledger: Ledger, refused: PhotoReference) -> Verdict:
    row = ledger.query(
        "SELECT server, secret, api_outcome, withdrawals.photo_id AS withdrawn FROM photos "
        "LEFT JOIN withdrawals USING (photo_id) WHERE photo_id = ?",
        (refused.photo_id,),
    )[0]
    if row["api_outcome"] != "ok" or row["withdrawn"]:
        return "dead"
    same = (row["server"], row["secret"]) == (refused.server, refused.secret)
    return "lives" if same else "replaced"
