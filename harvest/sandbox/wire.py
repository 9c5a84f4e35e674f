"""A minimal HTTP/1.1 over a socket, as far as the sandbox needs it.

Benchmarks use this server, and the standard library's handler takes longer than the sandbox needs
for an answer. So a head is parsed here by hand, and an answer is sent in one write.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Literal

_MOST = 1 << 20  # The most bytes of a head or a body; longer requests are refused.
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request, with its target split at the question mark and header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    """One answer, and how it is sent."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: str = ""
    """Further header lines, each ending with CRLF."""
    delivery: Literal["whole", "reset", "hang"] = "whole"
    """`reset`: the connection breaks in the middle of the body; `hang`: nothing is sent."""


class BadRequest(Exception):  # noqa: N818 - a name of the protocol
    """The request is not one that this server can read; the connection ends."""


def requests(connection: socket.socket) -> Iterator[Request]:
    """Yield the requests of a connection, until the client closes it or asks to close it.

    Raises ``BadRequest`` for an unreadable head or body, ``OSError`` if the connection breaks.
    """
    buffer = b""
    while True:
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            if len(buffer) > _MOST:
                raise BadRequest("the head is too long")
            arrived = connection.recv(65536)
            if not arrived:
                return
            buffer += arrived
        request, length = _head(buffer[:end].decode("latin-1"))
        body, buffer = buffer[end + 4 :], b""
        if request.headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            arrived = connection.recv(65536)
            if not arrived:
                return
            body += arrived
        request.body, buffer = body[:length], body[length:]
        yield request
        if request.headers.get("connection", "").lower() == "close":
            return


def _head(text: str) -> tuple[Request, int]:
    """Return a request without its body, and the body's length in bytes."""
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("no HTTP/1 request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest("a header line without a colon")
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _MOST or "transfer-encoding" in headers:
        raise BadRequest("a body of no stated length, or too long")
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    path, _, query = words[1].partition("?")
    return Request(words[0], path, query, headers, b""), int(length)


def head_bytes(response: Response) -> bytes:
    """Return the status line and headers, with the empty line at their end."""
    return (
        f"HTTP/1.1 {response.status} {_PHRASES[response.status]}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n"
        f"{response.headers}\r\n"
    ).encode("latin-1")


def break_off(connection: socket.socket) -> None:
    """Close a connection with a TCP reset, like a server that crashes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
