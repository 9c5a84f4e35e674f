"""The evidence of an outcome: where it comes from, when it was seen, and how sure it is.

``gone`` and ``private`` follow from a dead picture far more often than from a call, and a picture's
host may be in trouble. So each outcome other than ``ok`` keeps its evidence. The refusal of a
picture is unsure at first. It becomes sure when the crawl has seen that the host is well; until
then it can be taken back completely. No stored post or picture is deleted because of a refusal.
"""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.outcomes import DEAD_PICTURES, VIDEO
from flickr_emotion.harvest.ledger.rows.references import move_on
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE, NO_POST
from flickr_emotion.harvest.pace.clock import now

REFUSALS = DEAD_PICTURES
"""The outcomes of a picture that its host refuses."""
VOUCHED = "vouched"
"""The API names a picture that was refused or has a new reference: it is requested again."""
WITHDRAWN = (
    "api_outcome IN ('gone', 'private') AND EXISTS (SELECT 1 FROM evidence WHERE "
    "evidence.photo_id = photos.photo_id AND what = 'api' AND witness = 'api')"
)
"""SQL condition: the API itself has said that a photo is no longer public."""

_REFUSED = "outcome IN ('gone', 'private', 'placeholder')"
_UNSURE_POSTS = "what = 'api' AND witness = 'picture' AND sure = 0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A host's answer that a picture is not available."""

    outcome: str
    """One of ``REFUSALS``."""
    reason: str
    host: str
    status: int | None


RefusalResult = Literal["refused", "contradicted", "moved", "stale"]
"""What became of a refusal. ``refused``: it was recorded; ``contradicted``: it was recorded, but
the API has said that this picture exists; ``moved``: another reference is tried first; ``stale``:
the refused reference is no longer the photo's."""


def record_refusal(
    connection: sqlite3.Connection, reference: PhotoReference, refusal: Refusal, *, settle: bool
) -> RefusalResult:
    """Record that a picture was refused; with ``settle``, also settle a post without an answer.

    ``connection`` is in a transaction. A picture on disk and a known post are kept.
    """
    photo_id = reference.photo_id
    row = connection.execute(
        "SELECT server, secret, image_sha256, api_source, api_outcome, api_next_try, "
        "(SELECT outcome FROM evidence WHERE photo_id = ?1 AND what = 'image') AS doubt, "
        "(SELECT 1 FROM withdrawals WHERE photo_id = ?1) AS withdrawn "
        "FROM photos WHERE photo_id = ?1",
        (photo_id,),
    ).fetchone()
    if (row["server"], row["secret"]) != (reference.server, reference.secret):
        return "stale"
    if row["api_outcome"] == VIDEO:  # The API has said so while the picture was requested.
        return "stale"
    # A picture on disk needs no other reference: its own may be refused by mistake, and under
    # another one there may be an older picture.
    on_disk = row["image_sha256"] is not None
    if not on_disk and move_on(connection, reference, private=refusal.outcome == "private"):
        return "moved"
    answered = row["api_outcome"] == "ok" and row["api_next_try"] is None and not row["withdrawn"]
    # Only the first time: if another crawl finds the picture refused too, it is lost.
    contradicted = (
        answered
        and row["api_source"] not in (None, METADATA_SOURCE)
        and row["doubt"] not in REFUSALS
    )
    outcome, reason = refusal.outcome, refusal.reason
    if contradicted:  # The next crawl requests it again.
        outcome, reason = "failed", f"{reason}, although its post exists"
    if on_disk:
        outcome = "ok"
    connection.execute(
        "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_error = ? "
        "WHERE photo_id = ?",
        (outcome, reason, photo_id),
    )
    record_evidence(connection, photo_id, "image", refusal, sure=False)
    # A metadata file does not say that the post still exists today.
    doubted = row["api_source"] == METADATA_SOURCE and row["api_outcome"] == "ok"
    open_post = row["api_next_try"] is not None or row["api_outcome"] == "failed" or doubted
    if settle and open_post and row["api_source"] in (None, METADATA_SOURCE):
        settled = "private" if refusal.outcome == "private" else "gone"
        connection.execute(
            "UPDATE photos SET api_outcome = ?, api_next_try = NULL, api_error = ? "
            "WHERE photo_id = ?",
            (settled, f"picture {refusal.reason}", photo_id),
        )
        record_evidence(connection, photo_id, "api", refusal, sure=False, outcome=settled)
    elif doubted:
        connection.execute(
            "UPDATE photos SET api_outcome = 'pending', api_next_try = 0 WHERE photo_id = ?",
            (photo_id,),
        )
    return "contradicted" if contradicted else "refused"


def record_evidence(
    connection: sqlite3.Connection,
    photo_id: str,
    what: str,
    refusal: Refusal | None,
    *,
    sure: bool,
    outcome: str = "",
    witness: str = "",
) -> None:
    """Store the evidence of an ``api`` or ``image`` outcome: a ``refusal``, or else the API."""
    connection.execute(
        "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(photo_id, what, outcome or (refusal.outcome if refusal else "")),
            witness or ("picture" if refusal else "api"),
            *(refusal.host if refusal else None, refusal.status if refusal else None),
            *(now(), sure),
        ),
    )


def forget(connection: sqlite3.Connection, photo_id: str, what: str) -> None:
    """Delete the evidence of an outcome that no longer holds."""
    connection.execute("DELETE FROM evidence WHERE photo_id = ? AND what = ?", (photo_id, what))


