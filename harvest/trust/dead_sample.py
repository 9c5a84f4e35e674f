"""A sample of a crawl's dead pictures, checked with the API: are their posts gone as well?

If a host loses a few pictures of existing posts, its refusals do not jump. So a random sample of
the posts that were settled by a picture alone is checked. It grows with their number, up to ten,
since each check costs a call. The sample decides when refusals are believed, and when refused
pictures may no longer settle posts.
"""

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import unsure_posts
from flickr_emotion.harvest.trust.verdicts import Verdict

# The first check is made at this many dead pictures, the next each time they have doubled.
_FIRST_CHECK = 20
_MOST_CHECKS = 10
# Fewer checks are not conclusive, unless all posts exist; a crawl makes this many before it ends.
_ENOUGH_CHECKS = 5
_TOO_MANY_LIVE = 0.2


class DeadSample:
    """Draws from the dead pictures of a crawl; not safe for several threads at once."""

    def __init__(self) -> None:
        """Start empty."""
        self.refused = 0
        """Dead pictures of this crawl, without refusals that were taken back."""
        self.checked = 0
        """Number of them that the API has answered for."""
        self.live = 0
        """Number of checked ones whose post exists."""
        self._next_check = _FIRST_CHECK
        self._drawn: set[str] = set()

    def add_refusal(self) -> bool:
        """Count a dead picture; return whether to check one now."""
        self.refused += 1
        if self.refused < self._next_check:
            return False
        self._next_check = 2 * self.refused
        return True

    def draw(self, ledger: Ledger, count: int) -> list[str]:
        """Return up to ``count`` photos to ask the API about that were not drawn before."""
        count = min(count, _MOST_CHECKS - len(self._drawn))
        if count <= 0:
            return []
        found = unsure_posts(ledger, count + len(self._drawn))
        some = [photo_id for photo_id in found if photo_id not in self._drawn][:count]
        self._drawn.update(some)
        return some

    def add_verdict(self, verdict: Verdict) -> None:
        """Count the API's verdict on a photo of the sample."""
        self.checked += 1
        self.live += verdict != "dead"

    @property
    def too_many_live(self) -> bool:
        """Whether so many checked posts exist that refused pictures must not settle posts."""
        return (self.checked >= 2 and self.live == self.checked) or (
            self.is_enough and self.live >= _TOO_MANY_LIVE * self.checked
        )

    @property
    def is_enough(self) -> bool:
        """Whether enough were checked to believe the other refusals."""
        return self.checked >= _ENOUGH_CHECKS

    @property
    def still_wanted(self) -> int:
        """How many more checks to make before the crawl ends, if there are enough photos."""
        if not self.refused:
            return 0
        wanted = _ENOUGH_CHECKS if self.refused >= _FIRST_CHECK or self.live else 1
        return max(wanted - self.checked, 0)

    def begin_anew(self, *, taken_back: int) -> None:
        """Forget all checks and the refusals that were taken back, as a host was in trouble."""
        self.refused = max(self.refused - taken_back, 0)
        self.checked = self.live = 0
