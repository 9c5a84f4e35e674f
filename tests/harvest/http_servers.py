"""Small servers that give answers that Flickr should never give; each test writes them out."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class Server(ThreadingHTTPServer):
    """What a crawl needs to know about a server."""

    daemon_threads = True

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    """One request, with its form parsed."""

    protocol_version = "HTTP/1.1"
    form: dict[str, str]

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    @property
    def photo_id(self) -> str:
        """The photo that a call is about; empty if there is none."""
        return self.form.get("photo_id", "")

    def send(self, status: int, body: bytes, **headers: str) -> None:
        """Answer at once."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(answer: Callable[[Asked], None]) -> Iterator[Server]:
    """Answer every request by ``answer``."""

    class Handler(Asked):
        def do_GET(self) -> None:
            self.form = {}
            answer(self)

        do_HEAD = do_GET  # noqa: N815 - a name of the protocol

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            try:
                answer(self)
            except OSError:  # The client has closed the connection.
                self.close_connection = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
