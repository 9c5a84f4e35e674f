"""The server: one port on the loopback interface for API, pictures and the sandbox's counts.

    with SandboxServer(corpus, faults="429=0.1,seed=7") as server:
        crawl(url=server.url)
        assert max(server.stats.info_ok.values()) == 1

It only binds 127.0.0.1, because it has no access control and may serve private pictures.
"""

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox import rest, wire
from flickr_emotion.harvest.sandbox.corpus import Source
from flickr_emotion.harvest.sandbox.faults import CODES, TROUBLE_KINDS, FaultPlan, Faults
from flickr_emotion.harvest.sandbox.images import ImageServer, troubled
from flickr_emotion.harvest.sandbox.methods import Methods
from flickr_emotion.harvest.sandbox.oauth import Gate
from flickr_emotion.harvest.sandbox.stats import Stats

HOST = "127.0.0.1"


class SandboxServer:
    """A local Flickr that serves a corpus.

    `port` 0 means any free port. `faults` is a plan as described in faults.py. `keys` maps API keys
    to their secrets; with None, every well-formed key is accepted and only the form of signatures
    is checked. Raises ``HarvestError`` if the plan is malformed or the port is taken.
    """

    def __init__(
        self,
        corpus: Source,
        *,
        port: int = 0,
        faults: str = "",
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.stats = Stats()
        """The counts of requests so far."""
        self._gate = Gate(keys)
        self._rest = rest.Rest(Methods(corpus), self._gate, self.stats)
        self._images = ImageServer(corpus)
        self._faults = Faults(FaultPlan.parse(faults))
        self._closing = threading.Event()
        try:
            self._listener = _Listener((HOST, port), self)
        except (OSError, OverflowError) as error:
            raise HarvestError(f"port {port} on {HOST}: {error}; choose another --port") from error
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at the end."""
        return f"http://{HOST}:{self._listener.server_address[1]}"

    def start(self) -> Self:
        """Start serving in the background."""
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving: close all connections, also hanging ones, and free the port."""
        self._closing.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def expire_key(self, key: str) -> None:
        """Answer calls with `key` by code 100, `Key has expired`, from now on."""
        self._gate.expire(key)

    def set_faults(self, plan: str) -> None:
        """Use another plan from the next request on; attempts are counted from one again."""
        self._faults = Faults(FaultPlan.parse(plan))

    def answer(self, request: wire.Request) -> wire.Response:
        """Return the answer to one request of any kind."""
        path = request.path
        if request.method not in ("GET", "POST", "HEAD"):
            return wire.Response(405, b"", headers="Allow: GET, HEAD, POST\r\n")
        if path in rest.PATHS:
            return self._rest.answer(request, self._faults)
        if path in rest.OTHER_ENVELOPES:
            code = rest.OTHER_ENVELOPES[path]
            return rest.fail(code, CODES[code], {})
        if path.startswith("/__stats"):
            return self._stats_answer(request)
        return self._image_answer(path, head=request.method == "HEAD")

    def _stats_answer(self, request: wire.Request) -> wire.Response:
        if (request.method, request.path) == ("POST", "/__stats/reset"):
            self.stats.reset()
        elif request.path != "/__stats":
            return wire.Response(404, b"")
        counts = self.stats.as_json(photos="photos=1" in request.query.split("&"))
        return wire.Response(200, json.dumps(counts).encode() + b"\n", "application/json")

    def _image_answer(self, path: str, *, head: bool) -> wire.Response:
        self.stats.count_image(head=head)
        fault = self._faults.image(path)
        if fault is not None:
            self.stats.count_fault(fault)
        if fault in TROUBLE_KINDS:
            return troubled(fault)
        if fault not in (None, "image-half", "image-reset"):
            return rest.http_fault(fault.removeprefix("image-"))
        response, photo_id = self._images.answer(path)
        if fault == "image-reset":
            response.delivery = "reset"
        elif fault == "image-half":
            response.body = response.body[: len(response.body) // 2]
        elif photo_id is not None and not head:
            self.stats.count_image_ok(photo_id)
        return response

    def deliver(
        self, connection: socket.socket, request: wire.Request, response: wire.Response
    ) -> bool:
        """Send an answer; return False if the connection must end."""
        head = wire.head_bytes(response)
        body = b"" if request.method == "HEAD" else response.body
        if response.delivery == "hang":
            self._closing.wait(self._faults.plan.hang_seconds)
            return False
        if response.delivery == "reset":
            connection.sendall(head + body[: len(body) // 2])
            wire.break_off(connection)
            return False
        connection.sendall(head + body)
        return True


class _Connection(socketserver.BaseRequestHandler):
    """The connection of one client, which is kept alive."""

    server: "_Listener"
    request: socket.socket

    def handle(self) -> None:
        sandbox = self.server.sandbox
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for request in wire.requests(self.request):
                if not sandbox.deliver(self.request, request, sandbox.answer(request)):
                    return
        except wire.BadRequest as error:
            refusal = wire.Response(400, f"{error}\n".encode(), headers="Connection: close\r\n")
            self.request.sendall(wire.head_bytes(refusal) + refusal.body)
        except OSError:
            return  # The client closed the connection.


class _Listener(socketserver.ThreadingTCPServer):
    """Accepts connections, each in a thread, and can close them all."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def process_request_thread(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):  # The connection may just have ended.
                connection.shutdown(socket.SHUT_RDWR)
