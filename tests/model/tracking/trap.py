"""A proxy that lets nobody out, and counts who asks: what a library would send is seen."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def trapped() -> Iterator[tuple[dict[str, str], list[bytes]]]:
    """Yield an environment that names the proxy, and the first lines of what asked it."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                with connection:
                    asked.append(connection.recv(200).partition(b"\r\n")[0])

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        yield {form(name): url for name in names for form in (str.upper, str.lower)}, asked
        server.shutdown(socket.SHUT_RDWR)
