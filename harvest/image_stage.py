"""The pictures of a crawl: they cost no quota, and a dead one settles its post.

One thread runs an event loop with many requests in flight; a second one does what blocks, so that
neither a slow disk nor a busy ledger holds up the network: it takes due photos from the ledger, and
writes, checks and records what came, in batches that share a commit.
"""

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harvest.clock import now
from harvest.evidence import Refusal
from harvest.image_client import Asking, ImageClient
from harvest.image_hosts import MOST_AT_ONCE, HostGivenUpError, ImageHosts
from harvest.images import (
    CorruptPictureError,
    OversizedPictureError,
    Picture,
    UnansweredPictureError,
    find_picture,
    image_path,
    read_picture,
    write_picture,
)
from harvest.interruption import GRACE_SECONDS, wait_for
from harvest.jpeg import NotWholeError
from harvest.ledger import DuePhoto, Ledger
from harvest.photo_url import PhotoReference
from harvest.picture_trust import PictureTrust
from harvest.placeholders import PlaceholderError, SharedBodies, drop_shared_pictures
from harvest.post_rows import drop_picture
from harvest.retry import PhotoGoneError, PhotoPrivateError, RetryPolicy, TransientError
from harvest.servers import Servers
from harvest.spoilt_bodies import SpoiltBodies
from harvest.whole_picture import check_whole

# Photos at once, from the ledger to the ledger: those that wait to be written count too.
_MOST_BUSY = 2 * MOST_AT_ONCE
_DUE = 500
# How long what has come may wait for more to be recorded with it.
_LINGER_SECONDS = 0.05
_LOOK_SECONDS = 0.5

# Decoding a picture to its end takes as long as fetching it: so many of them, or this share, are
# decoded before the stage falls idle, the others while it is. The build decodes all.
_CHECKED_AT_ONCE, _SHARE_CHECKED = 40, 0.01
_MOST_UNCHECKED = 100_000
_CHECKED_A_TURN = 10

_Outcome = bytes | Exception | None
"""A body, why there is none, or nothing where only its presence was asked."""
# What a host says of a picture that it refuses.
_REFUSALS: dict[type[Exception], str] = {
    PhotoGoneError: "gone",
    PhotoPrivateError: "private",
    PlaceholderError: "placeholder",
}
_FAILURES: tuple[type[Exception], ...] = (*_REFUSALS, TransientError)


