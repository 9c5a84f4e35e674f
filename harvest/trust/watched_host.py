"""One image host under watch: whether its refusals are believed, and what was asked to find out.

A host is well until it refuses too much. Then it is suspect, and nothing is asked of it until the
API has said of a few photos whether they live. If they are dead, it is well again. If they live, it
is in trouble, until it serves a picture that lives or the crawl has waited long enough for that.
One that serves some pictures and refuses others that live is asked on, and no longer suspected.
"""

from math import ceil, log
from typing import Literal

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.trust.host_answers import HostAnswers
from flickr_emotion.harvest.trust.verdicts import Verdict

# Photos that the API is asked about a host: so many that all of them are seldom dead by chance,
# and more where one lives, until a second one does: a picture may be lost while its photo lives.
_FEWEST_QUESTIONS, _MORE_QUESTIONS, _MOST_QUESTIONS = 3, 2, 10
_SELDOM = 1e-3
_LIVING = 2
# A host that is back from trouble so often serves some pictures and refuses others.
_MOST_SPELLS = 4


class WatchedHost:
    """What is known of a host in this crawl; not for several threads at once."""

    def __init__(self, name: str, breaker: Breaker, answers: HostAnswers) -> None:
        """Begin with a host that is well."""
        self.name = name
        self.breaker = breaker
        self.answers = answers
        self.state: Literal["well", "suspect", "trouble", "given up", "partial"] = "well"
        self.served: str | None = None
        """A photo whose picture it has served."""
        self.vouched: list[PhotoReference] = []
        """Pictures to try it with when it is in trouble."""
        self._asked: dict[str, Verdict | None] = {}
        """What the API is asked now, and what it said."""
        self._spells = 0
        """How often it was in trouble."""

    def add(self, photo_id: str, *, refused: bool) -> None:
        """Take in its next answer."""
        self.answers.add(photo_id, refused=refused)
        if not refused:
            self.served = photo_id

    def is_doubted(self, epoch: int) -> bool:
        """Whether a refusal is not to be recorded; ``epoch``: of the breaker, when it was asked."""
        return self.state in ("trouble", "given up") or self.breaker.epoch != epoch

    # What the API is asked, and says.

    def suspect(self) -> list[str]:
        """Return what to ask the API; let nobody ask the host meanwhile, if that is enough."""
        self._asked.clear()
        certain = ceil(log(_SELDOM) / log(min(self.answers.expected, 0.9)))
        most = _MOST_QUESTIONS - 2 * _MORE_QUESTIONS
        some = self._ask_about(min(max(certain, _FEWEST_QUESTIONS), most))
        if len(some) >= _LIVING:
            self.state = "suspect"
            self.breaker.hold()
        return some

    def ask_more(self) -> list[str]:
        """Return what else to ask the API before it is known whether the host is in trouble."""
        if 0 < self.living < _LIVING and len(self._asked) < _MOST_QUESTIONS:
            return self._ask_about(_MORE_QUESTIONS)
        return []

    def _ask_about(self, count: int) -> list[str]:
        # The last ones: what was refused before the trouble began may well be dead.
        refused = [photo_id for photo_id in self.answers.refused if photo_id not in self._asked]
        some = list(dict.fromkeys(reversed(refused)))[:count]
        self._asked.update(dict.fromkeys(some))
        return some

    def add_verdict(self, refused: PhotoReference, verdict: Verdict) -> bool:
        """Take in what the API said; return whether that was the last that a suspect waits for."""
        self._asked[refused.photo_id] = verdict
        if verdict == "lives":
            self.vouched.append(refused)
        return self.state == "suspect" and None not in self._asked.values()

    @property
    def asked(self) -> list[str]:
        """The photos that the API was asked about the last time."""
        return list(self._asked)

    @property
    def living(self) -> int:
        """How many of them live."""
        return list(self._asked.values()).count("lives")

    @property
    def known(self) -> int:
        """Of how many of them the API has said what they are."""
        return sum(verdict not in (None, "unknown") for verdict in self._asked.values())

    @property
    def refuses_what_lives(self) -> bool:
        """Whether so many live that its refusals are worth nothing, or the API does not say."""
        return self.living >= _LIVING or not self.known

    # What follows from it.

    def confirm(self) -> None:
        """Believe its refusals: it is a run of dead photos."""
        self.state = "well"
        self.vouched.clear()  # one or two that live are no reason to try it later
        self.answers.expect_run()
        self.breaker.release()

    def distrust(self) -> None:
        """Ask it for nothing but pictures that live until it serves one."""
        self.state = "trouble"
        self._spells += 1
        self.answers.clear()
        self.breaker.distrust()

    def serve_again(self) -> float:
        """Ask it for all again, as it has served what lives; return how many seconds it did not."""
        self.state = "well" if self._spells < _MOST_SPELLS else "partial"
        self.vouched.clear()
        return self.breaker.restored()

    def serve_some(self) -> None:
        """Ask it for all again, though it refuses some pictures that live."""
        self.state = "partial"
        self.vouched.clear()
        self.breaker.restored()
