"""Posts that a refresh found withdrawn: staged in a separate table until they are dropped.

``harvest.ledger.rows.posts`` stages them and counts the known posts that were found alive;
``harvest.crawl.withdrawals`` decides whether they may be dropped.
"""

from collections.abc import Iterable
from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.counts import withdrawn_posts
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto, find_photos
from flickr_emotion.harvest.ledger.rows.posts import REFRESHED, drop_post


class Withdrawal(NamedTuple):
    """A post that is no longer public, according to the API."""

    photo_id: str
    outcome: str
    """``gone`` or ``private``."""
    reason: str


class RefreshCounts(NamedTuple):
    """What a refresh has found so far."""

    staged: int
    """Number of withdrawn posts."""
    known: int
    """Number of posts in the harvest, including the staged ones."""
    answered: int
    """Number of known posts that were found alive."""


def refresh_counts(ledger: LedgerConnection) -> RefreshCounts:
    """Return the number of staged, known and found posts."""
    known = ledger.query("SELECT count(*) AS n FROM photos WHERE api_source IS NOT NULL")[0]["n"]
    return RefreshCounts(
        staged=withdrawn_posts(ledger), known=known, answered=int(ledger.meta(REFRESHED) or 0)
    )


def posts_are_due(ledger: LedgerConnection) -> bool:
    """Whether any post is due, now or later."""
    return bool(ledger.query("SELECT 1 FROM photos WHERE api_next_try IS NOT NULL LIMIT 1"))


def staged_posts(ledger: LedgerConnection, count: int, *, times: int = 1) -> list[Withdrawal]:
    """Return some staged posts that the API has reported at least so many ``times``."""
    rows = ledger.query(
        "SELECT photo_id, outcome, reason FROM withdrawals WHERE times >= ? LIMIT ?",
        (times, count),
    )
    return [Withdrawal(*row) for row in rows]


def staged_once(ledger: LedgerConnection) -> list[DuePhoto]:
    """Return the staged posts that the API has reported only once."""
    return find_photos(
        ledger, "api", "photo_id IN (SELECT photo_id FROM withdrawals WHERE times = 1)", ()
    )


def first_found_alive(ledger: LedgerConnection, count: int) -> list[DuePhoto]:
    """Return the first posts that are known and not staged."""
    return find_photos(
        ledger,
        "api",
        "api_outcome = 'ok' AND api_source IS NOT NULL "
        "AND photo_id NOT IN (SELECT photo_id FROM withdrawals) ORDER BY rowid LIMIT ?",
        (count,),
    )


def unstage_all(ledger: LedgerConnection) -> None:
    """Forget all staged posts, and restart the count of posts found alive."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM withdrawals")
        forget_found_alive(ledger)


def forget_found_alive(ledger: LedgerConnection) -> None:
    """Restart the count of posts found alive."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))


def drop_staged(ledger: LedgerConnection, some: Iterable[Withdrawal]) -> None:
    """Drop staged posts and the records of their pictures; the caller removes the files before."""
    rows = list(some)
    with ledger.transaction() as connection:
        for row in rows:
            drop_post(connection, row.photo_id, row.outcome, row.reason, picture=True)
        connection.executemany(
            "DELETE FROM withdrawals WHERE photo_id = ?", [(row.photo_id,) for row in rows]
        )