class ImageStage:
    """Fetches the pictures of due photos, or asks whether they are there."""

    name = "image"

    def __init__(
        self,
        ledger: Ledger,
        servers: Servers,
        *,
        folder: Path,
        fetch: bool,
        size: str,
        hosts: ImageHosts,
        trust: PictureTrust,
        retry: RetryPolicy,
        say: Callable[[str], None],
        stopped: threading.Event,
    ) -> None:
        """Write pictures of ``size`` below ``folder``; without ``fetch``, only ask for their heads.

        ``trust`` says which refusals of ``hosts`` are recorded. ``stopped`` ends the stage when
        what is in flight has come, and is set by it where it fails.
        """
        self.idle = False
        self._ledger = ledger
        self._servers = servers
        self._folder = folder
        self._fetch = fetch
        self._size = size
        self._hosts = hosts
        self._trust = trust
        self._retry = retry
        self._say = say
        self._stopped = stopped
        self._thread = threading.Thread(target=self._run, name=self.name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._error: BaseException | None = None
        self._shared = SharedBodies()
        self._spoilt = SpoiltBodies()
        self._unchecked: deque[tuple[str, str]] = deque(maxlen=_MOST_UNCHECKED)
        """Photos, and the hosts of their pictures, that were not decoded yet."""
        self._tried: dict[str, asyncio.Task[None]] = {}
        """Hosts in trouble that are being tried."""
        self._taken: set[str] = set()
        """Photos that wait, are in flight, or are not recorded yet."""
        self._waiting: deque[DuePhoto] = deque()
        self._open = 0
        """Photos in flight or not recorded yet."""
        self._asking: set[asyncio.Task[None]] = set()
        self._came: list[tuple[DuePhoto, _Outcome, Asking]] = []

    def start(self, changed: Callable[[], None]) -> None:
        """Start to work; ``changed`` is told of every batch that is recorded, and of the end."""
        self._changed = changed
        self._thread.start()

    def wake(self) -> None:
        """Look at the ledger, and at ``stopped``, again; from any thread."""
        if self._loop:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._woken.set)

    def join(self) -> None:
        """Wait for the end; raises what the stage failed with."""
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
        self._loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="image-files") as files:
            self._files = files
            async with (
                ImageClient(self._servers, self._hosts) as client,
                asyncio.TaskGroup() as tasks,
            ):
                recorder = tasks.create_task(self._record())
                await self._hand_out(client, tasks)
                self._hosts.abandon()
                await self._finish()
                recorder.cancel()
            if self._fetch and (
                dropped := drop_shared_pictures(
                    self._ledger, self._folder, self._shared.placeholders
                )
            ):
                self._say(f"{dropped} pictures are the same few, so placeholders: not kept")

    async def _finish(self) -> None:
        """Wait a few seconds for what is in flight, and until all that came is recorded."""
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

    async def _hand_out(self, client: ImageClient, tasks: asyncio.TaskGroup) -> None:
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
            self._try_hosts(client, tasks)
            if not self._taken and self._unchecked:
                count = max(_CHECKED_AT_ONCE, int(_SHARE_CHECKED * len(self._unchecked)))
                count = _CHECKED_A_TURN if self.idle else count
                if await self._loop.run_in_executor(self._files, self._check, count):
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
        outcome: _Outcome = None
        asking = Asking()
        try:
            # A picture that is here already is only asked whether it still is there.
            if self._fetch and (photo.fetch_anew or not photo.picture_known):
                outcome = await client.fetch(photo.reference, self._size, asking)
            else:
                await client.probe(photo.reference, asking)
        except _FAILURES as error:
            outcome = error
        except asyncio.CancelledError:  # its turn did not come any more: it stays due
            self._open -= 1
            self._woken.set()
            raise
        self._came.append((photo, outcome, asking))
        self._arrived.set()

    def _try_hosts(self, client: ImageClient, tasks: asyncio.TaskGroup) -> None:
        """See to it that each host in trouble is tried."""
        for name in self._trust.in_trouble():
            if name not in self._tried or self._tried[name].done():
                self._tried[name] = tasks.create_task(self._try_host(client, name))

    async def _try_host(self, client: ImageClient, name: str) -> None:
        """Ask a host for pictures that live until it serves one, or for as long as is waited."""
        host = self._hosts.named(name)
        served, living = self._trust.living(name)
        with contextlib.suppress(asyncio.CancelledError):  # the crawl is stopped
            going_on = True
            for reference in served:
                if await self._is_served(client, reference):
                    self._trust.refuses_some(name)
                    return
                going_on = host.breaker.trial_failed()
            self._trust.refuses_all(name)
            trials = itertools.cycle(living)
            while going_on:
                if await self._is_served(client, next(trials)):
                    self._trust.restored(name)
                    self._woken.set()
                    return
                going_on = host.breaker.trial_failed()
            self._trust.gave_up(name)
            host.give_up()

    async def _is_served(self, client: ImageClient, reference: PhotoReference) -> bool:
        try:
            if self._fetch:
                await client.fetch(reference, self._size, Asking(vouched=True))
            else:
                await client.probe(reference, Asking(vouched=True))
        except _FAILURES:
            return False
        return True

    async def _record(self) -> None:
        assert self._loop is not None
        while True:
            await self._arrived.wait()
            if self._open > len(self._came):
                await asyncio.sleep(_LINGER_SECONDS)
            self._arrived.clear()
            batch, self._came = self._came, []
            await self._loop.run_in_executor(self._files, self._keep, batch)
            self._open -= len(batch)
            self._taken.difference_update(photo.reference.photo_id for photo, _, _ in batch)
            self._woken.set()
            self._changed()

    # What blocks, on the thread for it.

    def _due(self, taken: frozenset[str]) -> tuple[list[DuePhoto], float | None]:
        """Return photos that are due and not taken, or the time of the next that will be."""
        photos = self._ledger.due("image", now=now(), limit=_DUE + len(taken))
        due = [photo for photo in photos if photo.reference.photo_id not in taken]
        if self._fetch:
            due = list(self._not_here(due))
        return due, None if due else self._ledger.next_due("image")

    def _not_here(self, photos: list[DuePhoto]) -> Iterator[DuePhoto]:
        """Yield those whose picture a killed crawl has not left in its place; record the others."""
        for photo in photos:
            photo_id = photo.reference.photo_id
            if (
                not photo.picture_known
                and not photo.fetch_anew
                and (picture := find_picture(image_path(self._folder, photo_id)))
            ):
                self._ledger.record_picture(photo_id, picture)
                self._unchecked.append((photo_id, ""))
            else:
                yield photo

    def _keep(self, batch: list[tuple[DuePhoto, _Outcome, Asking]]) -> None:
        """Write the pictures of a batch, then record all of it in one commit."""
        made = [
            (photo, self._made(photo, outcome, asking.host), asking)
            for photo, outcome, asking in batch
        ]
        seen: list[tuple[str, str, bool]] = []
        contradicted: list[tuple[str, str]] = []
        with self._ledger.transaction():
            for photo, result, asking in made:
                photo_id = photo.reference.photo_id
                if isinstance(result, Picture):
                    if not self._ledger.record_picture(photo_id, result):
                        image_path(self._folder, photo_id).unlink(missing_ok=True)
                elif result is None:
                    self._ledger.record_seen(photo_id)
                elif type(result) in _REFUSALS:
                    came_to = self._record_refusal(photo, result, asking)
                    if came_to == "contradicted":
                        contradicted.append((asking.host, photo_id))
                    if came_to in ("refused", "contradicted"):
                        seen.append((asking.host, photo_id, True))
                    continue
                else:
                    assert isinstance(result, TransientError)
                    self._record_failure(photo, result, asking.host)
                    continue
                seen.append((asking.host, photo_id, False))
        for host, photo_id, refused in seen:
            self._trust.saw(host, photo_id, refused=refused)
        for host, photo_id in contradicted:
            self._trust.contradicted(host, photo_id)

    def _made(self, photo: DuePhoto, outcome: _Outcome, host: str) -> Picture | Exception | None:
        if not isinstance(outcome, bytes):
            return outcome
        photo_id = photo.reference.photo_id
        try:
            self._shared.check(photo_id, outcome)
            picture = read_picture(outcome)
            if photo.picture_known or self._spoilt.know(photo_id):
                _decode(outcome)  # at once: it must not replace a whole one, or be half again
        except CorruptPictureError as error:
            self._spoilt.came(photo_id, host, outcome)
            return error
        except _FAILURES as error:
            return error
        write_picture(image_path(self._folder, photo_id), outcome)
        self._spoilt.served(host)
        self._unchecked.append((photo_id, host))
        return picture

    def _record_refusal(self, photo: DuePhoto, error: Exception, asking: Asking) -> str:
        if self._trust.doubted(asking.host, asking.epoch):
            self._ledger.postpone("image", photo.reference.photo_id, str(error), delay=0.0)
            return "doubted"
        refusal = Refusal(
            outcome=_REFUSALS[type(error)],
            reason=str(error),
            host=asking.host,
            status=asking.status or None,
        )
        return self._ledger.record_refusal(
            photo.reference, refusal, settle=self._trust.settles_posts
        )

    def _record_failure(self, photo: DuePhoto, error: TransientError, host: str) -> None:
        ledger, photo_id, reason = self._ledger, photo.reference.photo_id, str(error)
        if not error.spends_attempt:
            delay = max(error.retry_after or 0.0, self._retry.backoff(1))
            ledger.postpone("image", photo_id, reason, delay=delay)
            return
        next_try = self._retry.delay(photo.attempts + 1, error.retry_after)
        if isinstance(error, HostGivenUpError | UnansweredPictureError) or (
            isinstance(error, OversizedPictureError) and self._spoilt.came_twice(photo_id)
        ):
            next_try = None  # no further try of this crawl would mend it
        if (
            next_try is None
            and isinstance(error, CorruptPictureError)
            and self._spoilt.is_final(photo_id, host)
        ):
            ledger.record_final("image", photo_id, "corrupt", reason)
        else:
            ledger.record_failure("image", photo_id, reason, delay=next_try)

    def _check(self, count: int) -> int:
        """Decode some pictures to their end; ask again for those that are not whole.

        Returns how many those are.
        """
        spoilt = 0
        for _ in range(min(count, len(self._unchecked))):
            photo_id, host = self._unchecked.pop()
            try:
                body = image_path(self._folder, photo_id).read_bytes()
                _decode(body)
            except FileNotFoundError:
                continue
            except CorruptPictureError as error:
                spoilt += 1
                self._spoilt.came(photo_id, host, body)
                self._take_back(photo_id, error, host)
        return spoilt

    def _take_back(self, photo_id: str, error: CorruptPictureError, host: str) -> None:
        image_path(self._folder, photo_id).unlink(missing_ok=True)
        with self._ledger.transaction() as connection:
            drop_picture(connection, photo_id)
            self._record_failure(self._ledger.photo("image", photo_id), error, host)


def _decode(body: bytes) -> None:
    """Raise ``CorruptPictureError`` where a JPEG does not hold its whole picture."""
    if body.startswith(b"\xff\xd8"):
        try:
            check_whole(body)
        except NotWholeError as error:
            raise CorruptPictureError(str(error)) from None
