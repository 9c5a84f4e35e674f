"""What comes of a request, whatever a server, a proxy or the environment does."""

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from shutil import which

import pytest

from flickr_emotion.harvest.image_hosts import transfers
from flickr_emotion.harvest.image_hosts.transfers import Received, Transfers, header_fields
from flickr_emotion.harvest.pace.retry import (
    CertificateError,
    TransientError,
    UnreachableError,
)

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[socket.socket], object]


@contextmanager
def answering(answer: Answer, *, secure: ssl.SSLContext | None = None) -> Iterator[str]:
    """Read the head of each request on a socket of its own, and let ``answer`` answer it."""

    def serve(connection: socket.socket) -> None:
        try:
            if secure:
                connection = secure.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := connection.recv(65536)):
                    return  # The client has closed the connection before it asked.
                head += more
            answer(connection)
        except OSError:  # The client has gone.
            pass
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # The listener is closed.
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        scheme = "https" if secure else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/a.jpg"
        listener.shutdown(socket.SHUT_RDWR)


def sending(*pieces: bytes) -> Answer:
    return lambda connection: connection.sendall(b"".join(pieces))


def requested(url: str, *, proxy: str | None = None, method: str = "GET") -> Received:
    async def request() -> Received:
        async with aclosing(Transfers(proxy=proxy, largest=1000, at_once=4)) as client:
            return await client.request(method, url)

    return asyncio.run(request())


