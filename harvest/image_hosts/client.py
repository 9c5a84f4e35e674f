"""Request pictures from Flickr's image servers, many at once.

aiohttp takes half the CPU time of a pool of threads over urllib3, and a hundred requests in flight
need no hundred threads. Pictures do not use the API's quota. ``docs/flickr.md`` describes what an
image server can answer. Only Flickr's image hosts are contacted, also after redirects.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

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
from flickr_emotion.harvest.image_hosts.load import HostGivenUpError, ImageHosts
from flickr_emotion.harvest.image_hosts.placeholders import check_redirect
from flickr_emotion.harvest.pace.retry import TransientError, UnreachableError
from flickr_emotion.harvest.pictures.files import LARGEST
from flickr_emotion.harvest.preferences.headers import record_headers

_DEADLINE_SECONDS = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=_DEADLINE_SECONDS, sock_connect=10, sock_read=20)
_REDIRECTS = (301, 302, 303, 307, 308)
_BUFFER = 2**18


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
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            auto_decompress=False,
            read_bufsize=_BUFFER,
        )

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
        await self._session.close()

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
        url = self._servers.images + path
        for _ in range(4):
            reply, answer = await self._in_turn(method, url, vouched=vouched)
            if answer is None:
                return reply
            try:
                if answer.status not in _REDIRECTS or not answer.location:
                    body = picture_body(answer)
                    return replace(reply, body=body, headers=answer.headers)
                check_redirect(answer.status, answer.location)
                url = self.followed(url, answer.location)
            except FAILURES as error:
                return replace(reply, failure=error)
        return replace(reply, failure=TransientError("redirected more than three times"))

    def followed(self, url: str, location: str) -> str:
        """Return a redirect's target; raises ``TransientError`` if it may not be followed."""
        try:
            # Check the URL as aiohttp will request it: two parsers may find different hosts in it.
            target = URL(urljoin(url, location), encoded=True)
            if (
                self._servers.serves_images(str(target))
                and target.host == urlsplit(str(target)).hostname
            ):
                return str(target)
        except ValueError:
            pass
        raise TransientError("redirected away from the image servers: not followed")

    async def _in_turn(
        self, method: str, url: str, *, vouched: bool
    ) -> tuple[Reply, PictureAnswer | None]:
        """Make one request as soon as its host's limits allow, and report the result to the host.

        The answer is None if the reply holds a failure.
        """
        host = self._hosts.of(url)
        try:
            await host.enter(vouched=vouched)
        except HostGivenUpError as error:
            return Reply(host=host.name, epoch=host.breaker.epoch, failure=error), None
        reply = Reply(host=host.name, epoch=host.breaker.epoch)
        started = time.monotonic()
        try:
            answer, latency = await self._request(method, url, started)
            reply = replace(reply, status=answer.status)
            check_service(answer)
            host.answered(latency)
            return reply, answer
        except TransientError as error:
            spends_attempt = host.failed(error, started)
            return replace(reply, failure=error, spends_attempt=spends_attempt), None
        finally:
            host.leave()

    async def _request(self, method: str, url: str, started: float) -> tuple[PictureAnswer, float]:
        try:
            async with self._session.request(
                method, URL(url, encoded=True), allow_redirects=False, proxy=self._servers.proxy
            ) as response:
                latency = time.monotonic() - started
                headers = response.headers
                answer = PictureAnswer(
                    status=response.status,
                    location=headers.get("Location", ""),
                    content_type=headers.get("Content-Type", ""),
                    encoding=headers.get("Content-Encoding", "").strip().lower(),
                    size=response.content_length,
                    retry_after=headers.get("Retry-After"),
                    headers=record_headers(headers),
                    body=await _body(response),
                )
                return answer, latency
        except aiohttp.ClientConnectorError:
            raise UnreachableError("no connection to the image server") from None
        except aiohttp.ConnectionTimeoutError:
            raise UnreachableError("no connection to the image server in time") from None
        except TimeoutError:
            raise TransientError(
                f"no whole answer from the image server within {_DEADLINE_SECONDS:.0f} s", down=True
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransientError(
                f"{type(error).__name__} from the image server",
                down=isinstance(error, aiohttp.ServerDisconnectedError),
            ) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; stop reading when it is larger than a picture can be."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            response.close()
            break
    return b"".join(pieces)
