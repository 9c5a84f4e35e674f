"""How many calls are left, and how long they take at the quota.

Posts that are left do not cost a call each: listings bring most of them. What the listings of
words have brought of their photos so far says what they will of the rest; what they left costs a
call each.
"""

import json
from dataclasses import asdict, dataclass

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.pacing import HOUR

_META = "plan"


@dataclass(kw_only=True, slots=True)
class PlanRecord:
    """How far the plan is; kept in the ledger, for restarts and for ``status``."""

    listed: int = 0
    """Photos that were open when the listings of their words were asked for."""
    won: int = 0
    """Posts that those brought."""
    calls: int = 0
    """Calls that they took."""

    @classmethod
    def load(cls, ledger: Ledger) -> "PlanRecord":
        """Return what the ledger holds."""
        kept = ledger.meta(_META)
        return cls(**json.loads(kept)) if kept else cls()

    def save(self, ledger: Ledger) -> None:
        """Keep it in the ledger."""
        ledger.set_meta(_META, json.dumps(asdict(self)))

    def calls_left(self, posts_left: int) -> int:
        """Return the calls that so many posts are expected to cost."""
        if not self.listed:
            return posts_left
        left = max(self.listed - self.won, 0)
        for_get_info = min(left, posts_left)
        a_post = min((self.calls + left) / self.listed, 1.0)
        return for_get_info + round((posts_left - for_get_info) * a_post)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is left to do for the API."""

    posts: int
    calls: int
    seconds: float | None
    """At the quota; None without one."""


def forecast(ledger: Ledger, *, quota: int) -> Forecast:
    """Return what is left to be asked for, and how long it takes at ``quota`` calls an hour."""
    posts = ledger.left("api")
    calls = PlanRecord.load(ledger).calls_left(posts)
    return Forecast(posts=posts, calls=calls, seconds=calls * HOUR / quota if quota else None)
