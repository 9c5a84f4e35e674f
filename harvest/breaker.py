"""A circuit breaker: while a whole service is down, nobody's attempts are spent on it.

A photo has a handful of attempts, which ten minutes of outage would use up for every photo in
flight. Failures of the kind that a service gives when it is down, several in a row, open the
breaker: then one trial at a time asks whether it is back, at delays with full jitter that grow, and
all others wait. An outage and photos that always fail look the same once only such photos are left,
so a trial that fails after ten minutes counts against its photo again, or the crawl would not end.
"""

import threading
import time
from collections.abc import Callable

from harvest.retry import RetryPolicy

_IN_A_ROW = 5
# The longest that one who was handed the trial may take to say how it ended.
_TRIAL_SECONDS = 120.0
# How soon those who wait ask again while a trial is out.
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 600.0


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

    def failed(self) -> bool:
        """Take note of a failure as of a service that is down: no connection, no answer, 5xx.

        Returns whether the breaker is open and the failure is to be held against no photo.
        """
        with self._lock:
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
            return now - self._opened < _PATIENCE_SECONDS

    def succeeded(self) -> None:
        """Take note of a real answer, whatever it says: the service is there."""
        if not self._failures:
            return
        with self._lock:
            self._failures = 0
            self._trial_ends = None
            if self._opened is not None:
                away = max(self._clock() - self._opened, 0.0)
                self._opened = None
                self._say(f"{self._what} answers again, after {away:.0f} s")

    def delay(self) -> float:
        """Return the seconds until the caller may ask: 0 where it may, or is to make the trial."""
        with self._lock:
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
