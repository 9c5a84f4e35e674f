"""Hands due photos to the workers of the two stages, pictures and API calls, until none is left.

The two feed each other: a picture that lives makes its post worth a call, and an answer may say
where a picture is. So neither is finished before both are.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from harvest.ledger import DuePhoto, Ledger

_BATCH = 500


class Stage(Protocol):
    """One kind of work on photos."""

    name: str
    """``image`` or ``api``, as the ledger's columns are named."""
    workers: int
    after_image: bool
    """Whether a photo is only due once its picture needs no further try."""

    def work(self, photo: DuePhoto) -> None:
        """Do the work on one photo and record its outcome."""


class Dispatcher:
    """Runs stages over a ledger with their own numbers of threads."""

    def __init__(self, ledger: Ledger, stages: list[Stage], *, stopped: threading.Event) -> None:
        """``stopped`` is set when the work ends, for stages that wait within a photo's work."""
        self._ledger = ledger
        self._stages = stages
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[DuePhoto]] = {stage.name: deque() for stage in stages}
        self._busy: dict[str, set[str]] = {stage.name: set() for stage in stages}
        self._finished = False
        self._error: BaseException | None = None
        self._stopped = stopped

    def run(self, tick: Callable[[], None], say: Callable[[str], None]) -> bool:
        """Work until nothing is due any more, calling ``tick`` about twice a second meanwhile.

        Ctrl-C ends it early, with what is in flight finished; returns whether it did. A second
        Ctrl-C ends the process at once, which the ledger survives. Raises what a stage raised.
        """
        threads: list[threading.Thread] = []
        interrupted = False
        try:
            for stage in self._stages:
                for number in range(stage.workers):
                    thread = threading.Thread(
                        target=self._loop, args=(stage,), name=f"{stage.name}-{number}"
                    )
                    threads.append(thread)
                    thread.start()
            while not self._finished:
                tick()
                with self._changed:
                    if not self._finished:
                        self._changed.wait(0.5)
        except KeyboardInterrupt:
            interrupted = True
            say("stopping: what is in flight is finished first; Ctrl-C again does not wait")
        finally:
            self._join(threads)
        if self._error is not None:
            raise self._error
        return interrupted

    def _join(self, threads: list[threading.Thread]) -> None:
        try:
            self.stop()
            for thread in threads:
                if thread.ident is not None:  # Ctrl-C may come before it was started
                    thread.join()
        except KeyboardInterrupt:
            os._exit(130)

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._finished = True
            self._stopped.set()
            self._changed.notify_all()

    def _loop(self, stage: Stage) -> None:
        try:
            while (photo := self._take(stage)) is not None:
                try:
                    stage.work(photo)
                finally:
                    with self._changed:
                        self._busy[stage.name].discard(photo.reference.photo_id)
                        self._changed.notify_all()
        except BaseException as error:
            self._error = self._error or error
            self.stop()

    def _take(self, stage: Stage) -> DuePhoto | None:
        waiting, busy = self._waiting[stage.name], self._busy[stage.name]
        with self._changed:
            while not self._finished:
                if not waiting:
                    waiting.extend(self._due(stage, busy))
                if waiting:
                    photo = waiting.popleft()
                    busy.add(photo.reference.photo_id)
                    return photo
                if not any(self._busy.values()) and not any(self._waiting.values()):
                    due = [
                        self._ledger.next_due(other.name, after_image=other.after_image)
                        for other in self._stages
                    ]
                    times = [time_due for time_due in due if time_due is not None]
                    if not times:
                        self._finished = True
                        self._changed.notify_all()
                        return None
                    self._changed.wait(max(0.0, min(times) - time.time()) + 0.001)
                else:
                    # Woken by every photo that is done, and in time for a retry that falls due.
                    self._changed.wait(0.5)
        return None

    def _due(self, stage: Stage, busy: set[str]) -> list[DuePhoto]:
        photos = self._ledger.due(
            stage.name, now=time.time(), limit=_BATCH + len(busy), after_image=stage.after_image
        )
        return [photo for photo in photos if photo.reference.photo_id not in busy]
