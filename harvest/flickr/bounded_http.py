"""HTTP with limits on the total time and the size of an answer.

A plain time-out only limits how long a server may be silent: a server that sends a byte now and
then is never given up, and an endless body fills the memory. Here total time and size are limited
while the answer is read: its head, its body as sent, and its body unpacked. Every read also wakes
up regularly to see whether the crawl should end.
"""

import base64
import http.client
import io
import socket
import threading
import time
import zlib
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from flickr_emotion.common.interruption import GRACE_SECONDS
from flickr_emotion.harvest.pace.retry import StoppedError, UnreadableAnswerError

LARGEST_BODY = 16 * 2**20
"""Bytes of an answer, as sent and unpacked: room for 500 posts of 32 KB, far above the usual."""
DEADLINE_SECONDS = 60.0
"""For the whole answer, counted from the end of the request."""
SILENCE_SECONDS = 30.0
CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_PIECE = 2**16
_PACKED = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def bounded_session(*, connections: int, stopped: threading.Event) -> requests.Session:
    """Return a session that limits the time and size of its answers.

    ``connections``: the most that are kept open. After ``stopped`` is set, a call waits a few more
    seconds for its answer and then raises ``StoppedError``. An answer of more than ``LARGEST_BODY``
    bytes or with an unknown encoding raises ``UnreadableAnswerError``. An answer that is too slow
    raises the same as a silent server.
    """
    session = requests.Session()
    adapter = _BoundedAdapter(stopped, pool_maxsize=connections, pool_block=True)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["Accept-Encoding"] = "gzip, deflate"
    return session


class _Reader(io.RawIOBase):
    """Reads a connection until the deadline or the end of the crawl."""

    def __init__(self, connection: socket.socket, file: io.RawIOBase, stopped: threading.Event):
        self._socket = connection
        self._file = file  # Keeps the socket open until the answer is read.
        self._stopped = stopped
        self._stop_noticed: float | None = None
        self._deadline = time.monotonic() + DEADLINE_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        silent_until = time.monotonic() + SILENCE_SECONDS
        while (now := time.monotonic()) < min(silent_until, self._deadline):
            if self._stopped.is_set():
                self._stop_noticed = self._stop_noticed or now
                if now > self._stop_noticed + GRACE_SECONDS:
                    raise StoppedError("the answer was not waited for")
            self._socket.settimeout(min(_LOOK_SECONDS, max(self._deadline - now, 0.001)))
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                continue
        raise TimeoutError(f"no whole answer within {DEADLINE_SECONDS:.0f} s")

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError):  # It may be closed already.
                self._socket.settimeout(SILENCE_SECONDS)
            self._file.close()
        super().close()


class ProxyAdapter(HTTPAdapter):
    """Sends a proxy the bytes of name and password that its URL states, as libcurl does.

    requests takes them for Latin-1, which has no sign for most characters.
    """

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the header fields for a proxy, by its URL."""
        parts = urlsplit(proxy)
        if not parts.username:
            return {}
        stated = [unquote_to_bytes(it or "") for it in (parts.username, parts.password)]
        return {"Proxy-Authorization": f"Basic {base64.b64encode(b':'.join(stated)).decode()}"}


class _BoundedAdapter(ProxyAdapter):
    """Connections that read through ``_Reader``, and bodies of limited size."""

    def __init__(self, stopped: threading.Event, **options: Any) -> None:
        class Answer(http.client.HTTPResponse):
            def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
                super().__init__(sock, *args, **named)
                file: Any = self.fp
                self.fp = io.BufferedReader(_Reader(sock, file.detach(), stopped), _PIECE)

        class Plain(HTTPConnection):
            response_class = Answer

        class Secure(HTTPSConnection):
            response_class = Answer

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> Any:
        options |= {"stream": True, "timeout": (CONNECT_SECONDS, SILENCE_SECONDS)}
        response = super().send(request, **options)
        whole = False
        try:
            response._content = _body(response)
            response._content_consumed = whole = True  # type: ignore[attr-defined]
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(str(error), request=request) from None
        except (HTTPError, http.client.HTTPException, OSError) as error:
            raise requests.ConnectionError(type(error).__name__, request=request) from None
        finally:
            if not whole:  # The connection still holds the rest of the answer: it cannot be reused.
                response.raw.close()
            response.raw.release_conn()
        return response


def _body(response: requests.Response) -> bytes:
    """Return the complete body, unpacked."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    unpack = None
    if packing in _PACKED:
        unpack = zlib.decompressobj(_PACKED[packing])
    elif packing != "identity":
        raise UnreadableAnswerError("it has an encoding that was not asked for")
    body = bytearray()
    sent = 0
    for piece in response.raw.stream(_PIECE, decode_content=False):
        sent += len(piece)
        try:
            body += unpack.decompress(piece, LARGEST_BODY + 1 - len(body)) if unpack else piece
        except zlib.error:
            raise UnreadableAnswerError("it cannot be unpacked") from None
        if max(len(body), sent) > LARGEST_BODY:
            raise UnreadableAnswerError(f"it has more than {LARGEST_BODY} bytes")
    if unpack and not unpack.eof:
        raise UnreadableAnswerError("it ends in the middle")
    return bytes(body)
