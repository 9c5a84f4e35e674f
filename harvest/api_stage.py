"""The posts of a crawl: a call each, at the quota's pace, once a picture needs no further try."""

import threading
import time
from collections import deque
from collections.abc import Callable

from harvest.api import FlickrClient
from harvest.ledger import DuePhoto, Ledger
from harvest.pacing import Pacer
from harvest.photo_url import PhotoReference
from harvest.retry import PhotoGoneError, PhotoPrivateError, RetryPolicy, TransientError

_DUE = 500
_LOOK_SECONDS = 0.5


def ask_for_post(ledger: Ledger, client: FlickrClient, reference: PhotoReference) -> None:
    """Spend a call on a post and record what came of it; a ``TransientError`` is the caller's."""
    photo_id = reference.photo_id
    try:
        answer = client.get_info(reference)
    except PhotoGoneError as error:
        ledger.record_final("api", photo_id, "gone", str(error))
    except PhotoPrivateError as error:
        ledger.record_final("api", photo_id, "private", str(error))
    else:
        ledger.record_answer(answer)


class ApiStage:
    """Asks Flickr for posts with a few threads."""

    name = "api"

    def __init__(
        self,
        ledger: Ledger,
        client: FlickrClient,
        pacer: Pacer,
        *,
        retry: RetryPolicy,
        workers: int,
        stopped: threading.Event,
    ) -> None:
        """``stopped`` ends the work and every wait; it is set by the stage where it fails."""
        self.idle = False
        self._ledger = ledger
        self._client = client
        self._pacer = pacer
        self._retry = retry
        self._stopped = stopped
        self._threads = [
            threading.Thread(target=self._run, name=f"{self.name}-{number}")
            for number in range(workers)
        ]
        self._state = threading.Condition()
        self._waiting: deque[DuePhoto] = deque()
        self._busy: set[str] = set()
        self._error: BaseException | None = None

    def start(self, changed: Callable[[], None]) -> None:
        """Start to work."""
        self._changed = changed
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at the ledger and at ``stopped`` again."""
        with self._state:
            self._state.notify_all()

    def join(self) -> None:
        """Wait until what is in flight is finished; raise what the stage failed with."""
        for thread in self._threads:
            if thread.ident is not None:  # Ctrl-C may come before it was started
                thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while (photo := self._take()) is not None:
                try:
                    self._ask(photo)
                finally:
                    with self._state:
                        self._busy.discard(photo.reference.photo_id)
                        self._state.notify_all()
                self._changed()
        except BaseException as error:
            self._error = self._error or error
            self._stopped.set()
            self.wake()
            self._changed()

    def _take(self) -> DuePhoto | None:
        with self._state:
            while not self._stopped.is_set():
                if not self._waiting:
                    photos = self._ledger.due(
                        "api", now=time.time(), limit=_DUE + len(self._busy), after_image=True
                    )
                    self._waiting.extend(
                        photo for photo in photos if photo.reference.photo_id not in self._busy
                    )
                was_idle, self.idle = self.idle, not self._waiting and not self._busy
                if self._waiting:
                    photo = self._waiting.popleft()
                    self._busy.add(photo.reference.photo_id)
                    return photo
                if self.idle and not was_idle:
                    self._changed()
                next_try = self._ledger.next_due("api", after_image=True) if self.idle else None
                wait = _LOOK_SECONDS
                if next_try is not None:
                    wait = min(max(next_try - time.time(), 0.001), _LOOK_SECONDS)
                self._state.wait(wait)
        return None

    def _ask(self, photo: DuePhoto) -> None:
        if not self._pacer.wait(self._stopped):
            return
        try:
            ask_for_post(self._ledger, self._client, photo.reference)
        except TransientError as error:
            delay = self._retry.delay(photo.attempts + 1, error.retry_after)
            self._ledger.record_failure(
                self.name, photo.reference.photo_id, str(error), delay=delay
            )
            if error.too_many:
                self._pacer.hold(delay or 0.0)
