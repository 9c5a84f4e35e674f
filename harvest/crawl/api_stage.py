"""The API stage: threads that run the planner's jobs.

A call waits for its turn far longer than it takes, so a few threads are enough: they only keep a
slow answer from delaying the next call.
"""

import threading
from collections.abc import Callable

from flickr_emotion.common.interruption import wait_for
from flickr_emotion.harvest.crawl.planner import Planner

# Threads look again regularly: retries become due and pictures are settled without a notification.
_LOOK_SECONDS = 0.5


class ApiStage:
    """Asks Flickr for posts, in the planner's order, until it is stopped."""

    name = "api"

    def __init__(self, planner: Planner, *, workers: int, stopped: threading.Event) -> None:
        """``stopped`` ends the work and every wait; the stage sets it itself if it fails."""
        self._idle = False
        self._planner = planner
        self._stopped = stopped
        self._threads = [
            threading.Thread(target=self._run, name=f"{self.name}-{number}")
            for number in range(workers)
        ]
        self._state = threading.Condition()
        self._error: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Whether no call is in flight and there was no job when a thread last looked."""
        with self._state:  # A thread that looks for a job holds the lock until it has set this.
            return self._idle

    def start(self, changed: Callable[[], None]) -> None:
        """Start the threads; ``changed`` is called when the stage becomes idle or fails."""
        self._changed = changed
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Make the threads look at the ledger and at ``stopped`` again."""
        with self._state:
            # One thread looks; if it finds work, it wakes the next.
            self._state.notify(len(self._threads) if self._stopped.is_set() else 1)

    def join(self) -> None:
        """Wait until calls in flight are finished; raise the stage's exception, if any."""
        for thread in self._threads:
            if thread.ident is not None:  # Ctrl-C may come before the thread was started.
                wait_for(thread)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                with self._state:
                    job = self._planner.next_job()
                    was_idle, self._idle = self._idle, job is None and not self._planner.busy
                    if job is None:
                        # Only at the change: the crawl answers each notice by waking the stage,
                        # whose threads would give notice again, without end.
                        if self._idle and not was_idle:
                            self._changed()
                        self._state.wait(_LOOK_SECONDS)
                        continue
                    self._state.notify()
                job()
                self.wake()
        except BaseException as error:
            self._error = self._error or error
            self._stopped.set()
            self.wake()
            self._changed()
