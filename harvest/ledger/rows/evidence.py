"""What an outcome rests on: who said so, when, and how sure that is.

``gone`` and ``private`` follow from a dead picture far more often than from a call, and a picture's
host may be in trouble. So each outcome other than ``ok`` keeps its evidence. What a picture alone
says is unsure at first; it becomes sure when the crawl has seen that its host is well, and until
then it can be taken back as if it had never been said. Nothing that was won is deleted for it.
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
"""Outcomes of a picture that its host refuses."""
FETCH_ANEW = ("replaced", "broken")
"""Why a picture that is on disk is fetched again: the API names another place for it; a build could
not decode it. One that is ``vouched``, as the API says that it lives, is only asked for again."""
WITHDRAWN = (
    "api_outcome IN ('gone', 'private') AND EXISTS (SELECT 1 FROM evidence WHERE "
    "evidence.photo_id = photos.photo_id AND what = 'api' AND witness = 'api')"
)
"""In SQL: the API itself has said that a photo is not public any more."""

_REFUSED = "outcome IN ('gone', 'private', 'placeholder')"
_UNSURE_POSTS = "what = 'api' AND witness = 'picture' AND sure = 0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A host's answer that a picture is not to be had."""

    outcome: str
    """One of ``REFUSALS``."""
    reason: str
    host: str
    status: int | None


Believed = Literal["refused", "contradicted", "moved", "stale"]
"""What a refusal came to: it is recorded; so it is, though the API has said that this very picture
lives; another reference is asked first; it was of a reference that is no longer the photo's."""


def record_refusal(
    connection: sqlite3.Connection, reference: PhotoReference, refusal: Refusal, *, settle: bool
) -> Believed:
    """Record that a picture was refused; with ``settle`` it settles a post that nobody answered.

    ``connection`` is in a transaction. A picture on disk, and a post that is known, stay.
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
    if row["api_outcome"] == VIDEO:  # it has turned out to be one while its picture was asked for
        return "stale"
    if move_on(connection, reference):
        return "moved"
    answered = row["api_outcome"] == "ok" and row["api_next_try"] is None and not row["withdrawn"]
    # The first time: a picture that another crawl finds refused too is lost, its post or not.
    contradicted = (
        answered
        and row["api_source"] not in (None, METADATA_SOURCE)
        and row["doubt"] not in REFUSALS
    )
    outcome, reason = refusal.outcome, refusal.reason
    if contradicted:  # it is asked for again by the next crawl
        outcome, reason = "failed", f"{reason}, though it lives by the API"
    if row["image_sha256"] is not None:
        outcome = "ok"
    connection.execute(
        "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_error = ? "
        "WHERE photo_id = ?",
        (outcome, reason, photo_id),
    )
    record_evidence(connection, photo_id, "image", refusal, sure=False)
    # A file of metadata is no answer of today's.
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
    """Keep what an ``api`` or ``image`` outcome rests on; without a ``refusal``, on the API."""
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
    """Drop the evidence of an outcome that is none any more."""
    connection.execute("DELETE FROM evidence WHERE photo_id = ? AND what = ?", (photo_id, what))


def confirm(connection: sqlite3.Connection, photo_id: str, outcome: str) -> None:
    """Record that the API itself says of a photo that it is ``gone`` or ``private``."""
    record_evidence(connection, photo_id, "api", None, sure=True, outcome=outcome)
    connection.execute(
        f"UPDATE evidence SET sure = 1 WHERE photo_id = ? AND what = 'image' AND {_REFUSED}",
        (photo_id,),
    )


def believe(connection: sqlite3.Connection) -> None:
    """Make sure what pictures alone have said.

    What a file of metadata said of a post that is not public any more is dropped now.
    """
    connection.execute(
        f"UPDATE photos SET {NO_POST} WHERE api_source = '{METADATA_SOURCE}' AND photo_id IN "
        f"(SELECT photo_id FROM evidence WHERE {_UNSURE_POSTS})"
    )
    for what in ("api", "image"):
        connection.execute(
            f"UPDATE evidence SET sure = 1 WHERE what = '{what}' AND sure = 0 AND {_REFUSED}"
        )


def doubt(connection: sqlite3.Connection, host: str | None = None) -> int:
    """Take back all that is unsure, of one host or of all; return of how many pictures.

    They are asked for again, under every reference, and what they settled is open again.
    """
    of_host = "" if host is None else "AND host = ?"
    given = () if host is None else (host,)
    doubt_posts(connection, host)
    pictures = (
        f"(SELECT photo_id FROM evidence WHERE what = 'image' AND sure = 0 AND {_REFUSED} "
        f"{of_host})"
    )
    connection.execute(f"UPDATE places SET dead = 0 WHERE photo_id IN {pictures}", given)
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


def doubt_posts(connection: sqlite3.Connection, host: str | None = None) -> int:
    """Open the posts again that unsure pictures have settled; return how many."""
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


def open_unverified(connection: sqlite3.Connection, *, images: bool) -> None:
    """Make due all that rests on a picture alone, sure or not (``--verify-gone``).

    The posts for the API; with ``images`` the pictures of posts that it knows for their host.
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


def open_again(connection: sqlite3.Connection) -> None:
    """Make due the settled pictures that an earlier crawl was to ask for again."""
    connection.execute(
        "UPDATE photos SET image_attempts = 0, image_next_try = 0 WHERE image_next_try IS NULL "
        "AND photo_id IN (SELECT photo_id FROM evidence WHERE what = 'image' AND sure = 0 "
        f"AND NOT {_REFUSED})"
    )


def unsure_posts(ledger: LedgerConnection, count: int) -> list[str]:
    """Return some photos, drawn by chance, whose post an unsure picture alone has settled."""
    rows = ledger.query(
        f"SELECT photo_id FROM evidence WHERE {_UNSURE_POSTS} ORDER BY random() LIMIT ?", (count,)
    )
    return [row["photo_id"] for row in rows]


def served_before(ledger: LedgerConnection, count: int) -> list[str]:
    """Return some photos, drawn by chance, whose picture was there when it was last asked for."""
    rows = ledger.query(
        "SELECT photo_id FROM photos WHERE server IS NOT NULL AND secret IS NOT NULL "
        "AND (image_sha256 IS NOT NULL OR image_outcome = 'pending' AND image_next_try IS NULL) "
        "AND photo_id NOT IN (SELECT photo_id FROM evidence WHERE what = 'image') "
        "ORDER BY random() LIMIT ?",
        (count,),
    )
    return [row["photo_id"] for row in rows]