class TestAnswers:
    def test_fields_are_those_of_the_head_that_counts(self) -> None:
        """Neither those of an answer before it nor the trailers of a body."""
        answer = sending(
            b"HTTP/1.1 103 Early Hints\r\nX-Robots-Tag: noai\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\r\nX-A:  b \r\nx-a: \xff\r\n\r\n",
            b"3\r\nabc\r\n0\r\nTDM-Reservation: 1\r\n\r\n",
        )
        with answering(answer) as url:
            came = requested(url)
        assert came.body == b"abc"
        assert came.size is None
        assert came.fields == {"transfer-encoding": ["chunked"], "x-a": ["b", "\xff"]}

    def test_a_head_is_split_at_its_lines(self) -> None:
        lines = [OK, b"A: b:c\r\n", b"no field\r\n", b"D: e\r\n", b"\r\n"]
        assert header_fields(lines) == {"a": ["b:c"], "d": ["e"]}

    @pytest.mark.parametrize(
        "place", ["X-Robots-Tag: noai\r\n{}\r\n0\r\n\r\n", "X-Robots-Tag: noai\r\n\r\n0\r\n{}\r\n"]
    )
    def test_a_field_with_the_name_of_the_protocol_erases_none(self, place: str) -> None:
        """Neither one of the head nor a trailer begins another head."""
        rest = place.format("HTTP/1.1 200 OK: 1\r\n").encode()
        with answering(sending(OK, b"Transfer-Encoding: chunked\r\n", rest)) as url:
            assert requested(url).fields["x-robots-tag"] == ["noai"]

    def test_a_handle_remembers_nothing_of_its_last_request(self) -> None:
        answers = [
            OK + b"X: 1\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nde",
            OK + b"Content-Length: 7\r\n\r\n",
            OK + b"Content-Length: 1\r\n\r\nf",
        ]

        def answer(connection: socket.socket) -> None:
            connection.sendall(answers.pop(0))

        async def request() -> list[Received]:
            async with aclosing(Transfers(proxy=None, largest=1000, at_once=4)) as client:
                methods = ("GET", "GET", "HEAD", "GET")
                return [await client.request(method, url) for method in methods]

        with answering(answer) as url:
            came = asyncio.run(request())
        assert [it.body for it in came] == [b"abc", b"de", b"", b"f"]
        assert [it.status for it in came] == [200, 404, 200, 200]
        assert [it.size for it in came] == [3, 2, 7, 1]
        assert ["x" in it.fields for it in came] == [True, False, False, False]

    def test_a_body_that_is_too_large_is_not_waited_for(self) -> None:
        def answer(connection: socket.socket) -> None:
            connection.sendall(OK + b"Content-Length: 9000000\r\n\r\n" + bytes(2000))
            connection.recv(1)  # Returns when the client has gone.

        with answering(answer) as url:
            came = requested(url)
        assert 1000 < len(came.body) <= 2000
        assert came.size == 9_000_000


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "down"),
        [
            ((), True),
            ((OK,), True),
            ((OK, b"A: b\r\n"), True),
            ((OK, b"Content-Length: 5\r\n\r\nabc"), False),
            ((OK, b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), False),
            ((OK, b"Transfer-Encoding: chunked\r\n\r\nno number\r\n"), False),
            ((b"just bytes",), False),
            ((OK, b"X: " + b"x" * 500_000 + b"\r\n\r\n"), False),
            ((OK, b"Transfer-Encoding: \x1b[31m\xff\r\n\r\n"), False),
        ],
        ids=[
            "nothing",
            "no-fields",
            "half-a-head",
            "half",
            "cut",
            "no-chunks",
            "no-http",
            "endless-head",
            "control-characters",
        ],
    )
    def test_no_whole_answer(self, answer: tuple[bytes, ...], down: bool) -> None:
        with answering(sending(*answer)) as url, pytest.raises(TransientError) as raised:
            requested(url)
        text = str(raised.value)
        assert text.startswith("no whole answer from the image server (")
        assert text.isprintable()
        assert not text.endswith("()")
        assert raised.value.down == down

    def test_the_bytes_of_a_failed_answer_are_not_kept(self) -> None:
        async def request() -> int:
            async with aclosing(Transfers(proxy=None, largest=10**8, at_once=4)) as client:
                with pytest.raises(TransientError):
                    await client.request("GET", url)
                return tracemalloc.get_traced_memory()[0]

        answer = sending(OK, b"Content-Length: 9000000\r\n\r\n" + bytes(4_000_000))
        with answering(answer) as url:
            tracemalloc.start()
            try:
                assert asyncio.run(request()) < 3_000_000
            finally:
                tracemalloc.stop()

    def test_a_connection_that_breaks_before_the_answer(self) -> None:
        """As a proxy that lets nobody through; it is not the picture that is at fault."""

        def answer(connection: socket.socket) -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with answering(answer) as url, pytest.raises(TransientError) as raised:
            requested(url)
        assert raised.value.down

    def test_a_connection_that_breaks(self) -> None:
        def answer(connection: socket.socket) -> None:
            connection.sendall(OK + b"Content-Length: 5\r\n\r\nabc")
            # Closed like this, it is reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with answering(answer) as url, pytest.raises(TransientError) as raised:
            requested(url)
        assert not raised.value.down

    @pytest.mark.slow
    def test_silence_is_not_waited_for_until_the_deadline(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transfers, "_SILENCE_SECONDS", 1)

        def answer(connection: socket.socket) -> None:
            connection.sendall(OK + b"Content-Length: 5\r\n\r\nabc")
            connection.recv(1)

        with (
            answering(answer) as url,
            pytest.raises(TransientError, match=r"within [1-9] s") as raised,
        ):
            requested(url)
        assert raised.value.down

    def test_an_answer_is_given_up_at_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transfers, "DEADLINE_SECONDS", 0.1)
        with (
            answering(lambda connection: connection.recv(1)) as url,
            pytest.raises(TransientError, match=r"within 0 s") as raised,
        ):
            requested(url)
        assert raised.value.down

    def test_a_server_that_accepts_nobody_is_unreachable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transfers, "DEADLINE_SECONDS", 0.1)
        with socket.create_server(("127.0.0.1", 0)) as listener:  # No TLS is ever answered.
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/a.jpg"
            with pytest.raises(UnreachableError, match="in time"):
                requested(url)

    def test_only_http_is_spoken(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("secret", encoding="utf-8")
        with pytest.raises(TransientError):
            requested(f"file://{tmp_path}/a")

    def test_who_is_cancelled_leaves_nothing_behind(self) -> None:
        hold = threading.Event()
        answers: list[Answer] = [
            lambda connection: hold.wait(60),
            sending(OK, b"Content-Length: 1\r\n\r\na"),
        ]

        async def request() -> Received:
            async with aclosing(Transfers(proxy=None, largest=1000, at_once=4)) as client:
                waiting = asyncio.create_task(client.request("GET", url))
                while len(answers) > 1:
                    await asyncio.sleep(0)
                waiting.cancel()
                assert isinstance(
                    (await asyncio.gather(waiting, return_exceptions=True))[0],
                    asyncio.CancelledError,
                )
                return await client.request("GET", url)

        with answering(lambda connection: answers.pop(0)(connection)) as url:
            assert asyncio.run(request()).body == b"a"
            hold.set()


class TestProxies:
    @pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
    def test_none_comes_from_the_environment(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        with answering(sending(OK, b"Content-Length: 1\r\n\r\na")) as url:
            assert requested(url).body == b"a"

    def test_the_one_that_is_given_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("no_proxy", "*")
        with answering(sending(OK, b"Content-Length: 1\r\n\r\na")) as proxy:
            assert requested("http://nowhere.invalid/a.jpg", proxy=proxy).body == b"a"
        with pytest.raises(UnreachableError):
            requested("http://nowhere.invalid/a.jpg", proxy="http://127.0.0.1:9")

    @pytest.mark.parametrize("answer", [b"", OK, b"no HTTP"])
    def test_one_that_closes_at_connect_is_down(self, answer: bytes) -> None:
        with (
            answering(sending(answer)) as url,
            pytest.raises(TransientError, match="CONNECT aborted") as raised,
        ):
            requested("https://nowhere.invalid/a.jpg", proxy=url.removesuffix("/a.jpg"))
        assert raised.value.down


def test_a_picture_needs_no_requests(tmp_path: Path) -> None:
    """The library for calls takes a tenth of a second to load, which pictures do not wait for."""
    script = (
        "import asyncio, sys\n"
        "from contextlib import aclosing\n"
        "from flickr_emotion.harvest.flickr.servers import servers\n"
        "from flickr_emotion.harvest.image_hosts.transfers import Transfers\n"
        "async def request():\n"
        "    made = Transfers(proxy=servers(None).proxy, largest=9, at_once=1)\n"
        "    async with aclosing(made) as client:\n"
        "        return await client.request('GET', sys.argv[1])\n"
        "assert asyncio.run(request()).body == b'a'\n"
        "assert 'requests' not in sys.modules\n"
    )
    authority = tmp_path / "authority.pem"
    authority.touch()
    environment = {
        it: value for it, value in os.environ.items() if not it.lower().endswith("_proxy")
    }
    with answering(sending(OK, b"Content-Length: 1\r\n\r\na")) as url:
        subprocess.run(
            [sys.executable, "-c", script, url],
            check=True,
            env=environment | {"SSL_CERT_FILE": str(authority)},
        )


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
def test_a_server_is_who_a_certificate_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the certificates are those that Python trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out"]
    subprocess.run(
        ["openssl", *made.split(), *files, str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(sending(OK, b"Content-Length: 1\r\n\r\na"), secure=context) as url:
        with pytest.raises(CertificateError, match=r"not trusted \(.+\).* SSL_CERT_FILE$"):
            requested(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert requested(url).body == b"a"
        with pytest.raises(CertificateError) as raised:
            requested(url.replace("127.0.0.1", "localhost"))
        assert "check the network" not in raised.value.line()
        certificate.write_text("no certificate", encoding="utf-8")
        with pytest.raises(CertificateError, match=r"cannot be read.* SSL_CERT_FILE"):
            requested(url)
