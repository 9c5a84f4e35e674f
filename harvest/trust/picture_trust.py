"""When a refused picture is believed: a host in trouble must not settle a thousand living posts.

A picture that is gone, private or a placeholder settles its post without a call. A host that
begins to answer so to everything would settle all that is left. So each host's answers are
watched: where far more of them are refusals than this harvest has seen, or the API has vouched for
one that is refused, everything waits while the API is asked about a few.

Where it says that they live, what the host refused is taken back, and the host is tried with
pictures that live (``harvest.image_hosts.trials``). Where it confirms the refusals, they are a
run of dead photos, such as one owner's. If a host turns out to have lost some pictures of posts
that live, or too many posts of a sample of all dead pictures live, pictures settle no posts in this
crawl.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import served_before
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.trust.dead_sample import DeadSample
from flickr_emotion.harvest.trust.host_answers import HostAnswers
from flickr_emotion.harvest.trust.verdicts import Question, Verdict, verdict_on
from flickr_emotion.harvest.trust.watched_host import WatchedHost

# Pictures of earlier crawls, where a host has served none in this one: one may be gone by now.
_SERVED_BEFORE = 3


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
        self.settles_posts = settle_posts
        """Whether a dead picture settles its post, as far as is known by now."""
        self.changed: Callable[[], None] = lambda: None
        """Told when a host's state has changed."""
        self._ledger = ledger
        self._breaker_of = breaker_of
        self._say = say
        self._lock = threading.Lock()
        self._hosts: dict[str, WatchedHost] = {}
        self._questions: deque[Question] = deque()
        self._open_questions = 0
        """Those that the API is being asked."""
        self._settled_before = ledger.settled_pictures()
        self._sample = DeadSample()
        self._spells = 0

    # What the pictures say.

    def doubted(self, host: str, epoch: int) -> bool:
        """Whether a refusal is not to be recorded; ``epoch``: of the host's breaker, when asked."""
        known = self._hosts.get(host)
        return known is not None and known.is_doubted(epoch)

    def saw(self, host: str, photo_id: str, *, refused: bool) -> None:
        """Take note of an answer that is recorded: a whole picture, or a refusal."""
        with self._lock:
            watched = self._watched(host)
            watched.add(photo_id, refused=refused)
            if not refused:
                return
            if self._sample.add_refusal():
                self._ask_sample(1)
            answers = watched.answers
            if watched.state == "well" and answers.are_unlikely():
                count = len(answers.refused)
                self._suspect(watched, f"refused {count} of its last {len(answers)} pictures")

    def contradicted(self, host: str, photo_id: str) -> None:
        """Take note that a picture was refused for which the API has vouched."""
        with self._lock:
            watched = self._watched(host)
            if watched.state == "well" and not watched.answers.in_known_run:
                self._suspect(watched, f"refuses photo {photo_id}, which lives by the API")

    def _watched(self, name: str) -> WatchedHost:
        if name not in self._hosts:
            answers = HostAnswers(*self._settled_before)
            self._hosts[name] = WatchedHost(name, self._breaker_of(name), answers)
        return self._hosts[name]

    def _suspect(self, host: WatchedHost, why: str) -> None:
        some = host.suspect()
        self._put(some, host.name)
        count = len(some)
        if host.state == "suspect":
            self._say(f"the image server {host.name} {why}: the API is asked about {count} of them")

    def _put(self, some: list[str], host: str | None) -> None:
        self._questions.extend(Question(photo_id=it, host=host, spell=self._spells) for it in some)

    def _any_suspect(self) -> bool:
        return any(host.state == "suspect" for host in self._hosts.values())

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
        verdict = verdict_on(refused, self._ledger, calls)
        with self._lock:
            self._open_questions -= 1
            if calls.stopped:
                return
            if question.host is None:
                # One drawn before a host fell into trouble says nothing of the others.
                if question.spell == self._spells and not self._any_suspect():
                    self._judge_sample(verdict)
            else:
                host = self._hosts[question.host]
                if host.add_verdict(refused.reference, verdict):
                    self._decide(host)
        self.changed()

    def _decide(self, host: WatchedHost) -> None:
        if more := host.ask_more():
            self._put(more, host.name)
        elif host.refuses_what_lives:
            self._distrust(host)
        else:
            host.confirm()
            dead = host.known - host.living
            self._say(f"the API confirms {dead} of {host.known}: the crawl goes on")

    def _distrust(self, host: WatchedHost) -> None:
        if not host.vouched:  # the API said nothing: what was refused is tried itself
            host.vouched = [self._ledger.photo("api", it).reference for it in host.asked]
        # First: what is in flight must not be recorded behind what is taken back.
        host.state = "trouble"
        taken_back = self._ledger.take_back_refusals(host.name)
        self._sample.begin_anew(taken_back=taken_back)
        self._spells += 1
        host.distrust()
        live = f"{host.living} of {host.known} live by the API"
        self._say(
            f"the image server {host.name} refuses pictures that live "
            f"({live if host.known else 'the API does not say'}): {taken_back} refusals "
            "are taken back"
        )

    # A host in trouble.

    def in_trouble(self) -> list[str]:
        """Return the hosts that are to be tried with pictures that live."""
        return [host.name for host in tuple(self._hosts.values()) if host.state == "trouble"]

    def living(self, host: str) -> tuple[list[PhotoReference], list[PhotoReference]]:
        """Return pictures that were served, here or in earlier crawls, and those it refused."""
        with self._lock:
            watched = self._hosts[host]
            served = [watched.served] if watched.served else []
            if not served:
                served = served_before(self._ledger, _SERVED_BEFORE)
            references = [self._ledger.photo("image", it).reference for it in served]
            return references, list(watched.vouched)

    def serves_some(self, host: str) -> int:
        """Take note that a host serves what it has served before, and refuses others that live.

        Returns how many posts are open again.
        """
        with self._lock:
            self._hosts[host].serve_some()
            return self._settle_no_posts()

    def serves_again(self, host: str) -> float:
        """Take note that a host in trouble has served what lives; return the seconds it did not."""
        with self._lock:
            watched = self._hosts[host]
            away = watched.serve_again()
            if watched.state == "partial":
                self._settle_no_posts()
            return away

    def gave_up(self, host: str) -> None:
        """Take note that a host refused what lives for as long as the crawl waits."""
        with self._lock:
            self._hosts[host].state = "given up"

    # The sample.

    def _ask_sample(self, count: int) -> bool:
        """Have the API asked about some dead pictures of the whole crawl; whether there are any."""
        if not self.settles_posts or self._any_suspect():
            return False
        some = self._sample.draw(self._ledger, count)
        self._put(some, None)
        return bool(some)

    def _judge_sample(self, verdict: Verdict) -> None:
        if verdict == "unknown":
            return
        self._sample.add_verdict(verdict)
        if not self.settles_posts:
            return
        if self._sample.too_many_live:
            opened = self._settle_no_posts()
            self._say(
                f"{self._sample.live} of {self._sample.checked} dead pictures that were checked "
                "belong to posts that live: pictures settle no posts in this crawl, "
                f"{opened} are asked of the API"
            )
        elif self._sample.is_enough:
            self._ledger.believe_refusals()

    def _settle_no_posts(self) -> int:
        self.settles_posts = False
        return self._ledger.take_back_posts()

    def unfinished(self) -> bool:
        """Whether the API is still to be asked, now that nothing else is due; asks for it."""
        with self._lock:
            if self._questions or self._open_questions:
                return True
            return self._ask_sample(self._sample.still_wanted)

    def conclude(self) -> None:
        """Believe what is left, at the end of a crawl that has asked for all, and say the share."""
        self._ledger.believe_refusals()
        if self._sample.checked:
            self._say(
                f"checked {self._sample.checked} of {self._sample.refused} dead pictures with the "
                f"API: {self._sample.live} live"
            )
