"""Asks Flickr's image servers for pictures, many at once, and says what an answer means.

aiohttp costs half of what a pool of threads over urllib3 does, and a hundred requests in flight
need no hundred threads. No quota is spent here. What an image server can answer is described in
``docs/flickr.md``. Only Flickr's image hosts are ever asked, by redirects too.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from flickr_emotion.harvest.flickr.photo_url import SIZES, PhotoReference
from flickr_emotion.harvest.flickr.servers import Servers
from flickr_emotion.harvest.image_hosts.content_encoding import decoded
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.image_hosts.placeholders import (
    PlaceholderError,
    check_redirect,
    check_size,
)
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    TransientError,
    UnreachableError,
    seconds_to_wait,
)
from flickr_emotion.harvest.pictures.files import (
    LARGEST,
    OversizedPictureError,
    UnansweredPictureError,
)

_DEADLINE_SECONDS = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=_DEADLINE_SECONDS, sock_connect=10, sock_read=20)
_REDIRECTS = (301, 302, 303, 307, 308)
_BUFFER = 2**18
# Of the 4xx these say that another try may mend it; 403, 404 and 410 are about the picture.
_TRY_AGAIN = (408, 425)
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF")
_PAGE_TYPES = ("text/html", "application/xhtml+xml")


@contextmanager
def prober(servers: Servers, hosts: ImageHosts) -> Iterator[Callable[[PhotoReference], None]]:
    """Open a client for a few questions, before the loop that asks many at once is there.

    Yields what raises as ``ImageClient.probe`` does.
    """

    async def opened() -> ImageClient:
        return ImageClient(servers, hosts)

    with asyncio.Runner() as runner:
        client = runner.run(opened())
        try:
            yield lambda reference: runner.run(client.probe(reference))
        finally:
            runner.run(client.__aexit__(None, None, None))


@dataclass(slots=True)
class Asking:
    """One question for a picture: how it is asked, and who answered it in the end."""

    vouched: bool = False
    """Whether the picture is known to live: it may be asked of a host in trouble."""
    host: str = ""
    status: int = 0
    epoch: int = 0
    """Of the host's breaker, when it was asked."""


class _Answer(NamedTuple):
    status: int
    location: str
    content_type: str
    encoding: str
    size: int | None
    retry_after: str | None
    body: bytes


class ImageClient:
    """A pooled client of the image servers; for use within one event loop."""

    def __init__(self, servers: Servers, hosts: ImageHosts) -> None:
        """Ask within the limits of ``hosts``."""
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
        self, reference: PhotoReference, size: str = "", asking: Asking | None = None
    ) -> bytes:
        """Return the body that answers for a photo's picture in ``size``, or the next smaller one.

        Raises ``PhotoGoneError``, ``PhotoPrivateError``, ``PlaceholderError`` or
        ``TransientError``. ``asking`` takes who answered.
        """
        while (smaller := SIZES[size]) is not None:
            try:
                return await self._ask("GET", reference.image_path(size), asking)
            except (PhotoGoneError, PhotoPrivateError, PlaceholderError, UnansweredPictureError):
                size = smaller  # what every photo has is asked before it is given up
        return await self._ask("GET", reference.image_path(), asking)

    async def probe(self, reference: PhotoReference, asking: Asking | None = None) -> None:
        """Ask whether a picture is there without fetching it; raises as ``fetch`` does."""
        await self._ask("HEAD", reference.image_path(), asking)

    async def _ask(self, method: str, path: str, asking: Asking | None) -> bytes:
        url = self._servers.images + path
        asking = asking or Asking()
        for _ in range(4):
            answer = await self._in_turn(method, url, asking)
            if answer.status not in _REDIRECTS or not answer.location:
                return _checked(answer)
            check_redirect(answer.status, answer.location)
            url = self.followed(url, answer.location)
        raise TransientError("redirected more than three times")

    def followed(self, url: str, location: str) -> str:
        """Return where a redirect of ``url`` leads; raises ``TransientError`` where it may not."""
        try:
            # As it will be asked for: two parsers need not find the same host in a URL.
            target = URL(urljoin(url, location), encoded=True)
            if (
                self._servers.serves_images(str(target))
                and target.host == urlsplit(str(target)).hostname
            ):
                return str(target)
        except ValueError:
            pass
        raise TransientError("redirected away from the image servers: not followed")

    async def _in_turn(self, method: str, url: str, asking: Asking) -> _Answer:
        """Make one request as soon as its host may be asked, and tell the host what came of it."""
        host = self._hosts.of(url)
        asking.host, asking.status = host.name, 0
        await host.enter(vouched=asking.vouched)
        asking.epoch = host.breaker.epoch
        started = time.monotonic()
        try:
            answer, latency = await self._request(method, url, started)
            asking.status = answer.status
            if answer.status == 429 or answer.status >= 500:
                raise TransientError(
                    f"answered {answer.status}",
                    retry_after=seconds_to_wait(answer.retry_after),
                    too_many=answer.status == 429,
                    down=answer.status >= 500,
                )
            if answer.status == 200 and _is_page(answer):
                raise TransientError("answered 200 with a page in a picture's place", down=True)
            host.answered(latency)
            return answer
        except TransientError as error:
            host.failed(error, started)
            raise
        finally:
            host.leave()

    async def _request(self, method: str, url: str, started: float) -> tuple[_Answer, float]:
        try:
            async with self._session.request(
                method, URL(url, encoded=True), allow_redirects=False, proxy=self._servers.proxy
            ) as response:
                latency = time.monotonic() - started
                headers = response.headers
                answer = _Answer(
                    status=response.status,
                    location=headers.get("Location", ""),
                    content_type=headers.get("Content-Type", ""),
                    encoding=headers.get("Content-Encoding", "").strip().lower(),
                    size=response.content_length,
                    retry_after=headers.get("Retry-After"),
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
    """Return the body, no more of it than a picture can have: the rest is not waited for."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            response.close()
            break
    return b"".join(pieces)


def _is_page(answer: _Answer) -> bool:
    """Whether a service in trouble sent a page for a picture: by the body, or by its type."""
    if answer.body.startswith(_PICTURES):
        return False
    of_type = answer.content_type.partition(";")[0].strip().lower() in _PAGE_TYPES
    return of_type or answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _checked(answer: _Answer) -> bytes:
    if answer.status == 200:
        check_size(answer.content_type, answer.size)
        if max(len(answer.body), answer.size or 0) > LARGEST:
            raise OversizedPictureError(f"more than {LARGEST} bytes")
        body = decoded(answer.body, answer.encoding, largest=LARGEST)
        if len(body) > LARGEST:
            raise OversizedPictureError(f"more than {LARGEST} bytes when it is unpacked")
        return body
    if answer.status in (404, 410):
        raise PhotoGoneError(f"answered {answer.status}")
    if answer.status == 403:
        raise PhotoPrivateError("answered 403")
    if 400 <= answer.status < 500 and answer.status not in _TRY_AGAIN:
        raise UnansweredPictureError(f"answered {answer.status}")
    raise TransientError(f"answered {answer.status}")
