"""Request pictures from Flickr's image servers, many at once.

Pictures do not use the API's quota. ``docs/flickr.md`` describes what an image server can answer.
Only Flickr's image hosts are contacted, also after redirects.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit

from flickr_emotion.harvest.flickr.photo_url import SIZES, PhotoReference
from flickr_emotion.harvest.flickr.servers import Servers
from flickr_emotion.harvest.image_hosts.answers import (
    FAILURES,
    SMALLER_MAY_DO,
    PictureAnswer,
    Reply,
    check_service,
    picture_body,
)
from flickr_emotion.harvest.image_hosts.load import (
    MOST_AT_ONCE,
    HostGivenUpError,
    ImageHost,
    ImageHosts,
)
from flickr_emotion.harvest.image_hosts.placeholders import check_redirect
from flickr_emotion.harvest.image_hosts.transfers import Transfers
from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.pictures.files import LARGEST
from flickr_emotion.harvest.preferences.headers import record_headers

_REDIRECTS = (301, 302, 303, 307, 308)
_PLAIN_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")
# Besides letters and digits; whatever else is in a path is sent with a percent sign.
_IN_PATHS = "!$%&'()*+,-./:;=@_~"

Probe = Callable[[PhotoReference], Exception | None]
"""Ask once whether a picture exists; returns None, or one of ``FAILURES``."""


@contextmanager
def prober(servers: Servers, hosts: ImageHosts) -> Iterator[Probe]:
    """Open a client for a few single requests, before the event loop of the crawl runs."""

    async def opened() -> ImageClient:
        return ImageClient(servers, hosts)

    with _loop_of_its_own() as wait_for:
        client = wait_for(opened())
        try:
            yield lambda reference: wait_for(client.probe(reference)).failure
        finally:
            wait_for(client.__aexit__(None, None, None))


@contextmanager
def _loop_of_its_own() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run an event loop in a thread: in a notebook, the caller's thread has one at work already.

    Yields a function that waits for a coroutine; Ctrl-C cancels the coroutine.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="prober", daemon=True)

    def wait_for(coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    thread.start()
    try:
        yield wait_for
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class ImageClient:
    """A pooled client of the image servers, for use within one event loop.

    It makes each request once and returns the result; retries are planned in the ledger.
    """

    def __init__(self, servers: Servers, hosts: ImageHosts) -> None:
        """Open a session whose requests keep to the limits of ``hosts``."""
        self._servers = servers
        self._hosts = hosts
        self._home = hosts.of(servers.images)
        self._transfers = Transfers(proxy=servers.proxy, largest=LARGEST, at_once=MOST_AT_ONCE)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self._transfers.aclose()

    async def fetch(
        self, reference: PhotoReference, size: str = "", *, vouched: bool = False
    ) -> Reply:
        """Fetch a photo's picture in ``size``, or in the next smaller size that exists.

        ``vouched``: the picture is known to exist, so it may be requested from a host in trouble.
        """
        while (smaller := SIZES[size]) is not None:
            reply = await self._ask("GET", reference.image_path(size), vouched=vouched)
            if not isinstance(reply.failure, SMALLER_MAY_DO):
                return reply
            size = smaller  # Every photo has the smallest size, and only that one is decisive.
        return await self._ask("GET", reference.image_path(), vouched=vouched)

    async def probe(self, reference: PhotoReference, *, vouched: bool = False) -> Reply:
        """Ask whether a picture exists, without fetching it."""
        reply = await self._ask("HEAD", reference.image_path(), vouched=vouched)
        return replace(reply, body=None)

    async def _ask(self, method: str, path: str, *, vouched: bool) -> Reply:
        host, url = self._home, self._servers.images + path
        for _ in range(4):
            reply, answer = await self._in_turn(method, url, host, vouched=vouched)
            if answer is None:
                return reply
            try:
                if answer.status not in _REDIRECTS or not answer.location:
                    body = picture_body(answer)
                    return replace(reply, body=body, headers=answer.headers)
                check_redirect(answer.status, answer.location)
                url = self.followed(url, answer.location)
                host = self._hosts.of(url)
            except FAILURES as error:
                return replace(reply, failure=error)
        return replace(reply, failure=TransientError("redirected more than three times"))

    def followed(self, url: str, location: str) -> str:
        """Return a redirect's target; raises ``TransientError`` if it may not be followed."""
        try:
            target = urljoin(url, location)
            if self._servers.serves_images(target):
                return _plain(target)
        except ValueError:
            pass
        raise TransientError("redirected away from the image servers: not followed")

    async def _in_turn(
        self, method: str, url: str, host: ImageHost, *, vouched: bool
    ) -> tuple[Reply, PictureAnswer | None]:
        """Make one request as soon as its host's limits allow, and report the result to the host.

        The answer is None if the reply holds a failure.
        """
        try:
            await host.enter(vouched=vouched)
        except HostGivenUpError as error:
            return Reply(host=host.name, epoch=host.breaker.epoch, failure=error), None
        epoch, status = host.breaker.epoch, None
        started = time.monotonic()
        try:
            answer, latency = await self._request(method, url)
            status = answer.status
            check_service(answer)
            host.answered(latency)
            return Reply(host=host.name, epoch=epoch, status=status), answer
        except TransientError as error:
            spends_attempt = host.failed(error, started)
            reply = Reply(
                host=host.name,
                epoch=epoch,
                status=status,
                failure=error,
                spends_attempt=spends_attempt,
            )
            return reply, None
        finally:
            host.leave()

    async def _request(self, method: str, url: str) -> tuple[PictureAnswer, float]:
        """Return an answer and the seconds until its head came; raises ``TransientError``."""
        came = await self._transfers.request(method, url)

        def field(name: str) -> str | None:
            return came.fields[name][0] if name in came.fields else None

        answer = PictureAnswer(
            status=came.status,
            location=field("location") or "",
            content_type=field("content-type") or "",
            encoding=(field("content-encoding") or "").lower(),
            size=came.size,
            retry_after=field("retry-after"),
            headers=record_headers(came.fields),
            body=came.body,
        )
        return answer, came.latency


def _plain(url: str) -> str:
    """Return a URL in a form in which all parsers find the same host.

    Ours decides whether it may be requested, and libcurl's requests it. Raises ``ValueError``.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _PLAIN_HOST.fullmatch(host):
        raise ValueError("no plain host")
    server = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    path = quote(parts.path or "/", safe=_IN_PATHS, encoding="latin-1", errors="replace")
    query = quote(parts.query, safe=_IN_PATHS + "?", encoding="latin-1", errors="replace")
    return f"{parts.scheme}://{server}{path}{'?' if query else ''}{query}"
