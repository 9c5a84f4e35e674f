"""Choose the next API calls, so that few calls settle all wanted photos.

1. A photo whose picture is gone is settled without a call, so pictures go first.
2. Then come the listings of the words with which photos were found, as text and as tags, as long as
   a page is expected to bring more than ``getInfo`` would (``harvest/calls/sweep.py``).
3. Then come the listings of owners with several remaining photos. A listing needs the owner's NSID,
   which any answer about one of their photos contains.
4. ``getInfo`` settles each remaining photo.

The few questions that decide whether dead pictures are believed come before all of these
(``harvest/trust/picture_trust.py``).

Each of these is a job for one thread. The jobs follow from the ledger, so a restarted crawl
continues with the same plan.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.calls.subject_listings import SubjectListings
from flickr_emotion.harvest.flickr.listings import owner_listing
from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import (
    OwnersPhotos,
    Yields,
    are_unproven,
    open_photos,
    owners_photos,
    search_subjects,
    windows,
)
from flickr_emotion.harvest.ledger.rows.answered_posts import owner_of
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.trust.picture_trust import PictureTrust

Job = Callable[[], None]
"""Work for one thread; it ends when it is done or the crawl is stopped."""

# Pictures are requested in the list's order, so the first subjects are ready first.
_LOOK_AHEAD = 20
# The share of a subject's pictures that must be settled: the last ones may wait long for a retry.
_READY = 0.95
# The share of the processor time of a core that looking for a ready subject may take.
_LOOK_COST = 0.05
_BATCH = 500
# After this many calls for labels that may have nothing to do with how the photos were found, their
# yield decides whether the other labels are searched too.
_TRIAL = 4
# Photo ids that a page of an owner's listing is expected to span before any page was listed: four
# months of Flickr's ids.
_OWNERS_SPAN = 3e8


class Planner:
    """Hands out jobs to the threads of the API stage."""

    def __init__(
        self, ledger: Ledger, calls: ApiCalls, trust: PictureTrust, *, last_row: int
    ) -> None:
        """Continue from the state of the ledger, with the photos up to ``last_row``.

        ``trust`` has additional questions to the API.
        """
        self._ledger = ledger
        self._calls = calls
        self._trust = trust
        self._last_row = last_row
        self._lock = threading.Lock()
        self._owners: deque[OwnersPhotos] | None = None
        self._photos: deque[DuePhoto] = deque()
        self._asked: set[str] = set()
        self._busy = 0
        self._next_look = 0.0
        self._plan = PlanRecord.load(ledger)
        self._unproven = are_unproven(ledger)
        self._subjects = deque(() if self._words_fail() else search_subjects(ledger))
        self._owners_yields = Yields(ledger, "owner")
        self._by_words = SubjectListings(ledger, calls)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        with self._lock:
            return self._busy > 0

    def next_job(self) -> Job | None:
        """Return the next job; None if there is none now, although there may be later.

        A job that raises ends the crawl. Its photos stay reserved, so that no other thread asks
        about them again before the crawl is stopped.
        """
        with self._lock:
            job = self._next()
            if job is None:
                return None
            self._busy += 1

        def run() -> None:
            job()
            with self._lock:
                self._busy -= 1

        return run

    def _next(self) -> Job | None:
        if (question := self._trust.next_question(self._asked)) is not None:
            self._asked.add(question.photo_id)
            return lambda: self._release(
                {question.photo_id}, lambda: self._trust.ask(question, self._calls)
            )
        if self._subjects:
            subject = self._ready_subject()
            if subject is not None:
                return lambda: self._list_subject(*subject)
            if self._subjects:
                return None  # Wait until more of their pictures are settled.
        if self._owners is None:
            if self._busy:
                return None  # Wait until it is known what the last listings leave.
            self._owners = deque(owners_photos(self._ledger, last_row=self._last_row))
        if self._owners:
            owner = self._owners.popleft()
            photo_ids = {str(number) for number in owner.photo_ids}
            self._asked |= photo_ids  # No other thread may request them one by one meanwhile.
            return lambda: self._release(photo_ids, lambda: self._list_owner(owner))
        return self._next_photo()

    # Listings of words.

    def _ready_subject(self) -> tuple[str, tuple[int, ...]] | None:
        """Return the first subject whose pictures are settled, with its open photos."""
        if time.monotonic() < self._next_look:
            return None
        # A look that only waits, for the ledger or on a busy machine, must not delay the next one.
        started = time.thread_time()
        for place in range(_LOOK_AHEAD):
            while place < len(self._subjects):
                found = open_photos(self._ledger, self._subjects[place], last_row=self._last_row)
                if len(found.photo_ids) > 1:
                    break
                del self._subjects[place]  # None, or a single one that getInfo settles.
            else:
                break
            if found.pictures_to_settle <= (1 - _READY) * len(found.photo_ids):
                subject = self._subjects[place]
                del self._subjects[place]
                return subject, found.photo_ids
        self._next_look = time.monotonic() + (time.thread_time() - started) / _LOOK_COST
        return None

    def _list_subject(self, subject: str, photo_ids: tuple[int, ...]) -> None:
        brought = self._by_words.list_subject(subject, photo_ids)
        with self._lock:
            if brought.calls:  # Without calls, an earlier crawl has listed and counted it.
                self._plan.calls += brought.calls
                self._plan.won += brought.won
                self._plan.listed += len(photo_ids)
                self._plan.save(self._ledger)
            if self._words_fail():
                self._subjects.clear()

    def _words_fail(self) -> bool:
        """Whether searches for the labels of a list have brought less than ``getInfo`` would."""
        calls = self._plan.calls
        if not self._unproven or calls < _TRIAL:
            return False
        from flickr_emotion.harvest.calls.sweep import WORTHWHILE

        return self._plan.won < WORTHWHILE * calls

    # Listings of owners.

    def _list_owner(self, owner: OwnersPhotos) -> None:
        left = list(owner.photo_ids)
        nsid = owner.nsid
        # If the owner's NSID is unknown, two photos cost two calls either way.
        while nsid is None and len(left) > 2 and not self._calls.stopped:
            photo_id = str(left.pop(len(left) // 2))
            if (photo := self._ledger.due_post(photo_id)) is not None:
                self._calls.get_post_once(photo)
            nsid = owner_of(self._ledger, photo_id)
        if nsid is None or len(left) < 2:
            return
        from flickr_emotion.harvest.calls.sweep import Sweep  # It loads numpy.

        listing, yields = owner_listing(nsid), self._owners_yields
        sweep = Sweep(
            left,
            windows(self._ledger, listing),
            usual_span=yields.usual_span or _OWNERS_SPAN,
            usual_hits=yields.hits,
        )
        while not self._calls.stopped and (start := sweep.next_start()) is not None:
            page = self._calls.list_page_with_retries(listing, sweep, start)
            if page is not None:
                with self._lock:
                    yields.add(page.window)

    # Single photos.

    def _next_photo(self) -> Job | None:
        if not self._photos:
            due = self._ledger.due(
                "api",
                now=now(),
                count=_BATCH + len(self._asked),
                last_row=self._last_row,
                after_image=True,
            )
            self._photos.extend(
                photo for photo in due if photo.reference.photo_id not in self._asked
            )
        while self._photos:
            photo_id = self._photos.popleft().reference.photo_id
            if photo_id not in self._asked:  # A question may have asked for it meanwhile.
                break
        else:
            return None
        self._asked.add(photo_id)
        return lambda: self._release({photo_id}, lambda: self._ask(photo_id))

    def _ask(self, photo_id: str) -> None:
        # Read the photo again: its batch was read some time ago.
        if (photo := self._ledger.due_post(photo_id)) is not None:
            self._calls.get_post_once(photo)

    def _release(self, photo_ids: set[str], job: Job) -> None:
        """Run a job, then allow requests for its photos again if they are still due."""
        job()
        with self._lock:
            self._asked -= photo_ids
