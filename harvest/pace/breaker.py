"""A circuit breaker: while a whole service is down, nobody's attempts are spent on it.

A photo has a handful of attempts, which ten minutes of outage would use up for every photo in
flight. Failures of the kind that a service gives when it is down, several in a row, open the
breaker: then one trial at a time asks whether it is back, at delays with full jitter that grow, and
all others wait. An outage and photos that always fail look the same once only such photos are left,
so a trial that fails after ten minutes counts against its photo again, or the crawl would not end.

A host of pictures can be in trouble in another way: it answers, and refuses pictures that live
(``harvest.trust.picture_trust``). Then no answer closes the breaker but a picture that the API
vouches for, and the trials are made for such pictures alone. While it is found out, all wait.
"""

import threading
import time
from collections.abc import Callable

from flickr_emotion.harvest.pace.retry import RetryPolicy

_IN_A_ROW = 5
# The longest that one who was handed the trial may take to say how it ended.
_TRIAL_SECONDS = 120.0
# How soon those who wait ask again while a trial is out.
_LOOK_SECONDS = 0.5
# How soon those ask again who wait for the API's word on a host.
_HELD_SECONDS = 0.02


class Breaker:
    """Stands before one service; its methods may be called from any thread."""

    def __init__(
        self,
        what: str,
        *,
        retry: RetryPolicy,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``what`` names the service to ``say``, which is told when it goes and when it is back."""
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
        """Whether the service refuses what lives: its answers are not believed."""
        self.epoch = 0
        """Counts the beginnings and the ends of such spells: an answer to what was asked in another
        epoch says nothing of this one."""
        self.given_up = False
        """Whether it did so for as long as the patience lasts: nothing more is asked."""

    def hold(self) -> None:
        """Let nobody ask until ``release``: it is being found out what the answers are worth."""
        self._held = True

    def release(self) -> None:
        """Let those ask who waited."""
        self._held = False

    def distrust(self) -> None:
        """Open: the service refuses what lives. ``restored`` closes it, no answer does."""
        with self._lock:
            self._held = False
            self.refusing = True
            self.epoch += 1
            self._opened = self._clock()
            self._failed_trials = 0
            self._wait(self._opened)

    def trial_failed(self) -> bool:
        """Take note that what lives was refused again; return whether to go on trying."""
        with self._lock:
            now = self._clock()
            self._wait(now)
            self.given_up = now - (self._opened or now) >= self._retry.patience
            return not self.given_up

    def restored(self) -> float:
        """Close: what lives is served again; return the seconds that it was not."""
        with self._lock:
            away = max(self._clock() - self._opened, 0.0) if self._opened is not None else 0.0
            self.refusing = False
            self.epoch += 1
            self._opened = self._trial_ends = None
            self._failures = 0
            return away

    def failed(self) -> bool:
        """Take note of a failure as of a service that is down: no connection, no answer, 5xx.

        Returns whether the breaker is open and the failure is to be held against no photo.
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
            if self._trial_ends is None:  # was in flight when the breaker opened
                return True
            self._wait(now)
            return now - self._opened < self._retry.patience

    def succeeded(self) -> None:
        """Take note of a real answer, whatever it says: the service is there."""
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
        """Return the seconds until the caller may ask: 0 where it may, or is to make the trial.

        ``vouched``: it asks for what is known to live.
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
            # A clock that was set back would leave the next trial far in the future.
            if 0 < rest <= self._retry.longest_delay:
                return rest
            self._trial_ends = now + _TRIAL_SECONDS
            return 0.0

    def _wait(self, now: float) -> None:
        self._failed_trials += 1
        self._next_trial = now + self._retry.backoff(self._failed_trials)
        self._trial_ends = None
