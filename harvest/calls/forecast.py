"""Forecast how many calls are left, and how long they take at the quota.

The remaining posts do not cost a call each, since listings bring most of them. The forecast assumes
that word listings bring the same share of the remaining photos as so far; the others cost one call
each.
"""

from dataclasses import dataclass

from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.pacing import HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """The remaining work of the API stage."""

    posts: int
    calls: int
    seconds: float | None
    """The time that the calls take at the quota; None without a quota."""


def forecast(ledger: Ledger, *, quota: int, last_row: int = ALL_ROWS) -> Forecast:
    """Return the remaining posts and calls, and their time at ``quota`` calls per hour.

    ``last_row``: only photos up to this row of the ledger count.
    """
    posts = ledger.left("api", last_row=last_row)
    calls = PlanRecord.load(ledger).calls_left(posts)
    return Forecast(posts=posts, calls=calls, seconds=calls * HOUR / quota if quota else None)
