"""The state of one image host: whether its refusals are believed, and what the API was asked.

A host is ``well`` until it refuses too many pictures. Then it is ``suspect``: requests to it wait
until the API has said whether a few of the photos exist. If they are dead, the host is ``well``
again. If they exist, it is in ``trouble`` until it serves an existing picture, or ``given up`` when
the crawl has waited too long. A ``partial`` host serves some existing pictures and refuses others:
requests to it go on, and it is no longer suspected.
"""

from math import ceil, log
from typing import Literal

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.trust.host_answers import HostAnswers
from flickr_emotion.harvest.trust.verdicts import Verdict

# How many photos the API is asked about: enough that they are seldom all dead by chance. If exactly
# one exists, more follow, because a host may have lost a single picture of an existing photo.
_FEWEST_QUESTIONS, _MORE_QUESTIONS, _MOST_QUESTIONS = 3, 2, 10
_SELDOM = 1e-3
_LIVING = 2
# A host that was in trouble this often is taken to serve only some of its pictures.
_MOST_SPELLS = 4


class WatchedHost:
    """What is known about a host in this crawl; not safe for several threads at once."""

    def __init__(self, name: str, breaker: Breaker, answers: HostAnswers) -> None:
        """Start in the state ``well``."""
        self.name = name
        self.breaker = breaker
        self.answers = answers
        self.state: Literal["well", "suspect", "trouble", "given up", "partial"] = "well"
        self.served: str | None = None
        """A photo whose picture the host has served."""
        self.vouched: list[PhotoReference] = []
        """Existing pictures to request when the host is in trouble."""
        self._asked: dict[str, Verdict | None] = {}
        """Photos that the API is being asked about, with its verdicts so far."""
        self._spells = 0
        """How often the host was in trouble."""

    def add(self, photo_id: str, *, refused: bool) -> None:
        """Add the next answer of the host."""
        self.answers.add(photo_id, refused=refused)
        if not refused:
            self.served = photo_id

    def is_doubted(self, epoch: int) -> bool:
        """Whether a refusal must not be recorded; ``epoch``: the breaker's, at the request."""
        return self.state in ("trouble", "given up") or self.breaker.epoch != epoch

    # Questions to the API.

    def suspect(self) -> list[str]:
        """Return photos to ask the API about; if they are enough, hold all requests to the host."""
        self._asked.clear()
        certain = ceil(log(_SELDOM) / log(min(self.answers.expected, 0.9)))
        most = _MOST_QUESTIONS - 2 * _MORE_QUESTIONS
        some = self._ask_about(min(max(certain, _FEWEST_QUESTIONS), most))
        if len(some) >= _LIVING:
            self.state = "suspect"
            self.breaker.hold()
        return some

    def ask_more(self) -> list[str]:
        """Return more photos to ask the API about, if the verdicts so far are not conclusive."""
        if 0 < self.living < _LIVING and len(self._asked) < _MOST_QUESTIONS:
            return self._ask_about(_MORE_QUESTIONS)
        return []

    def _ask_about(self, count: int) -> list[str]:
        # Take the last ones: photos refused before the trouble began may well be dead.
        refused = [photo_id for photo_id in self.answers.refused if photo_id not in self._asked]
        some = list(dict.fromkeys(reversed(refused)))[:count]
        self._asked.update(dict.fromkeys(some))
        return some

    def add_verdict(self, refused: PhotoReference, verdict: Verdict) -> bool:
        """Add a verdict of the API; return whether it was the last one for a suspect host."""
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
        """How many of them exist under the refused reference."""
        return list(self._asked.values()).count("lives")

    @property
    def known(self) -> int:
        """How many of them the API has answered for."""
        return sum(verdict not in (None, "unknown") for verdict in self._asked.values())

    @property
    def refuses_existing(self) -> bool:
        """Whether so many exist that the refusals are not believed, or the API does not answer."""
        return self.living >= _LIVING or not self.known

    # Changes of the state.

    def confirm(self) -> None:
        """Believe the refusals: they are a run of dead photos."""
        self.state = "well"
        self.vouched.clear()  # One or two existing pictures are no reason to try the host later.
        self.answers.expect_run()
        self.breaker.release()

    def distrust(self) -> None:
        """Request only existing pictures from the host until it serves one."""
        self.state = "trouble"
        self._spells += 1
        self.answers.clear()
        self.breaker.distrust()

    def serve_again(self) -> float:
        """Request all pictures again, since an existing one was served; return the seconds lost."""
        self.state = "well" if self._spells < _MOST_SPELLS else "partial"
        self.vouched.clear()
        return self.breaker.restored()

    def serve_some(self) -> None:
        """Request all pictures again, although the host refuses some existing ones."""
        self.state = "partial"
        self.vouched.clear()
        self.breaker.restored()
