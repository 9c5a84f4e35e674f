"""The API's quota: calls are spread evenly and never exceed the allowed number in any hour.

Calls of earlier crawls count as well: their times come from the ledger. Wall-clock time is used
because the quota outlives the process.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable

from flickr_emotion.harvest.pace.clock import now

HOUR = 3600.0


class Pacer:
    """Says when the next call may be made; its methods may be called from any thread."""

    def __init__(
        self,
        quota: int,
        earlier_calls: Iterable[float] = (),
        clock: Callable[[], float] = now,
    ) -> None:
        """``quota``: calls per hour, 0 for no limit; ``earlier_calls``: unix times, in order."""
        self._clock = clock
        self._quota = quota
        self._interval = HOUR / quota if quota else 0.0
        # If the clock was set back, earlier calls lie in the future: they count as made just now.
        at_start = clock()
        self._times = deque(min(at, at_start) for at in earlier_calls)
        self._not_before = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Reserve the next call; return the unix time at which it may be made."""
        with self._lock:
            at = max(self._clock(), self._not_before)
            if self._quota:
                if self._times:
                    at = max(at, self._times[-1] + self._interval)
                while self._times and self._times[0] <= at - HOUR:
                    self._times.popleft()
                if len(self._times) >= self._quota:
                    at = max(at, self._times[-self._quota] + HOUR)
                self._times.append(at)
            return at

    def hold(self, seconds: float) -> None:
        """Allow no call for this many seconds, because the server asked for a rest."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def wait(self, stop: threading.Event) -> bool:
        """Wait for the next call's time; return false if ``stop`` was set before it came."""
        at = self.reserve()
        while not stop.is_set():
            if (rest := at - self._clock()) > 0:
                stop.wait(rest)
            elif self._clock() < self._not_before:
                # A hold came meanwhile. Reserve again, so that the waiting calls are spread out
                # after it and not all made at its end.
                at = self.reserve()
            else:
                return True
        return False