def confirm(connection: sqlite3.Connection, photo_id: str, outcome: str) -> None:
    """Record that the API itself says that a photo is ``gone`` or ``private``."""
    record_evidence(connection, photo_id, "api", None, sure=True, outcome=outcome)
    connection.execute(
        f"UPDATE evidence SET sure = 1 WHERE photo_id = ? AND what = 'image' AND {_REFUSED}",
        (photo_id,),
    )


def believe(connection: sqlite3.Connection) -> None:
    """Mark all refusals of pictures as sure.

    Posts from metadata that are no longer public are dropped now.
    """
    connection.execute(
        f"UPDATE photos SET {NO_POST} WHERE api_source = '{METADATA_SOURCE}' AND photo_id IN "
        f"(SELECT photo_id FROM evidence WHERE {_UNSURE_POSTS})"
    )
    for what in ("api", "image"):
        connection.execute(
            f"UPDATE evidence SET sure = 1 WHERE what = '{what}' AND sure = 0 AND {_REFUSED}"
        )


def take_back(connection: sqlite3.Connection, host: str | None = None) -> int:
    """Take back all unsure refusals, of one host or of all; return how many pictures.

    The pictures are requested again under every reference, and the posts that they settled are due.
    """
    of_host = "" if host is None else "AND host = ?"
    given = () if host is None else (host,)
    take_back_posts(connection, host)
    pictures = (
        f"(SELECT photo_id FROM evidence WHERE what = 'image' AND sure = 0 AND {_REFUSED} "
        f"{of_host})"
    )
    # If a photo is still due, a doubted answer may have made it move on from a living reference.
    connection.execute(
        f"UPDATE places SET dead = 0 WHERE photo_id IN {pictures} OR photo_id IN (SELECT photo_id "
        "FROM photos WHERE photo_id = places.photo_id AND image_next_try IS NOT NULL)",
        given,
    )
    found = connection.execute(
        "UPDATE photos SET image_outcome = CASE WHEN image_sha256 IS NULL THEN 'pending' ELSE 'ok' "
        f"END, image_attempts = 0, image_next_try = 0, image_error = NULL "
        f"WHERE photo_id IN {pictures}",
        given,
    ).rowcount
    connection.execute(
        f"DELETE FROM evidence WHERE what = 'image' AND sure = 0 AND {_REFUSED} {of_host}", given
    )
    return found


def take_back_posts(connection: sqlite3.Connection, host: str | None = None) -> int:
    """Make posts due again that unsure refusals have settled; return how many."""
    of_host = "" if host is None else "AND host = ?"
    given = () if host is None else (host,)
    found = connection.execute(
        "UPDATE photos SET api_outcome = CASE WHEN api_source IS NULL THEN 'pending' ELSE 'ok' END,"
        " api_next_try = CASE WHEN api_source IS NULL THEN 0 END, api_attempts = 0, "
        "api_error = NULL WHERE photo_id IN "
        f"(SELECT photo_id FROM evidence WHERE {_UNSURE_POSTS} {of_host})",
        given,
    ).rowcount
    connection.execute(f"DELETE FROM evidence WHERE {_UNSURE_POSTS} {of_host}", given)
    return found


def make_unverified_due(connection: sqlite3.Connection, *, images: bool) -> None:
    """Make all posts due that rest on a picture alone, sure or not (``--verify-gone``).

    With ``images``, refused pictures of posts that the API knows are due as well.
    """
    connection.execute(
        "UPDATE photos SET api_outcome = 'pending', api_attempts = 0, api_next_try = 0, "
        "api_error = NULL WHERE api_outcome IN ('gone', 'private') AND photo_id IN "
        "(SELECT photo_id FROM evidence WHERE what = 'api' AND witness = 'picture')"
    )
    connection.execute("DELETE FROM evidence WHERE what = 'api' AND witness = 'picture'")
    if images:
        connection.execute(
            "UPDATE photos SET image_attempts = 0, image_next_try = 0 WHERE api_outcome = 'ok' "
            f"AND image_{_REFUSED} AND server IS NOT NULL AND secret IS NOT NULL"
        )


def make_due_again(connection: sqlite3.Connection) -> None:
    """Make settled pictures due that an earlier crawl should have requested again."""
    connection.execute(
        "UPDATE photos SET image_attempts = 0, image_next_try = 0 WHERE image_next_try IS NULL "
        "AND (photo_id IN (SELECT photo_id FROM evidence WHERE what = 'image' AND sure = 0 "
        f"AND NOT {_REFUSED}) OR file_secret IS NOT NULL "
        "AND photo_id NOT IN (SELECT photo_id FROM evidence WHERE what = 'image' AND sure = 1))"
    )


def unsure_posts(ledger: LedgerConnection, count: int) -> list[str]:
    """Return random photos whose post was settled only by an unsure refusal."""
    rows = ledger.query(
        f"SELECT photo_id FROM evidence WHERE {_UNSURE_POSTS} ORDER BY random() LIMIT ?", (count,)
    )
    return [row["photo_id"] for row in rows]


def served_before(ledger: LedgerConnection, count: int) -> list[str]:
    """Return random photos whose picture existed when it was last requested."""
    rows = ledger.query(
        "SELECT photo_id FROM photos WHERE server IS NOT NULL AND secret IS NOT NULL "
        "AND (image_sha256 IS NOT NULL OR image_outcome = 'pending' AND image_next_try IS NULL) "
        "AND file_secret IS NULL "
        "AND photo_id NOT IN (SELECT photo_id FROM evidence WHERE what = 'image') "
        "ORDER BY random() LIMIT ?",
        (count,),
    )
    return [row["photo_id"] for row in rows]
