"""Decide when a refused picture is believed, so that a host in trouble settles no existing posts.

A picture that is gone, private or a placeholder settles its post without a call. If a host answered
like this for everything, it would settle all remaining posts. So the answers of each host are
watched. If it refuses far more pictures than this harvest has seen so far, or one that the API has
vouched for, all requests to it wait while the API is asked about a few refused photos.

If the API says that they exist, the refusals of the host are taken back, and the host is tried with
existing pictures (``harvest.image_hosts.trials``). If it confirms the refusals, they are a run of
dead photos, such as those of one owner who left. If a host has lost some pictures of existing
posts, or too many posts in a sample of all dead pictures exist, pictures settle no more posts in
this crawl.
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

# Pictures of earlier crawls to try if a host has served none in this one; some may be gone by now.
_SERVED_BEFORE = 3


class PictureTrust:
    """Watches the answers of image hosts; its methods may be called from any thread."""

    def __init__(
        self,
        ledger: Ledger,
        breaker_of: Callable[[str], Breaker],
        *,
        settle_posts: bool,
        say: Callable[[str], None],
    ) -> None:
        """Start with the share of dead pictures in the ledger.

        ``settle_posts``: whether a dead picture settles its post.
        """
        self.settles_posts = settle_posts
        """Whether a dead picture still settles its post."""
        self.changed: Callable[[], None] = lambda: None
        """Called when the state of a host may have changed."""
        self._ledger = ledger
        self._breaker_of = breaker_of
        self._say = say
        self._lock = threading.Lock()
        self._hosts: dict[str, WatchedHost] = {}
        self._questions: deque[Question] = deque()
        self._open_questions = 0
        """Number of questions that the API is being asked now."""
        self._settled_before = ledger.settled_pictures()
        self._sample = DeadSample()
        self._spells = 0

    # Answers of image hosts.

    def doubted(self, host: str, epoch: int) -> bool:
        """Whether a refusal must not be recorded; ``epoch``: the breaker's, at the request."""
        known = self._hosts.get(host)
        return known is not None and known.is_doubted(epoch)

    def saw(self, host: str, photo_id: str, *, refused: bool) -> None:
        """Register a recorded answer: a complete picture or a refusal."""
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
        """Register the refusal of a picture that the API has vouched for."""
        with self._lock:
            watched = self._watched(host)
            if watched.state == "well" and not watched.answers.in_known_run:
                self._suspect(watched, f"refuses photo {photo_id}, which exists by the API")

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

    # Answers of the API.

    def next_question(self, in_hand: Collection[str]) -> Question | None:
        """Return the next question for the API, which comes before all other calls, if any.

        ``in_hand``: photos that the API is being asked about now.
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
        """Ask the API a question, and act on the answer."""
        refused = self._ledger.photo("api", question.photo_id)
        verdict = verdict_on(refused, self._ledger, calls)
        with self._lock:
            self._open_questions -= 1
            if calls.stopped:
                return
            if question.host is None:
                # A photo drawn before a host got into trouble says nothing about the others.
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
        elif host.refuses_existing:
            self._distrust(host)
        else:
            host.confirm()
            dead = host.known - host.living
            self._say(f"the API confirms {dead} of {host.known}: the crawl goes on")

    def _distrust(self, host: WatchedHost) -> None:
        if not host.vouched:  # The API did not answer: try the refused pictures themselves.
            host.vouched = [self._ledger.photo("api", it).reference for it in host.asked]
        # Set the state first: no refusal in flight may be recorded after the others are taken back.
        host.state = "trouble"
        taken_back = self._ledger.take_back_refusals(host.name)
        self._sample.begin_anew(taken_back=taken_back)
        self._spells += 1
        host.distrust()
        exist = f"{host.living} of {host.known} exist by the API"
        self._say(
            f"the image server {host.name} refuses pictures that exist "
            f"({exist if host.known else 'the API does not say'}): {taken_back} refusals "
            "are taken back"
        )

    # Hosts in trouble.

    def in_trouble(self) -> list[str]:
        """Return the hosts that must be tried with existing pictures."""
        return [host.name for host in tuple(self._hosts.values()) if host.state == "trouble"]

    def living(self, host: str) -> tuple[list[PhotoReference], list[PhotoReference]]:
        """Return existing pictures to try: some that were served before, and some refused ones."""
        with self._lock:
            watched = self._hosts[host]
            served = [watched.served] if watched.served else []
            if not served:
                served = served_before(self._ledger, _SERVED_BEFORE)
            references = [self._ledger.photo("image", it).reference for it in served]
            return references, list(watched.vouched)

    def serves_some(self, host: str) -> int:
        """Register that a host still serves a picture from before, but refuses other existing ones.

        Returns how many posts are due again.
        """
        with self._lock:
            self._hosts[host].serve_some()
            return self._settle_no_posts()

    def serves_again(self, host: str) -> float:
        """Register that a host serves existing pictures again; return the outage's seconds."""
        with self._lock:
            watched = self._hosts[host]
            away = watched.serve_again()
            if watched.state == "partial":
                self._settle_no_posts()
            return away

    def gave_up(self, host: str) -> None:
        """Register that a host refused existing pictures for longer than the crawl waits."""
        with self._lock:
            self._hosts[host].state = "given up"

    # The sample.

    def _ask_sample(self, count: int) -> bool:
        """Queue questions about some dead pictures of the crawl; return whether there are any."""
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
                f"{self._sample.live} of {self._sample.checked} checked dead pictures belong to "
                "existing posts: refused pictures settle no posts in this crawl, and the API is "
                f"asked about {opened} posts"
            )
        elif self._sample.is_enough:
            self._ledger.believe_refusals()

    def _settle_no_posts(self) -> int:
        self.settles_posts = False
        return self._ledger.take_back_posts()

    def unfinished(self) -> bool:
        """Whether the API must still answer questions once nothing else is due; may add some."""
        with self._lock:
            if self._questions or self._open_questions:
                return True
            return self._ask_sample(self._sample.still_wanted)

    def conclude(self) -> None:
        """Believe the remaining refusals at the end of a complete crawl; report the sample."""
        self._ledger.believe_refusals()
        if self._sample.checked:
            self._say(
                f"checked {self._sample.checked} of {self._sample.refused} dead pictures with the "
                f"API: {self._sample.live} live"
            )
