"""Which posts have an answer, and the picture's reference and owner in it."""

from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.outcomes import ASKED_AGAIN, DEAD_PICTURES, quoted


class RecordedPost(NamedTuple):
    """The recorded outcome of a post, with the reference of its picture."""

    server: str | None
    secret: str | None
    outcome: str
    withdrawn: bool
    """Whether a refresh found it withdrawn but has not dropped it yet."""


def recorded_post(ledger: LedgerConnection, photo_id: str) -> RecordedPost:
    """Return what is recorded about a photo's post."""
    row = ledger.query(
        "SELECT server, secret, api_outcome, withdrawals.photo_id IS NOT NULL FROM photos "
        "LEFT JOIN withdrawals USING (photo_id) WHERE photo_id = ?",
        (photo_id,),
    )[0]
    return RecordedPost(row[0], row[1], row[2], bool(row[3]))


def api_has_answered(ledger: LedgerConnection, photo_id: str) -> bool:
    """Whether the API itself has answered for a photo in this crawl."""
    return bool(
        ledger.query(
            "SELECT 1 FROM photos WHERE photo_id = ? AND api_next_try IS NULL "
            "AND (api_outcome = 'ok' OR photo_id IN (SELECT photo_id FROM evidence "
            "WHERE what = 'api' AND witness = 'api'))",
            (photo_id,),
        )
    )


def owner_of(ledger: LedgerConnection, photo_id: str) -> str | None:
    """Return the NSID of a photo's owner if an answer has named it."""
    rows = ledger.query("SELECT owner FROM photos WHERE photo_id = ?", (photo_id,))
    return rows[0]["owner"] if rows else None


def photos_without_a_post(ledger: LedgerConnection) -> set[str]:
    """Return the photos that have no answer yet, without those whose picture is dead.

    If a picture is no longer public, its post is not either.
    """
    rows = ledger.stream(
        f"SELECT photo_id FROM photos WHERE api_outcome IN ({quoted(ASKED_AGAIN)}) "
        f"AND image_outcome NOT IN ({quoted(DEAD_PICTURES)})"
    )
    return {row["photo_id"] for row in rows}
