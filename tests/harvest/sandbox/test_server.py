"""The server as a program: its counts, its end, and its command."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from flickr_emotion.commands.sandbox import serve
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.sandbox import Sandbox
from tests.commands import run
from tests.harvest.sandbox.conftest import flickr, query


@pytest.fixture
def fresh(posts: list[Post]) -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(posts)) as server:
        yield server


def test_counts_tell_what_was_asked_twice(fresh: SandboxServer, http: requests.Session) -> None:
    api = flickr(fresh.url, http)
    api.photos.getInfo(photo_id="5000000001")
    api.photos.getInfo(photo_id="5000000002")
    api.photos.getInfo(photo_id="5000000002")
    api.test.echo()
    picture = f"{fresh.url}/4101/5000000001_aaaaaaaa01.jpg"
    http.get(picture)
    http.head(picture)
    http.get(f"{fresh.url}/1/1_a.jpg")
    assert http.get(f"{fresh.url}/__stats?photos=1").json() == {
        "api": {"flickr.photos.getInfo": 3, "flickr.test.echo": 1},
        "api_total": 4,
        "images": 2,
        "image_heads": 1,
        "faults": {},
        "photos": {
            "5000000001": {"info": 1, "image": 1},
            "5000000002": {"info": 2, "image": 0},
        },
    }
    assert "photos" not in http.get(f"{fresh.url}/__stats").json()
    assert http.post(f"{fresh.url}/__stats/reset").json()["api_total"] == 0
    assert fresh.stats.image_ok == {}


def test_one_connection_serves_many_requests(fresh: SandboxServer) -> None:
    host, port = fresh.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        # Two requests in one write: the bytes after the first belong to the second.
        client.sendall(b"GET /__stats HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        client.sendall(b"GET /__stats HTTP/1.0\r\n\r\n")
        answers = b""
        while part := client.recv(65536):
            answers += part
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_an_invalid_request_is_refused(fresh: SandboxServer, sent: bytes) -> None:
    host, port = fresh.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(sent)
        assert client.recv(65536).startswith(b"HTTP/1.1 400 Bad Request")


def test_other_methods_are_not_allowed(fresh: SandboxServer, http: requests.Session) -> None:
    assert http.delete(f"{fresh.url}/services/rest/").status_code == 405


def test_a_closed_server_gives_its_port_back(posts: list[Post]) -> None:
    with SandboxServer(Corpus(posts)) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(HarvestError, match="choose another --port"):
            SandboxServer(Corpus(posts), port=port)
        with requests.Session() as session:
            session.get(f"{first.url}/__stats")
            first.close()
            with pytest.raises(requests.ConnectionError):
                session.get(f"{first.url}/__stats")
    with SandboxServer(Corpus(posts), port=port) as second:
        assert second.url == first.url


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    said: list[str] = []
    answered: list[int] = []

    def announce(line: str) -> None:
        said.append(line)
        if "http://" in line:
            threading.Thread(target=visit, args=(line.rpartition(" ")[2],)).start()

    def visit(url: str) -> None:
        params = query("photos.search", tags="scary")
        answer = requests.get(f"{url}/services/rest/", params=params, timeout=10).json()
        answered.append(answer["photos"]["total"])
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    serve(Sandbox(), tmp_path / "lists", announce)
    assert signal.getsignal(number) is before
    assert answered[0] > 0
    assert len(list((tmp_path / "lists" / "agg").glob("*.csv"))) == 56
    assert said[-1].startswith("Sandbox Flickr (simulation of 2,000 posts) at http://127.0.0.1:")


@pytest.mark.parametrize("given", [("corpus", "vso"), ("corpus", "lists"), ("vso", "lists")])
def test_the_command_serves_one_thing(tmp_path: Path, given: tuple[str, str]) -> None:
    done = run("sandbox", *(word for name in given for word in (f"--{name}", tmp_path)))
    assert done.code == 2
    assert "give at most one of them" in done.err
