"""The parts of a crawl by themselves: its ledger, its client and its calls, each made in one place.

A test of one part makes it here, over a real ledger in a file and a real server on loopback.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.flickr.answers import Answer
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import Pacer
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox.posts import Post
from tests.harvest.corpora import AT_ONCE, KEY, SECRET, write_votes
from tests.harvest.processes import HasUrl


def reference_of(listed: Post) -> PhotoReference:
    """How a list names a post."""
    return PhotoReference(
        photo_id=listed.photo_id,
        server=listed.server,
        farm=str(listed.farm),
        secret=listed.secret,
    )


def answered(reference: PhotoReference, **fields: Any) -> Answer:
    """The API's answer for a photo; `fields` are those that matter to a test."""
    usual = Answer(
        reference=reference,
        title="A title",
        description="",
        tags=(),
        owner="1@N01",
        license="4",
        date_upload=1_300_000_000,
        date_taken=None,
    )
    return replace(usual, **fields)


@contextmanager
def ledger_of(folder: Path, posts: list[Post]) -> Iterator[Ledger]:
    """The ledger of a crawl that has taken in a list of these posts, and asked for nothing."""
    out = folder / "harvest"
    out.mkdir()
    with Ledger(out / FILE_NAME, create=True) as ledger:
        add_list(ledger, open_list(write_votes(folder / "list", posts)), print)
        ledger.start_crawl(images=True, verify_gone=False, refresh=False, limit=None)
        yield ledger


class _UndoneError(Exception):
    """Ends the transaction of ``undone``."""


@contextmanager
def undone(ledger: Ledger) -> Iterator[Ledger]:
    """Undo at the end what a test records: tests share a ledger, and none waits for the disk.

    Only this thread may use the ledger meanwhile.
    """
    with suppress(_UndoneError), ledger.transaction():
        yield ledger
        raise _UndoneError


def settle_pictures(ledger: Ledger, posts: list[Post]) -> None:
    """Let the pictures be there, so that the posts are due."""
    for it in posts:
        ledger.record_seen(it.photo_id)


def due_post(ledger: Ledger, listed: Post) -> DuePhoto:
    """A photo whose post is due."""
    found = ledger.due_post(listed.photo_id)
    assert found is not None
    return found


@contextmanager
def client_of(
    server: HasUrl, *, stopped: threading.Event | None = None, spent: list[str] | None = None
) -> Iterator[FlickrClient]:
    """A client of the API; ``spent`` takes the methods that it calls."""
    client = FlickrClient(
        servers(server.url),
        key=KEY,
        secret=SECRET,
        connections=2,
        spend=(spent if spent is not None else []).append,
        stopped=stopped or threading.Event(),
    )
    try:
        yield client
    finally:
        client.close()


class Calls:
    """What a test of ``ApiCalls`` needs to hold: them, and what they share with others."""

    def __init__(
        self,
        ledger: Ledger,
        client: FlickrClient,
        *,
        images: Path,
        stopped: threading.Event,
        retry: RetryPolicy,
        clock: Callable[[], float] = now,
        refresh: bool = False,
    ) -> None:
        """Make them without a quota; ``clock`` is that of the pacer."""
        self.said: list[str] = []
        self.pacer = Pacer(0, clock=clock)
        self.breaker = Breaker("Flickr's API", retry=retry, say=self.said.append)
        self.calls = ApiCalls(
            ledger,
            client,
            self.pacer,
            self.breaker,
            images=images,
            refresh=refresh,
            retry=retry,
            stopped=stopped,
        )

    def rest(self) -> float:
        """Return the seconds until the next call may be made."""
        return self.pacer.reserve() - now()


@contextmanager
def calls_over(
    server: HasUrl,
    ledger: Ledger,
    *,
    stopped: threading.Event | None = None,
    retry: RetryPolicy = AT_ONCE,
    clock: Callable[[], float] = now,
    refresh: bool = False,
) -> Iterator[Calls]:
    """The calls of a crawl to a server; ``clock`` is that of the pacer."""
    stopped = stopped or threading.Event()
    with client_of(server, stopped=stopped) as client:
        yield Calls(
            ledger,
            client,
            images=ledger.path.parent / "images",
            stopped=stopped,
            retry=retry,
            clock=clock,
            refresh=refresh,
        )
