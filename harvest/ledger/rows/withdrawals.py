"""Posts that a refresh found withdrawn: staged in a table of their own until they are dropped.

``harvest.ledger.rows.posts`` stages them as the API says so, and counts the known posts that it
found alive; whether they may go is decided in ``harvest.crawl.withdrawals``.
"""

from collections.abc import Iterable
from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.counts import withdrawn_posts
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto, find_photos
from flickr_emotion.harvest.ledger.rows.posts import REFRESHED, drop_post


class Withdrawal(NamedTuple):
    """A post that the API has said is not public any more."""

    photo_id: str
    outcome: str
    """``gone`` or ``private``."""
    reason: str


class RefreshCounts(NamedTuple):
    """What a refresh has found so far."""

    staged: int
    known: int
    """Posts that the harvest holds, the staged ones too."""
    answered: int
    """Known posts that were found alive."""


def refresh_counts(ledger: LedgerConnection) -> RefreshCounts:
    """Return what is staged, and what the harvest holds beside it."""
    known = ledger.query("SELECT count(*) AS n FROM photos WHERE api_source IS NOT NULL")[0]["n"]
    return RefreshCounts(
        staged=withdrawn_posts(ledger), known=known, answered=int(ledger.meta(REFRESHED) or 0)
    )


def posts_are_due(ledger: LedgerConnection) -> bool:
    """Whether any post is still to be asked for, now or later."""
    return bool(ledger.query("SELECT 1 FROM photos WHERE api_next_try IS NOT NULL LIMIT 1"))


def staged_posts(ledger: LedgerConnection, count: int) -> list[Withdrawal]:
    """Return some posts that are staged."""
    rows = ledger.query("SELECT photo_id, outcome, reason FROM withdrawals LIMIT ?", (count,))
    return [Withdrawal(*row) for row in rows]


def first_found_alive(ledger: LedgerConnection, count: int) -> list[DuePhoto]:
    """Return the first of the posts that are known and not staged."""
    return find_photos(
        ledger,
        "api",
        "api_outcome = 'ok' AND api_source IS NOT NULL "
        "AND photo_id NOT IN (SELECT photo_id FROM withdrawals) ORDER BY rowid LIMIT ?",
        (count,),
    )


def unstage_all(ledger: LedgerConnection) -> None:
    """Forget what is staged, and that any post was found alive."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM withdrawals")
        forget_found_alive(ledger)


def forget_found_alive(ledger: LedgerConnection) -> None:
    """Count the posts that are found alive anew."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))


def drop_staged(ledger: LedgerConnection, some: Iterable[Withdrawal]) -> None:
    """Drop staged posts and what is known of their pictures; the files are removed before."""
    rows = list(some)
    with ledger.transaction() as connection:
        for row in rows:
            drop_post(connection, row.photo_id, row.outcome, row.reason, picture=True)
        connection.executemany(
            "DELETE FROM withdrawals WHERE photo_id = ?", [(row.photo_id,) for row in rows]
        )
