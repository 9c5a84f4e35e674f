"""When a refused picture is believed: a host in trouble must not settle a thousand living posts.

A picture that is gone, private or a placeholder settles its post without a call. A host that
begins to answer so to everything would settle all that is left. So each host's answers are
watched: where far more of them are refusals than this harvest has seen, or the API has vouched for
one that is refused, everything waits while the API is asked about a few. Where it says that they
live, what the host refused is taken back, and it is tried with a picture that it has served before.
If it refuses that too, it is in trouble: its breaker stays open until a picture that lives is
served. If not, it has lost some pictures of posts that live, and its refusals settle no posts any
more. Where the API confirms them, it is a run of dead photos, such as one owner's. Beside that a
sample of all dead pictures is checked with the API, and where too many of
them live, pictures settle no posts in this crawl.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil, comb, log
from typing import Literal

from harvest.api_calls import ApiCalls
from harvest.breaker import Breaker
from harvest.evidence import believe, doubt, doubt_posts, unsure_posts
from harvest.ledger import Ledger
from harvest.photo_url import PhotoReference

_WINDOW = 30
_FEWEST = 12
# So unlikely among as many dead pictures as this harvest has: it costs next to no false alarm.
_UNLIKELY = 1e-6
# What is believed of a list before anything is seen: 30% of 20 photos are dead.
_PRIOR, _PRIOR_SHARE = 20.0, 0.3
# Photos that the API is asked about a host: so many that all of them are dead by chance seldom,
# and more where one lives, until a second one does: a picture may be lost while its photo lives.
_FEWEST_QUESTIONS, _MORE_QUESTIONS, _MOST_QUESTIONS = 3, 2, 10
_SELDOM = 1e-3
_LIVING = 2
# A run of dead photos that the API confirmed is expected for so many answers more.
_WIDENED = 200
# Sample: the first check at so many dead pictures, then each time they have doubled.
_FIRST_CHECK = 20
_CHECKS = 10
_LAST_CHECKS = 5
_TOO_MANY_LIVE = 0.2
# A host that is back from trouble so often serves some pictures and refuses others.
_MOST_SPELLS = 4

Verdict = Literal["lives", "replaced", "dead", "unknown"]
"""What the API says of a photo whose picture was refused: it lives under that very reference, or
under another; it is gone or private; nothing."""


@dataclass(slots=True)
class _Host:
    window: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    """The last answers: photo, and whether it was refused."""
    dead: float = 0.0
    answers: float = 0.0
    """Those that have left the window."""
    widened: float = 0.0
    """A share of dead pictures that the API has confirmed, expected for ``widened_for`` answers."""
    widened_for: int = 0
    runs: int = 0
    asked: dict[str, Verdict | None] = field(default_factory=dict)
    """What the API is asked now, and what it said."""
    state: Literal["well", "suspect", "trouble", "given up", "partial"] = "well"
    spells: int = 0
    served: deque[str] = field(default_factory=lambda: deque(maxlen=1))
    """A photo whose picture it has served."""
    vouched: list[PhotoReference] = field(default_factory=list)
    """Pictures to try a host in trouble with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A photo to ask the API about; without a ``host`` it is one of the sample."""

    photo_id: str
    host: str | None
    spell: int
    """Spells of trouble before it was drawn."""


class PictureTrust:
    """Watches what image hosts answer; its methods may be called from any thread."""

    def __init__(
        self,
        ledger: Ledger,
        breaker_of: Callable[[str], Breaker],
        *,
        settle_posts: bool,
        say: Callable[[str], None],
    ) -> None:
        """Begin with the share of dead pictures that the ledger knows.

        ``settle_posts``: whether a dead picture settles its post.
        """
        self._ledger = ledger
        self._breaker_of = breaker_of
        self._settle_posts = settle_posts
        self._say = say
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._questions: deque[Question] = deque()
        self._open_questions = 0
        self._dead_before, self._answers_before = _seen(ledger)
        self._refused = 0
        self._next_check = _FIRST_CHECK
        self._sampled: set[str] = set()
        self._checked = self._live = 0
        self._too_many_live = False
        self._spells = 0
        self.changed: Callable[[], None] = lambda: None
        """Told when a host's state has changed."""

    # What the pictures say.

    @property
    def settles_posts(self) -> bool:
        """Whether a dead picture settles its post."""
        return self._settle_posts and not self._too_many_live

    def doubted(self, host: str, epoch: int) -> bool:
        """Whether a refusal is not to be recorded; ``epoch``: of the host's breaker, when asked."""
        known = self._hosts.get(host)
        return known is not None and (
            known.state in ("trouble", "given up") or self._breaker_of(host).epoch != epoch
        )

    def saw(self, host: str, photo_id: str, *, refused: bool) -> None:
        """Take note of an answer that is recorded: a whole picture, or a refusal."""
        with self._lock:
            it = self._hosts.setdefault(host, _Host())
            if len(it.window) == _WINDOW:
                it.answers += 1
                it.dead += it.window[0][1]
            it.window.append((photo_id, refused))
            it.widened_for = max(it.widened_for - 1, 0)
            if not refused:
                it.served.append(photo_id)
                return
            self._refused += 1
            if self._refused >= self._next_check:
                self._next_check = 2 * self._refused
                self._sample(1)
            if it.state == "well" and len(it.window) >= _FEWEST and self._jumps(it):
                count = sum(dead for _, dead in it.window)
                self._suspect(host, it, f"refused {count} of its last {len(it.window)} pictures")

    def contradicted(self, host: str, photo_id: str) -> None:
        """Take note that a picture was refused for which the API has vouched."""
        with self._lock:
            it = self._hosts.setdefault(host, _Host())
            if it.state == "well" and not it.widened_for:
                self._suspect(host, it, f"refuses photo {photo_id}, which lives by the API")

    def _jumps(self, it: _Host) -> bool:
        refused = sum(dead for _, dead in it.window)
        return tail(len(it.window), refused, self._expected(it)) < _UNLIKELY

    def _expected(self, it: _Host) -> float:
        """Return the share of dead pictures that the answers so far, or a known run, let expect."""
        share = (self._dead_before + it.dead + _PRIOR * _PRIOR_SHARE) / (
            self._answers_before + it.answers + _PRIOR
        )
        return max(share, it.widened) if it.widened_for else share

    def _suspect(self, host: str, it: _Host, why: str) -> None:
        it.asked.clear()
        certain = ceil(log(_SELDOM) / log(min(self._expected(it), 0.9)))
        most = _MOST_QUESTIONS - 2 * _MORE_QUESTIONS
        count = self._ask_about(host, it, min(max(certain, _FEWEST_QUESTIONS), most))
        if count < _LIVING:
            return
        it.state = "suspect"
        self._breaker_of(host).hold()
        self._say(f"the image server {host} {why}: the API is asked about {count} of them")

    def _ask_about(self, host: str, it: _Host, count: int) -> int:
        # The last ones: what was refused before the trouble began may well be dead.
        refused = [photo_id for photo_id, dead in it.window if dead and photo_id not in it.asked]
        some = refused[-count:]
        it.asked.update(dict.fromkeys(some))
        self._questions.extend(self._question(photo_id, host) for photo_id in some)
        return len(some)

    def _question(self, photo_id: str, host: str | None) -> Question:
        return Question(photo_id=photo_id, host=host, spell=self._spells)

    def _any_suspect(self) -> bool:
        return any(it.state == "suspect" for it in self._hosts.values())

    # What the API says.

    def next_question(self, in_hand: Collection[str]) -> Question | None:
        """Return what is to be asked of the API before all else, if there is something.

        ``in_hand``: photos that it is being asked about.
        """
        if not self._questions:
            return None
        with self._lock:
            for question in self._questions:
                if question.photo_id not in in_hand:
                    self._questions.remove(question)
                    self._open_questions += 1
                    return question
        return None

    def ask(self, question: Question, calls: ApiCalls) -> None:
        """Put a question to the API, and draw what follows from it."""
        refused = self._ledger.photo("api", question.photo_id)
        verdict: Verdict = "unknown"
        # What the API has answered in this crawl is not asked twice.
        if self._answered(question.photo_id) or calls.check_photo(refused):
            verdict = self._verdict(refused.reference)
        with self._lock:
            self._open_questions -= 1
            if calls.stopped:
                return
            if question.host is None:
                # One drawn before a host fell into trouble says nothing of the others.
                if question.spell == self._spells and not self._any_suspect():
                    self._tally(verdict)
            else:
                it = self._hosts[question.host]
                it.asked[question.photo_id] = verdict
                if verdict == "lives":
                    it.vouched.append(refused.reference)
                if it.state == "suspect" and None not in it.asked.values():
                    self._decide(question.host, it)
        self.changed()

    def _answered(self, photo_id: str) -> bool:
        return bool(
            self._ledger.query(
                "SELECT 1 FROM photos WHERE photo_id = ? AND api_next_try IS NULL "
                "AND (api_outcome = 'ok' OR photo_id IN (SELECT photo_id FROM evidence "
                "WHERE what = 'api' AND witness = 'api'))",
                (photo_id,),
            )
        )

    def _verdict(self, refused: PhotoReference) -> Verdict:
        row = self._ledger.query(
            "SELECT server, secret, api_outcome, withdrawals.photo_id AS withdrawn FROM photos "
            "LEFT JOIN withdrawals USING (photo_id) WHERE photo_id = ?",
            (refused.photo_id,),
        )[0]
        if row["api_outcome"] != "ok" or row["withdrawn"]:
            return "dead"
        same = (row["server"], row["secret"]) == (refused.server, refused.secret)
        return "lives" if same else "replaced"

    def _decide(self, host: str, it: _Host) -> None:
        said = list(it.asked.values())
        live, known = said.count("lives"), len(said) - said.count("unknown")
        if (
            0 < live < _LIVING
            and len(said) < _MOST_QUESTIONS
            and self._ask_about(host, it, _MORE_QUESTIONS)
        ):
            return
        if live >= _LIVING or not known:
            self._distrust(host, it, live, known)
        else:
            self._confirm(host, it, live, known)

    def _distrust(self, host: str, it: _Host, live: int, known: int) -> None:
        if not it.vouched:  # the API said nothing: what was refused is tried itself
            it.vouched = [self._ledger.photo("api", photo_id).reference for photo_id in it.asked]
        # First: what is in flight must not be recorded behind what is taken back.
        it.state = "trouble"
        with self._ledger.transaction() as connection:
            taken_back = doubt(connection, host)
        self._refused = max(self._refused - taken_back, 0)
        self._spells += 1
        it.spells += 1
        self._checked = self._live = 0
        it.window.clear()
        self._breaker_of(host).distrust()
        said = f"{live} of {known} live by the API" if known else "the API does not say"
        self._say(
            f"the image server {host} refuses pictures that live ({said}): {taken_back} refusals "
            "are taken back"
        )

    def _confirm(self, host: str, it: _Host, live: int, known: int) -> None:
        it.state = "well"
        it.runs += 1
        it.widened = sum(dead for _, dead in it.window) / len(it.window)
        it.widened_for = _WIDENED * 2 ** min(it.runs - 1, 10)
        self._breaker_of(host).release()
        self._say(f"the API confirms {known - live} of {known}: the crawl goes on")

    # A host in trouble.

    def in_trouble(self) -> list[str]:
        """Return the hosts that are to be tried with pictures that live."""
        return [host for host, it in tuple(self._hosts.items()) if it.state == "trouble"]

    def living(self, host: str) -> tuple[PhotoReference | None, list[PhotoReference]]:
        """Return a picture that a host has served, if it has, and pictures that it refused."""
        with self._lock:
            it = self._hosts[host]
            served = self._ledger.photo("image", it.served[0]).reference if it.served else None
            return served, list(it.vouched)

    def refuses_all(self, host: str) -> None:
        """Take note that a host in trouble refuses what it has served before, or may well do so."""
        self._say(
            f"the image server {host} is in trouble: what is left is asked for when it serves a "
            "picture that lives"
        )

    def refuses_some(self, host: str) -> None:
        """Take note that a host serves what it has served before, and refuses others that live."""
        with self._lock:
            it = self._hosts[host]
            it.state = "partial"
            it.vouched.clear()
            self._breaker_of(host).restored()
            opened = self._settle_no_posts()
        self._say(
            f"the image server {host} serves other pictures: it has lost those of posts that live, "
            f"so pictures settle no posts in this crawl, and {opened} are asked of the API"
        )

    def restored(self, host: str) -> None:
        """Take note that a host in trouble has served a picture that lives."""
        with self._lock:
            it = self._hosts[host]
            it.state = "well" if it.spells < _MOST_SPELLS else "partial"
            if it.state == "partial":
                self._settle_no_posts()
            it.vouched.clear()
            away = self._breaker_of(host).restored()
        self._say(f"the image server {host} serves pictures again, after {away:.0f} s")

    def gave_up(self, host: str) -> None:
        """Take note that a host refused what lives for as long as the crawl waits."""
        with self._lock:
            self._hosts[host].state = "given up"
        self._say(
            f"the image server {host} still refuses pictures that live: what it has not sent is "
            "failed, and asked for by the next crawl"
        )

    # The sample.

    def _sample(self, count: int) -> int:
        """Ask about dead pictures of the whole crawl, drawn by chance; return about how many."""
        count = min(count, _CHECKS - len(self._sampled))
        if count <= 0 or not self.settles_posts or self._any_suspect():
            return 0
        with self._ledger.transaction() as connection:
            found = unsure_posts(connection, count + len(self._sampled))
        some = [photo_id for photo_id in found if photo_id not in self._sampled][:count]
        self._sampled.update(some)
        self._questions.extend(self._question(photo_id, None) for photo_id in some)
        return len(some)

    def _tally(self, verdict: Verdict) -> None:
        if verdict == "unknown":
            return
        self._checked += 1
        self._live += verdict != "dead"
        few = self._checked < _LAST_CHECKS
        if self._too_many_live:
            return
        if (self._checked >= 2 and self._live == self._checked) or (
            not few and self._live >= _TOO_MANY_LIVE * self._checked
        ):
            opened = self._settle_no_posts()
            self._say(
                f"{self._live} of {self._checked} dead pictures that were checked belong to posts "
                f"that live: pictures settle no posts in this crawl, {opened} are asked of the API"
            )
        elif not few:
            with self._ledger.transaction() as connection:
                believe(connection)

    def _settle_no_posts(self) -> int:
        self._too_many_live = True
        with self._ledger.transaction() as connection:
            return doubt_posts(connection)

    def unfinished(self) -> bool:
        """Whether the API is still to be asked, now that nothing else is due; asks for it."""
        with self._lock:
            if self._questions or self._open_questions:
                return True
            wanted = _LAST_CHECKS if self._refused >= _FIRST_CHECK or self._live else 1
            return self._refused > 0 and self._sample(wanted - self._checked) > 0

    def conclude(self) -> None:
        """Believe what is left, at the end of a crawl that has asked for all, and say the share."""
        with self._ledger.transaction() as connection:
            believe(connection)
        if self._checked:
            self._say(
                f"checked {self._checked} of {self._refused} dead pictures with the API: "
                f"{self._live} live"
            )


def _seen(ledger: Ledger) -> tuple[float, float]:
    """Return the dead pictures and all pictures that earlier crawls have settled."""
    dead = alive = 0
    for row in ledger.query(
        "SELECT api_outcome, image_outcome, count(*) AS n FROM photos GROUP BY 1, 2"
    ):
        if row["image_outcome"] in ("gone", "private", "placeholder"):
            dead += row["n"]
        elif row["image_outcome"] == "ok" or row["api_outcome"] == "ok":
            alive += row["n"]
    return float(dead), float(dead + alive)


def tail(answers: int, refused: int, share: float) -> float:
    """Return how likely as many refusals or more are where each answer is one with ``share``."""
    share = min(max(share, 0.0), 1.0)
    return sum(
        comb(answers, count) * share**count * (1 - share) ** (answers - count)
        for count in range(refused, answers + 1)
    )
