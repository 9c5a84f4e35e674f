"""The picture stage of a crawl: pictures cost no quota, and a dead one settles its post.

One thread runs an event loop with many requests in flight. A second thread does the blocking work,
so that neither a slow disk nor a busy ledger delays the network: it takes due photos from the
ledger, and writes, checks and records results in batches that share a commit.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flickr_emotion.common.interruption import GRACE_SECONDS, wait_for
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.servers import Servers
from flickr_emotion.harvest.image_hosts.client import ImageClient
from flickr_emotion.harvest.image_hosts.load import MOST_AT_ONCE, ImageHosts
from flickr_emotion.harvest.image_hosts.outcomes import PictureOutcomes, PictureResult
from flickr_emotion.harvest.image_hosts.trials import HostTrials
from flickr_emotion.harvest.image_hosts.unchecked_pictures import UncheckedPictures
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.trust.picture_trust import PictureTrust

# The most photos at once that are in flight or wait to be recorded.
_MOST_BUSY = 2 * MOST_AT_ONCE
_DUE = 500
# How long a result may wait for others to be recorded in the same batch, and how many are enough:
# one half is recorded while the other is in flight.
_LINGER_SECONDS = 0.05
_ENOUGH = _MOST_BUSY // 2
_LOOK_SECONDS = 0.5


class ImageStage:
    """Fetches the pictures of due photos, or asks whether they exist."""

    name = "image"

    def __init__(
        self,
        ledger: Ledger,
        servers: Servers,
        *,
        folder: Path,
        fetch: bool,
        size: str,
        last_row: int,
        refresh: bool,
        hosts: ImageHosts,
        trust: PictureTrust,
        retry: RetryPolicy,
        say: Callable[[str], None],
        stopped: threading.Event,
    ) -> None:
        """Write pictures of ``size`` below ``folder``; without ``fetch``, only ask for their heads.

        ``last_row``: only photos up to this row of the ledger are requested. ``refresh``: all are
        requested again. ``trust`` says which refusals of ``hosts`` are recorded. ``stopped`` ends
        the stage once the requests in flight are done; the stage sets it itself if it fails.
        """
        self.idle = False
        self._ledger = ledger
        self._servers = servers
        self._fetch = fetch
        self._size = size
        self._last_row = last_row
        self._hosts = hosts
        self._trust = trust
        self._say = say
        self._stopped = stopped
        self._thread = threading.Thread(target=self._run, name=self.name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._error: BaseException | None = None
        self._unchecked = UncheckedPictures(folder)
        self._outcomes = PictureOutcomes(
            ledger,
            folder=folder,
            refresh=refresh,
            trust=trust,
            retry=retry,
            unchecked=self._unchecked,
        )
        self._taken: set[str] = set()
        """Photos that wait, are in flight or are not recorded yet."""
        self._waiting: deque[DuePhoto] = deque()
        self._open = 0
        """Photos in flight or not recorded yet."""
        self._asking: set[asyncio.Task[None]] = set()
        self._came: list[PictureResult] = []

    def start(self, changed: Callable[[], None]) -> None:
        """Start working; ``changed`` is called after every recorded batch and at the end."""
        self._changed = changed
        self._thread.start()

    def wake(self) -> None:
        """Make the stage look at the ledger and at ``stopped`` again; for any thread."""
        if self._loop:
            with contextlib.suppress(RuntimeError):  # The loop has ended.
                self._loop.call_soon_threadsafe(self._woken.set)

    def join(self) -> None:
        """Wait for the end of the stage; raises the exception that it failed with."""
        if self._thread.ident is not None:
            wait_for(self._thread)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self._error = error
            self._stopped.set()
        self._changed()

    async def _work(self) -> None:
        self._woken = asyncio.Event()
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="image-files") as files:
            self._files = files
            async with (
                ImageClient(self._servers, self._hosts) as client,
                asyncio.TaskGroup() as tasks,
            ):
                recorder = tasks.create_task(self._record())
                trials = HostTrials(
                    self._hosts,
                    self._trust,
                    is_served=lambda reference: self._is_served(client, reference),
                    restored=self._woken.set,
                    say=self._say,
                )
                await self._hand_out(client, tasks, trials)
                self._hosts.abandon()
                await self._finish()
                recorder.cancel()
            if self._fetch:
                self._outcomes.drop_placeholders(self._say)

    async def _finish(self) -> None:
        """Wait a few seconds for requests in flight, and until all results are recorded."""
        assert self._loop is not None
        end: float | None = self._loop.time() + GRACE_SECONDS
        while self._open:
            self._woken.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._woken.wait()
            except TimeoutError:
                end = None
                for task in self._asking:
                    task.cancel()

    async def _hand_out(
        self, client: ImageClient, tasks: asyncio.TaskGroup, trials: HostTrials
    ) -> None:
        assert self._loop is not None
        while not self._stopped.is_set():
            self._woken.clear()
            next_try = None
            if not self._waiting and self._open < _MOST_BUSY:
                due, next_try = await self._loop.run_in_executor(
                    self._files, self._due, frozenset(self._taken)
                )
                self._waiting.extend(due)
                self._taken.update(photo.reference.photo_id for photo in due)
            while self._waiting and self._open < _MOST_BUSY:
                self._open += 1
                task = tasks.create_task(self._ask(client, self._waiting.popleft()))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
            trials.start(tasks)
            if not self._taken and self._unchecked:
                count = self._unchecked.at_once(idle=self.idle)
                if await self._loop.run_in_executor(self._files, self._outcomes.check, count):
                    continue
            was_idle, self.idle = self.idle, not self._taken
            if self.idle and not was_idle:
                self._changed()
            wait = 0.001 if self.idle and self._unchecked else _LOOK_SECONDS
            if self.idle and next_try is not None:
                wait = min(max(next_try - now(), 0.001), wait)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()

    async def _ask(self, client: ImageClient, photo: DuePhoto) -> None:
        try:
            # If the picture is already on disk, only ask whether the host still has it.
            if self._fetch and (photo.fetch_anew or not photo.picture_known):
                reply = await client.fetch(photo.reference, self._size)
            else:
                reply = await client.probe(photo.reference)
        except asyncio.CancelledError:  # The crawl is ending: the picture stays due.
            self._open -= 1
            self._woken.set()
            raise
        self._came.append(PictureResult(photo=photo, reply=reply))
        self._arrived.set()
        if len(self._came) >= _ENOUGH:
            self._enough.set()

    async def _is_served(self, client: ImageClient, reference: PhotoReference) -> bool:
        if self._fetch:
            reply = await client.fetch(reference, self._size, vouched=True)
        else:
            reply = await client.probe(reference, vouched=True)
        return reply.failure is None

    async def _record(self) -> None:
        assert self._loop is not None
        while True:
            await self._arrived.wait()
            if self._open > len(self._came):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LINGER_SECONDS):
                        await self._enough.wait()
            self._arrived.clear()
            self._enough.clear()
            batch, self._came = self._came, []
            await self._loop.run_in_executor(self._files, self._outcomes.record, batch)
            self._open -= len(batch)
            self._taken.difference_update(it.photo.reference.photo_id for it in batch)
            self._woken.set()
            self._changed()

    def _due(self, taken: frozenset[str]) -> tuple[list[DuePhoto], float | None]:
        """Return photos that are due and not taken; if there are none, when the next is due."""
        photos = self._ledger.due(
            "image", now=now(), count=_DUE + len(taken), last_row=self._last_row
        )
        due = [photo for photo in photos if photo.reference.photo_id not in taken]
        if self._fetch:
            due = [photo for photo in due if not self._outcomes.record_left_behind(photo)]
        if due:
            return due, None
        return [], self._ledger.next_due("image", last_row=self._last_row)
