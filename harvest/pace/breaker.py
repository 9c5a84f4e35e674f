"""A circuit breaker: no photo loses attempts while a whole service is down.

A photo has only a few attempts, and an outage of ten minutes would use them up for every photo in
flight. Several outage-like failures in a row open the breaker. From then on one trial at a time
tests whether the service is back, at growing delays with full jitter, and all other requests wait.
An outage looks the same as photos that always fail once only such photos are left. So a trial that
fails after ten minutes counts against its photo again; otherwise the crawl would never end.

An image host can also fail in another way: it answers, but refuses pictures that exist
(``harvest.trust.picture_trust``). Then only a picture that the API vouches for closes the breaker,
and trials ask for such pictures only. All requests wait while the API is asked.
"""

import threading
import time
from collections.abc import Callable

from flickr_emotion.harvest.pace.retry import RetryPolicy

_IN_A_ROW = 5
# A trial that has not reported its result after this time no longer blocks the next one.
_TRIAL_SECONDS = 120.0
# How often waiting callers ask again while a trial is in flight.
_LOOK_SECONDS = 0.5
# How often callers ask again while the API is asked about the host.
_HELD_SECONDS = 0.02


class Breaker:
    """The circuit breaker of one service; its methods may be called from any thread."""

    def __init__(
        self,
        what: str,
        *,
        retry: RetryPolicy,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``what``: the service's name in the messages to ``say`` about outages."""
        self._what = what
        self._retry = retry
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opened: float | None = None
        self._failed_trials = 0
        self._next_trial = 0.0
        self._trial_ends: float | None = None
        self._held = False
        self.refusing = False
        """Whether the service refuses pictures that exist, so that its answers are not believed."""
        self.epoch = 0
        """Grows when such a period begins or ends: an answer to a request of another epoch says
        nothing about the current one."""
        self.given_up = False
        """Whether it refused them for longer than the patience: nothing more is requested."""

    def hold(self) -> None:
        """Stop all requests until ``release``, while the API is asked about refused pictures."""
        self._held = True

    def release(self) -> None:
        """Let the waiting requests go on."""
        self._held = False

    def distrust(self) -> None:
        """Open because the service refuses pictures that exist; only ``restored`` closes it."""
        with self._lock:
            self._held = False
            self.refusing = True
            self.epoch += 1
            self._opened = self._clock()
            self._failed_trials = 0
            self._wait(self._opened)

    def trial_failed(self) -> bool:
        """Record that an existing picture was refused again; return whether to go on trying."""
        with self._lock:
            now = self._clock()
            self._wait(now)
            self.given_up = now - (self._opened or now) >= self._retry.patience
            return not self.given_up

    def restored(self) -> float:
        """Close because existing pictures are served again; return the seconds of the outage."""
        with self._lock:
            away = max(self._clock() - self._opened, 0.0) if self._opened is not None else 0.0
            self.refusing = False
            self.epoch += 1
            self._opened = self._trial_ends = None
            self._failures = 0
            return away

    def failed(self) -> bool:
        """Record an outage-like failure: no connection, no answer, 5xx.

        Returns whether the breaker is open, so that the failure counts against no photo.
        """
        with self._lock:
            if self.refusing:
                return True
            self._failures += 1
            now = self._clock()
            if self._opened is None:
                if self._failures < _IN_A_ROW:
                    return False
                self._opened = now
                self._failed_trials = 0
                self._wait(now)
                self._say(
                    f"{self._what} does not answer ({self._failures} failures in a row): waiting "
                    "until it is back, no attempt is counted meanwhile"
                )
                return True
            if self._trial_ends is None:  # The request was in flight when the breaker opened.
                return True
            self._wait(now)
            return now - self._opened < self._retry.patience

    def succeeded(self) -> None:
        """Record a real answer; whatever it says, the service is up."""
        if not self._failures:
            return
        with self._lock:
            if self.refusing:
                return
            self._failures = 0
            self._trial_ends = None
            if self._opened is not None:
                away = max(self._clock() - self._opened, 0.0)
                self._opened = None
                self._say(f"{self._what} answers again, after {away:.0f} s")

    def delay(self, *, vouched: bool = False) -> float:
        """Return the seconds until the caller may ask; 0 if it may ask, or should make the trial.

        ``vouched``: whether it asks for a picture that is known to exist.
        """
        with self._lock:
            if self._held or (self.refusing and not vouched):
                return _HELD_SECONDS
            if self._opened is None:
                return 0.0
            now = self._clock()
            if self._trial_ends is not None and now < self._trial_ends:
                return min(_LOOK_SECONDS, self._trial_ends - now)
            rest = self._next_trial - now
            # If the clock was set back, the next trial would lie far in the future.
            if 0 < rest <= self._retry.longest_delay:
                return rest
            self._trial_ends = now + _TRIAL_SECONDS
            return 0.0

    def _wait(self, now: float) -> None:
        self._failed_trials += 1
        self._next_trial = now + self._retry.backoff(self._failed_trials)
        self._trial_ends = None
