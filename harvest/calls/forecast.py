"""How many calls are left, and how long they take at the quota.

Posts that are left do not cost a call each: listings bring most of them. What the listings of
words have brought of their photos so far says what they will of the rest; what they left costs a
call each.
"""

from dataclasses import dataclass

from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.pacing import HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is left to do for the API."""

    posts: int
    calls: int
    seconds: float | None
    """At the quota; None without one."""


def forecast(ledger: Ledger, *, quota: int, last_row: int = ALL_ROWS) -> Forecast:
    """Return what is left to be asked for, and how long it takes at ``quota`` calls an hour.

    ``last_row``: of the photos up to this row of the ledger.
    """
    posts = ledger.left("api", last_row=last_row)
    calls = PlanRecord.load(ledger).calls_left(posts)
    return Forecast(posts=posts, calls=calls, seconds=calls * HOUR / quota if quota else None)
