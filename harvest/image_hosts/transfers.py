"""Make HTTP requests by libcurl, many at once within one event loop.

A picture takes libcurl half of the processor time that aiohttp took (``docs/performance.md``), and
a hundred requests in flight need no hundred threads. Each request is made once, without cookies,
without a proxy from the environment, and without following redirects.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pycurl

from flickr_emotion.common.printing import printable
from flickr_emotion.harvest.flickr.servers import certificate_authorities
from flickr_emotion.harvest.pace.retry import CertificateError, TransientError, UnreachableError

DEADLINE_SECONDS = 60.0
"""The longest that a request may take."""
_CONNECT_SECONDS = 10
_SILENCE_SECONDS = 20
_BUFFER = 2**18
_SUPPRESS_CONNECT_HEADERS = 265
"""PycURL has no name for this option of libcurl."""
_NO_CONNECTION = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_SSL_CONNECT_ERROR,
    }
)
_BROKEN = frozenset({pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR})
_UNTRUSTED = {
    pycurl.E_PEER_FAILED_VERIFICATION: (
        "the certificate of the image server or of the proxy is not trusted ({}): if its authority "
        "is one of your own, name the file with its certificate in SSL_CERT_FILE"
    ),
    pycurl.E_SSL_CACERT_BADFILE: (
        "the certificates to trust cannot be read ({}): name a file with certificates in PEM in "
        "SSL_CERT_FILE, or unset it for those of the system"
    ),
}
_INTERIM = re.compile(rb"HTTP/\S+ +1")


class Received(NamedTuple):
    """An answer, as it came."""

    status: int
    fields: dict[str, list[str]]
    """As ``header_fields`` returns them."""
    size: int | None
    """What ``Content-Length`` says."""
    latency: float
    """Seconds from the request to the first byte of the answer."""
    body: bytes
    """No further bytes are read once it has more than it may have."""


class Transfers:
    """A pooled HTTP client, for use within one event loop."""

    def __init__(self, *, proxy: str | None, largest: int, at_once: int) -> None:
        """``largest``: bytes of a body; ``at_once``: the number of connections to keep."""
        self._proxy = proxy
        self._authorities = certificate_authorities()
        self._largest = largest
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, at_once)
        self._resting: list[_Transfer] = []

    async def aclose(self) -> None:
        """End requests in flight and close the connections."""
        await self._multi.aclose()

    async def request(self, method: str, url: str) -> Received:
        """Make one request, ``GET`` or ``HEAD``; raises ``TransientError`` without a whole answer.

        A body that is too large is an answer too.
        """
        transfer = (
            self._resting.pop()
            if self._resting
            else _Transfer(self._proxy, self._authorities, largest=self._largest)
        )
        transfer.begin(method, url)
        try:
            await self._multi.perform(transfer.curl)
        except pycurl.error as error:
            if not transfer.is_too_large:
                self._resting.append(transfer)
                raise transfer.failure(*error.args) from None
        self._resting.append(transfer)  # One that was cancelled is not used again.
        return transfer.received()


class _Transfer:
    """A handle of libcurl, and what has arrived of the answer to its last request."""

    def __init__(self, proxy: str | None, authorities: str, *, largest: int) -> None:
        self.curl = curl = pycurl.Curl()
        self._largest = largest
        self._pieces: list[bytes] = []
        self._size = 0
        self._head: list[bytes] = []
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        # An empty text, not none: otherwise libcurl looks into the environment.
        curl.setopt(pycurl.PROXY, proxy or "")
        curl.setopt(pycurl.NOPROXY, "")
        # Otherwise the head of a proxy's answer to CONNECT looks like one of the server's.
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        is_file = Path(authorities).is_file()
        curl.setopt(pycurl.CAINFO if is_file else pycurl.CAPATH, authorities)
        curl.setopt(pycurl.PROXY_CAINFO if is_file else pycurl.PROXY_CAPATH, authorities)
        curl.setopt(pycurl.TIMEOUT_MS, round(1000 * DEADLINE_SECONDS))
        curl.setopt(pycurl.CONNECTTIMEOUT, _CONNECT_SECONDS)
        curl.setopt(pycurl.LOW_SPEED_LIMIT, 1)
        curl.setopt(pycurl.LOW_SPEED_TIME, _SILENCE_SECONDS)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER)
        curl.setopt(pycurl.USERAGENT, "flickr-emotion-toolkit")
        curl.setopt(pycurl.HTTPHEADER, ["Accept-Encoding: identity"])
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._take)

    def begin(self, method: str, url: str) -> None:
        """Prepare the next request."""
        self._pieces.clear()
        self._size = 0
        self._head.clear()
        self.curl.setopt(pycurl.NOBODY if method == "HEAD" else pycurl.HTTPGET, 1)
        self.curl.setopt(pycurl.URL, url)

    def _take(self, piece: bytes) -> int | None:
        self._pieces.append(piece)
        self._size += len(piece)
        # A transfer ends where fewer bytes are taken than came.
        return None if self._size <= self._largest else 0

    @property
    def is_too_large(self) -> bool:
        """Whether the body has more bytes than it may have."""
        return self._size > self._largest

    def received(self) -> Received:
        """Return the answer."""
        size = self.curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T)
        body = b"".join(self._pieces)
        self._pieces.clear()
        return Received(
            status=self.curl.getinfo(pycurl.RESPONSE_CODE),
            fields=header_fields(self._head),
            size=size if size >= 0 else None,
            latency=self.curl.getinfo(pycurl.STARTTRANSFER_TIME),
            body=body,
        )

    def failure(self, code: int, text: str) -> TransientError:
        """Return why there is no answer; ``code`` and ``text``: what libcurl says."""
        self._pieces.clear()
        why = printable(text) or f"libcurl's code {code}"
        if code in _UNTRUSTED:
            return CertificateError(_UNTRUSTED[code].format(why))
        if code in _NO_CONNECTION:
            return UnreachableError("no connection to the image server")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            if not self.curl.getinfo(pycurl.REQUEST_SIZE):
                return UnreachableError("no connection to the image server in time")
            # Less than the deadline, if the server was silent.
            seconds = self.curl.getinfo(pycurl.TOTAL_TIME)
            return TransientError(
                f"no whole answer from the image server within {seconds:.0f} s", down=True
            )
        # Without a byte of the server's answer, nothing is known of the picture.
        nothing = code == pycurl.E_GOT_NOTHING or (code in _BROKEN and not self._head)
        return TransientError(f"no whole answer from the image server ({why})", down=nothing)


def header_fields(lines: Iterable[bytes]) -> dict[str, list[str]]:
    """Return the header fields of the last answer in ``lines``, without a body's trailers.

    They are the lines of each field by its name in lower case, one character for each byte. Raises
    ``TransientError`` if the head has no end.
    """
    fields: dict[str, list[str]] = {}
    is_head = is_first = True
    is_interim = False
    for line in lines:
        if is_first:
            fields, is_head, is_first = {}, True, False
            is_interim = bool(_INTERIM.match(line))
        elif is_head:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), []).append(value.strip(" \t\r\n"))
            elif not line.strip():
                # After an answer like 103 comes another head, after any other one only trailers.
                is_head, is_first = False, is_interim
    if is_head:  # libcurl reports no error if the connection is closed in the middle of a head.
        raise TransientError("no whole answer from the image server (half a head)", down=True)
    return fields
