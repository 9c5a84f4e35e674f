"""Endless answers, decompression bombs and answers one byte at a time end within limits."""

import asyncio
import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.flickr import bounded_http
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.image_hosts import transfers
from flickr_emotion.harvest.image_hosts.answers import Reply
from flickr_emotion.harvest.image_hosts.client import ImageClient
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy, StoppedError, TransientError
from flickr_emotion.harvest.sandbox.shapes import photo
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes
from tests.harvest.http_servers import Asked, Server, serving

POST = post(1)
REFERENCE = PhotoReference(photo_id=POST.photo_id, server="3456", farm="4", secret=POST.secret)


def ask(server: Server, stopped: threading.Event | None = None) -> None:
    """Make one call of getInfo."""
    client = FlickrClient(
        servers(server.url),
        key=KEY,
        secret=SECRET,
        connections=1,
        spend=lambda method: None,
        stopped=stopped or threading.Event(),
    )
    try:
        client.get_info(REFERENCE)
    finally:
        client.close()


def head(request: Asked, **headers: str) -> None:
    """The head of an answer without a length."""
    request.send_response(200)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.close_connection = True


def without_end(request: Asked) -> None:
    head(request)
    while True:
        request.wfile.write(b'{"stat":"ok","photo":"' + b"x" * 2**20)


def chunks_without_end(request: Asked) -> None:
    head(request, Transfer_Encoding="chunked")
    while True:
        request.wfile.write(b"100000\r\n" + b"x" * 2**20 + b"\r\n")


def unpacked_without_end(request: Asked) -> None:
    body = b'{"stat":"ok","photo":"' + b"x" * (2 * bounded_http.LARGEST_BODY)
    request.send(200, gzip.compress(body), Content_Encoding="gzip")


def packed_twice(request: Asked) -> None:
    request.send(200, b"x", Content_Encoding="gzip, br")


def packed_and_cut(request: Asked) -> None:
    request.send(200, gzip.compress(b"{}" * 1000)[:-20], Content_Encoding="gzip")


def many_values(request: Asked) -> None:
    request.send(200, b"[" + b"{}," * (bounded_http.LARGEST_BODY // 3 + 10) + b"{}]")


class TestSize:
    @pytest.mark.parametrize(
        "answer",
        [
            *(without_end, chunks_without_end, unpacked_without_end),
            *(packed_twice, packed_and_cut, many_values),
        ],
    )
    def test_a_too_large_answer_is_refused(self, answer: Callable[[Asked], None]) -> None:
        with (
            serving(answer) as server,
            pytest.raises(TransientError, match="cannot be read") as error,
        ):
            ask(server)
        assert error.value.down

    @pytest.mark.parametrize("packing", ["gzip", "deflate", "identity"])
    def test_a_complete_answer_is_read_in_any_encoding(self, packing: str, tmp_path: Path) -> None:
        packs: dict[str, Callable[[bytes], bytes]] = {
            **{"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}
        }
        body = packs[packing](json.dumps({"photo": photo(POST), "stat": "ok"}).encode())

        def answer(request: Asked) -> None:
            assert "br" not in request.headers["Accept-Encoding"]
            request.send(200, body, Content_Encoding=packing)

        with serving(answer) as server:
            ask(server)


class TestTime:
    @pytest.mark.parametrize("part", ["head", "body"])
    def test_one_byte_at_a_time_is_given_up_at_the_deadline(
        self, part: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bounded_http, "DEADLINE_SECONDS", 0.5)
        ended = threading.Event()

        def answer(request: Asked) -> None:
            if part == "body":
                head(request)
            while not ended.wait(0.02):
                request.wfile.write(b"H")

        with serving(answer) as server:
            try:
                with pytest.raises(TransientError, match="from the API") as error:
                    ask(server)
            finally:
                ended.set()
        assert error.value.down

    def test_silence_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounded_http, "SILENCE_SECONDS", 0.2)
        ended = threading.Event()

        def answer(request: Asked) -> None:
            ended.wait(30)

        with serving(answer) as server:
            try:
                with pytest.raises(TransientError, match="ReadTimeout"):
                    ask(server)
            finally:
                ended.set()

    def test_a_crawl_that_is_ending_does_not_wait_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bounded_http, "GRACE_SECONDS", 0.1)
        stopped, ended = threading.Event(), threading.Event()

        def answer(request: Asked) -> None:
            stopped.set()
            while not ended.wait(0.02):
                request.wfile.write(b"H")

        with serving(answer) as server:
            try:
                with pytest.raises(StoppedError):
                    ask(server, stopped)
            finally:
                ended.set()


def test_a_slow_picture_is_given_up_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "DEADLINE_SECONDS", 0.5)
    ended = threading.Event()

    def answer(request: Asked) -> None:
        head(request)
        while not ended.wait(0.02):
            request.wfile.write(b"H")

    async def fetch(server: Server, ledger: Ledger) -> Reply:
        hosts = ImageHosts(retry=RetryPolicy(), say=lambda line: None, ledger=ledger)
        async with ImageClient(servers(server.url), hosts) as client:
            return await client.fetch(REFERENCE)

    with serving(answer) as server, Ledger(tmp_path / FILE_NAME, create=True) as ledger:
        try:
            reply = asyncio.run(fetch(server, ledger))
        finally:
            ended.set()
    assert isinstance(reply.failure, TransientError)
    assert "no whole answer" in str(reply.failure)


def test_a_crawl_goes_on_after_an_endless_answer(tmp_path: Path) -> None:
    posts = [post(number) for number in range(6)]

    def answer(request: Asked) -> None:
        if not request.form:
            request.send(200, jpeg(int(request.path.partition("_")[0][-1])))
        elif request.photo_id == posts[2].photo_id:
            without_end(request)
        elif request.photo_id:
            it = post(int(request.photo_id) - 3_700_000_000)
            request.send(200, json.dumps({"photo": photo(it), "stat": "ok"}).encode())
        else:
            request.send(200, b'{"stat":"ok","photos":{"photo":[],"pages":0}}')

    published_list = write_votes(tmp_path / "list", posts)
    twice = RetryPolicy(attempts=2, first_delay=1e-6, longest_delay=1e-6)
    with serving(answer) as server:
        started = time.monotonic()
        crawl(options(published_list, tmp_path / "h", server, retry=twice), lambda line: None)  # type: ignore[arg-type]
        assert time.monotonic() - started < 60
    status = harvest_status(tmp_path / "h")
    assert (status["api"]["ok"], status["api"]["failed"]) == (5, 1)
    assert "more than" in status["failures"][0]["reason"]
