"""Servers that are broken, hostile or unreachable."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes

POSTS = [post(number) for number in range(30)]
# Do not wait for an apparent outage.
TWICE = RetryPolicy(attempts=2, first_delay=1e-6, longest_delay=1e-6, patience=0.0)


class Server(ThreadingHTTPServer):
    """What the crawl needs to know of a server."""

    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Server]:
    """Serve ``answer`` to every request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class TestPictures:
    @pytest.mark.parametrize(
        "location",
        ["http://[bad", "//[::1", "http://h:99999/", "http://h:abc/x.jpg", "http://127.0.0.1:1/x"],
    )
    def test_a_redirect_elsewhere_is_not_followed(self, tmp_path: Path, location: str) -> None:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, b'{"stat":"fail","code":77,"message":"no such post"}')
            else:
                send(request, 302, b"", Location=location)

        published_list = write_votes(tmp_path / "list", POSTS[:2])
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server, retry=TWICE)  # type: ignore[arg-type]
            report = crawl(made, lambda line: None)
        assert report.lost == 2
        failures = harvest_status(tmp_path / "h")["failures"]
        reasons = {it["reason"] for it in failures if it["what"] == "image"}
        assert reasons == {"redirected away from the image servers: not followed"}

    def test_a_server_that_says_429_gets_fewer_requests_and_nothing_is_lost(
        self, tmp_path: Path
    ) -> None:
        answered: list[int] = []

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, b'{"stat":"fail","code":1,"message":"Photo not found"}')
            elif len(answered) < 20:
                answered.append(429)
                send(request, 429, b"")
            else:
                answered.append(200)
                send(request, 200, jpeg(len(answered)))

        published_list = write_votes(tmp_path / "list", POSTS)
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server)  # type: ignore[arg-type]
            crawl(made, lambda line: None)
        assert harvest_status(tmp_path / "h")["image"]["ok"] == len(POSTS)


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 100_000,
            b'{"stat":"fail","code":Infinity,"message":"x"}',
            b'{"stat":"fail","code":[],"message":"x"}',
            b'{"stat":"fail"}',
            b"[1]",
            b"\xff\xfe",
            b'{"stat":"ok","photo":{}}',
            b'{"stat":"ok","photo":{"id":' + b"9" * 5000 + b"}}",
        ],
    )
    def test_a_malformed_answer_is_a_failure_of_its_photo(
        self, tmp_path: Path, body: bytes
    ) -> None:

        def answer(request: BaseHTTPRequestHandler) -> None:
            send(request, 200, jpeg(1) if request.command == "GET" else body)

        published_list = write_votes(tmp_path / "list", POSTS[:3])
        with serving(answer) as server:
            # Otherwise an apparent outage would be waited for ten minutes.
            retry = replace(TWICE, patience=0.0)
            made = options(published_list, tmp_path / "h", server, retry=retry)  # type: ignore[arg-type]
            crawl(made, lambda line: None)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["failed"], status["image"]["ok"]) == (3, 3)

    def test_what_cannot_be_stored_or_shown_is_replaced(self, tmp_path: Path) -> None:
        body = json.dumps({"stat": "fail", "code": 77, "message": "\ud800\n\x1b[31mred"}).encode()

        def answer(request: BaseHTTPRequestHandler) -> None:
            send(request, 200, jpeg(1) if request.command == "GET" else body)

        published_list = write_votes(tmp_path / "list", POSTS[:1])
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server, retry=TWICE)  # type: ignore[arg-type]
            crawl(made, lambda line: None)
        failures = harvest_status(tmp_path / "h")["failures"]
        (reason,) = [it["reason"] for it in failures if it["what"] == "api"]
        assert reason.isprintable()
        assert reason.isascii()
        assert reason.endswith("[31mred")

    def test_a_clock_that_is_wrong_is_not_the_keys_fault(self, tmp_path: Path) -> None:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "GET":
                send(request, 200, jpeg(1))
            else:
                send(request, 401, b"oauth_problem=timestamp_refused")

        published_list = write_votes(tmp_path / "list", POSTS[:1])
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server)  # type: ignore[arg-type]
            with pytest.raises(HarvestError, match="machine's clock"):
                crawl(made, lambda line: None)


class TestServers:
    @pytest.mark.parametrize("url", ["", "localhost:8123", "nonsense", "ftp://x/", "http://"])
    def test_an_invalid_server_url_is_refused(self, url: str) -> None:
        with pytest.raises(HarvestError, match="is not the URL of a server"):
            servers(url)

    def test_flickrs_own_redirects_stay_with_its_image_hosts(self) -> None:
        flickr = servers(None)
        assert flickr.serves_images("https://farm4.staticflickr.com/1/2_3.jpg")
        assert not flickr.serves_images("https://staticflickr.com.evil.example/1/2_3.jpg")
        assert not flickr.serves_images("file:///etc/passwd")

    def test_an_unreachable_server_is_reported_at_once(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS)) as server:
            made = options(published_list, tmp_path / "h", server, retry=RetryPolicy())
            crawl(options(published_list, tmp_path / "pictures", server), lambda line: None)
        with pytest.raises(HarvestError, match="no connection to the image server"):
            crawl(made, lambda line: None)
        # If all pictures are on disk already, the API is what cannot be reached.
        with (
            Ledger(tmp_path / "pictures" / FILE_NAME, create=True) as ledger,
            ledger.transaction() as connection,
        ):
            connection.execute("UPDATE photos SET api_outcome = 'pending', api_next_try = 0")
        made = options(published_list, tmp_path / "pictures", server, retry=RetryPolicy())
        with pytest.raises(HarvestError, match="no connection to the API"):
            crawl(made, lambda line: None)
        status = harvest_status(tmp_path / "pictures")
        assert status["api"]["pending"] == status["image"]["ok"] == len(POSTS)

    def test_a_server_with_none_of_the_photos_settles_none(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(60)]
        published_list = write_votes(tmp_path / "list", posts)
        with (
            SandboxServer(Corpus([post(999)]), keys={KEY: SECRET}) as server,
            pytest.raises(HarvestError, match="none of 50 pictures from all over"),
        ):
            crawl(options(published_list, tmp_path / "h", server), lambda line: None)
        status = harvest_status(tmp_path / "h")
        assert status["api"]["pending"] == status["image"]["pending"] == 60

    def test_a_limit_to_gone_photos_is_not_taken_for_another_server(self, tmp_path: Path) -> None:
        posts = [post(n, status="deleted") if n < 70 else post(n) for n in range(160)]
        published_list = write_votes(tmp_path / "list", posts)
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, limit=60), lambda line: None)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["gone"], status["api"]["pending"]) == (60, 100)

    def test_posts_of_two_services_do_not_mix(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS[:1])
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), lambda line: None)
            made = options(published_list, tmp_path / "h", server, flickr_url=None)
            with pytest.raises(HarvestError, match="another server's"):
                crawl(made, lambda line: None)


class TestFaultsOfOurOwn:
    def test_an_error_of_the_ledger_ends_the_crawl_with_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import sqlite3

        def broken(*_: object, **__: object) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed")

        monkeypatch.setattr(Ledger, "due", broken)
        published_list = write_votes(tmp_path / "list", POSTS)
        with (
            SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server,
            pytest.raises(HarvestError, match="disk image is malformed"),
        ):
            crawl(options(published_list, tmp_path / "h", server), lambda line: None)
