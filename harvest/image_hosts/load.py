"""Limit the number of concurrent requests to each image host.

No image host says what it allows. So the limit grows by one for each round of answers and is halved
when the host says that we ask too often (429) or when its answers become much slower, as TCP does
with packets. Before the first such sign it doubles each round. A 429 is about our rate and not
about the photo, so it costs no attempt. ``Retry-After`` pauses all requests to the host, and is
kept in the ledger for the case of a restart.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from flickr_emotion.harvest.ledger.facts import keep_rest, rest_until
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR
from flickr_emotion.harvest.pace.retry import RetryPolicy, TransientError


class HostGivenUpError(TransientError):
    """The host refused existing pictures for longer than a crawl waits; the next crawl retries."""


MOST_AT_ONCE = 128
_FIRST = 16.0
# The limit is halved only if latencies exceed the host's best by this factor and by this many
# seconds: a quarter of a second can come from our own queue.
_SLOWER = 3.0
_SLOWER_SECONDS = 0.25
_SMOOTHING = 0.1
# The best latency is taken over this many answers, since the route to the host may change.
_WINDOW = 1000
# After this many cuts without an answer in between, the host is given a pause.
_PATIENT_CUTS = 3
_SAID_REST_SECONDS = 10.0


class ImageHost:
    """One host; for use within one event loop."""

    def __init__(
        self,
        name: str,
        *,
        retry: RetryPolicy,
        say: Callable[[str], None],
        ledger: Ledger,
    ) -> None:
        """Start with the pause, if any, that the host asked an earlier crawl for."""
        self.limit = _FIRST
        """The number of concurrent requests."""
        self._name = name
        self._retry = retry
        self._say = say
        self._ledger = ledger
        self.breaker = Breaker(f"the image server {name}", retry=retry, say=say)
        self._busy = 0
        self._abandoned = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._vouched: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._rest_until = min(rest_until(ledger, name), now() + HOUR)
        self._doubling = True
        self._cut_at = 0.0
        self._cuts_in_a_row = 0
        self._latency = 0.0
        self._best = self._best_before = float("inf")
        self._answers = 0

    @property
    def name(self) -> str:
        """The host's name, with the port."""
        return self._name

    async def enter(self, *, vouched: bool = False) -> None:
        """Wait until one request may be made; cancelled by ``abandon``.

        ``vouched``: the picture is known to exist; only such pictures are requested from a host
        that refuses existing ones. Raises ``HostGivenUpError`` if the host did so for too long.
        """
        turn = asyncio.get_running_loop().create_future()
        if self._abandoned:
            turn.cancel()
        elif self.breaker.given_up:
            turn.set_exception(self._given_up())
        else:
            (self._vouched if vouched else self._waiting).append(turn)
            self._admit()
        await turn

    def _given_up(self) -> HostGivenUpError:
        return HostGivenUpError(
            f"{self._name} refused pictures that exist: its answers are not believed"
        )

    def give_up(self) -> None:
        """Fail all waiting and future requests, since the breaker's patience has run out."""
        while self._waiting:
            self._waiting.popleft().set_exception(self._given_up())

    def leave(self) -> None:
        """End a request, so that the next one may start."""
        self._busy -= 1
        self._admit()

    def abandon(self) -> None:
        """Cancel all waiting and future requests."""
        self._abandoned = True
        if self._alarm:
            self._alarm.cancel()
        for queue in (self._waiting, self._vouched):
            while queue:
                queue.popleft().cancel()

    def answered(self, latency: float) -> None:
        """Record an answer other than a failure; ``latency``: seconds until its head arrived."""
        self.breaker.succeeded()
        self._cuts_in_a_row = 0
        self._answers += 1
        if self._answers % _WINDOW == 0:
            self._best_before, self._best = self._best, latency
        self._best = min(self._best, latency)
        self._latency += _SMOOTHING * (latency - self._latency)
        best = min(self._best, self._best_before)
        if self._latency > max(_SLOWER * best, best + _SLOWER_SECONDS):
            self._cut(time.monotonic() - latency)
        else:
            self.limit = min(
                MOST_AT_ONCE, self.limit + (1.0 if self._doubling else 1.0 / self.limit)
            )

    def failed(self, error: TransientError, started: float) -> bool:
        """Record a failure; return whether it costs its photo an attempt.

        ``started``: the time of the request, from ``time.monotonic``.
        """
        if error.too_many:
            self.breaker.succeeded()
            if self._cut(started):
                self._cuts_in_a_row += 1
            rest = error.retry_after or 0.0
            if self._cuts_in_a_row >= _PATIENT_CUTS:
                rest = max(rest, self._retry.backoff(self._cuts_in_a_row))
            self._rest(rest)
            return False
        if error.down:
            return not self.breaker.failed()
        self.breaker.succeeded()
        return True

    def _cut(self, started: float) -> bool:
        # A request from before the last cut says nothing about the rate since then.
        if started < self._cut_at:
            return False
        self._cut_at = time.monotonic()
        self._doubling = False
        self.limit = max(1.0, self.limit / 2)
        return True

    def _rest(self, seconds: float) -> None:
        until = now() + seconds
        if until <= self._rest_until:
            return
        self._rest_until = until
        if seconds >= _SAID_REST_SECONDS:
            keep_rest(self._ledger, self._name, until)
            self._say(f"the image server {self._name} asks for a rest: {seconds:.0f} s")

    def _admit(self) -> None:
        self._admit_from(self._vouched, vouched=True)
        self._admit_from(self._waiting, vouched=False)

    def _admit_from(self, queue: "deque[asyncio.Future[None]]", *, vouched: bool) -> None:
        while queue and self._busy < int(self.limit):
            wait = self._rest_until - now()
            if wait <= 0:
                # Ask the breaker last: it may make this request the trial.
                wait = self.breaker.delay(vouched=vouched)
            if wait > 0:
                self._look_again(wait)
                return
            self._busy += 1
            queue.popleft().set_result(None)

    def _look_again(self, wait: float) -> None:
        loop = asyncio.get_running_loop()
        if self._alarm and not self._alarm.cancelled():
            if loop.time() < self._alarm.when() <= loop.time() + wait:
                return
            self._alarm.cancel()
        self._alarm = loop.call_later(wait, self._admit)


class ImageHosts:
    """The hosts by name; for use within one event loop."""

    def __init__(self, *, retry: RetryPolicy, say: Callable[[str], None], ledger: Ledger) -> None:
        """``say`` reports outages and pauses; ``ledger`` keeps the pauses."""
        self._retry = retry
        self._say = say
        self._ledger = ledger
        self._hosts: dict[str, ImageHost] = {}
        self._abandoned = False

    def of(self, url: str) -> ImageHost:
        """Return the host of a URL."""
        return self.named(urlsplit(url).netloc)

    def named(self, name: str) -> ImageHost:
        """Return the host with a name, which includes its port."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = ImageHost(
                name, retry=self._retry, say=self._say, ledger=self._ledger
            )
            if self._abandoned:
                host.abandon()
        return host

    def abandon(self) -> None:
        """Cancel every request that has not been made yet."""
        self._abandoned = True
        for host in self._hosts.values():
            host.abandon()
