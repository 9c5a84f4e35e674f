"""A sample of a crawl's dead pictures, checked with the API: are their posts dead as well?

A host that loses a few pictures of living posts shows no jump in its refusals. So some of the posts
that pictures alone have settled are drawn by chance, more of them the more there are, and ten at
most: they cost calls of the quota. The sample says when pictures are believed, and when they are
not to settle posts any more.
"""

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import unsure_posts
from flickr_emotion.harvest.trust.verdicts import Verdict

# The first check at so many dead pictures, then each time they have doubled.
_FIRST_CHECK = 20
_MOST_CHECKS = 10
# Fewer say nothing, unless all of them live; as many are wanted before a crawl ends.
_ENOUGH_CHECKS = 5
_TOO_MANY_LIVE = 0.2


class DeadSample:
    """Draws from the dead pictures of a crawl; not for several threads at once."""

    def __init__(self) -> None:
        """Begin without any."""
        self.refused = 0
        """Dead pictures of this crawl that were not taken back."""
        self.checked = 0
        """Those that the API has answered for."""
        self.live = 0
        """Those of them whose post lives."""
        self._next_check = _FIRST_CHECK
        self._drawn: set[str] = set()

    def add_refusal(self) -> bool:
        """Count a dead picture; return whether one is to be checked now."""
        self.refused += 1
        if self.refused < self._next_check:
            return False
        self._next_check = 2 * self.refused
        return True

    def draw(self, ledger: Ledger, count: int) -> list[str]:
        """Return as many photos that were not drawn before, or as there are, to ask about."""
        count = min(count, _MOST_CHECKS - len(self._drawn))
        if count <= 0:
            return []
        found = unsure_posts(ledger, count + len(self._drawn))
        some = [photo_id for photo_id in found if photo_id not in self._drawn][:count]
        self._drawn.update(some)
        return some

    def add_verdict(self, verdict: Verdict) -> None:
        """Count what the API said of one that was drawn."""
        self.checked += 1
        self.live += verdict != "dead"

    @property
    def too_many_live(self) -> bool:
        """Whether pictures are not to settle posts: all that were checked live, or many do."""
        return (self.checked >= 2 and self.live == self.checked) or (
            self.is_enough and self.live >= _TOO_MANY_LIVE * self.checked
        )

    @property
    def is_enough(self) -> bool:
        """Whether so many were checked that the others can be believed."""
        return self.checked >= _ENOUGH_CHECKS

    @property
    def still_wanted(self) -> int:
        """How many more are to be checked before the crawl ends, if there are so many."""
        if not self.refused:
            return 0
        wanted = _ENOUGH_CHECKS if self.refused >= _FIRST_CHECK or self.live else 1
        return max(wanted - self.checked, 0)

    def begin_anew(self, *, taken_back: int) -> None:
        """Forget what was checked, and so many dead pictures: a host has refused living ones."""
        self.refused = max(self.refused - taken_back, 0)
        self.checked = self.live = 0
