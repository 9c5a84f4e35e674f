"""The client of the image servers: what an answer means, and what its host hears of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.image_hosts.answers import Reply
from flickr_emotion.harvest.image_hosts.client import ImageClient, prober
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.image_hosts.placeholders import PlaceholderError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    TransientError,
    UnreachableError,
)
from flickr_emotion.harvest.pictures.files import UnansweredPictureError
from tests.harvest.corpora import AT_ONCE, post
from tests.harvest.http_servers import Asked, Server, serving
from tests.harvest.parts import reference_of

POST = post(1)
REFERENCE = reference_of(POST)
PLACE = f"/3456/{POST.photo_id}_{POST.secret}"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[ImageHosts]:
    with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
        yield ImageHosts(retry=AT_ONCE, say=lambda line: None, ledger=ledger)


def asked(
    server: Server, hosts: ImageHosts, work: Callable[[ImageClient], Coroutine[Any, Any, Any]]
) -> Any:
    """What comes of one question."""

    async def ask() -> Any:
        async with ImageClient(servers(server.url), hosts) as client:
            return await work(client)

    return asyncio.run(ask())


def failed(
    server: Server, hosts: ImageHosts, work: Callable[[ImageClient], Coroutine[Any, Any, Reply]]
) -> Exception | None:
    """Why there is no picture, if there is none."""
    failure: Exception | None = asked(server, hosts, work).failure
    return failure


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    def test_it_is_read(self, hosts: ImageHosts, status: int) -> None:
        with serving(lambda request: request.send(status, b"", Retry_After="700")) as server:
            reply = asked(server, hosts, lambda client: client.fetch(REFERENCE))
        assert isinstance(reply.failure, TransientError)
        assert reply.failure.retry_after == 700.0
        assert reply.failure.too_many == (status == 429)
        assert reply.spends_attempt == (status == 503)

    def test_a_429_lets_the_whole_host_rest(self, hosts: ImageHosts) -> None:
        """Also for those who are waiting for their turn already."""
        pictures: list[str] = []

        def answer(request: Asked) -> None:
            pictures.append(request.path)
            request.send(429, b"", Retry_After="700")

        async def ask(client: ImageClient) -> None:
            host = hosts.of(f"{server.url}/")
            host.limit = 1.0
            tasks = [asyncio.create_task(client.fetch(REFERENCE)) for _ in range(3)]
            done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            for _ in range(5):
                await asyncio.sleep(0)
            assert not any(task.done() for task in waiting)
            hosts.abandon()
            await asyncio.wait(waiting)
            assert isinstance(done.pop().result().failure, TransientError)

        with serving(answer) as server:
            asked(server, hosts, ask)
        assert len(pictures) == 1


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "error", "counts"),
        [
            *((status, PhotoGoneError, True) for status in (404, 410)),
            (403, PhotoPrivateError, True),
            *((status, UnansweredPictureError, True) for status in (400, 401, 418, 451, 499)),
            *((status, TransientError, True) for status in (408, 425, 500, 502, 503, 504)),
            (429, TransientError, False),
        ],
    )
    def test_of_each_status(
        self, hosts: ImageHosts, status: int, error: type[Exception], counts: bool
    ) -> None:
        with serving(lambda request: request.send(status, b"")) as server:
            reply = asked(server, hosts, lambda client: client.fetch(REFERENCE))
        assert type(reply.failure) is error
        assert str(reply.failure) == f"answered {status}"
        assert reply.spends_attempt == counts
        assert reply.body is None
        assert reply.status == status
        assert reply.host == f"127.0.0.1:{server.server_port}"

    def test_of_a_picture(self, hosts: ImageHosts) -> None:
        with serving(lambda request: request.send(200, POST.jpeg())) as server:
            found = asked(server, hosts, lambda client: client.fetch(REFERENCE))
        assert found.body == POST.jpeg()
        assert found.failure is None

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"<html>massage</html>", "image/jpeg"),
            (b"\xef\xbb\xbf \n<!DOCTYPE html>", ""),
            (b"We are down", "Text/HTML; charset=utf-8"),
            (b"", "application/xhtml+xml"),
        ],
    )
    def test_a_page_is_no_picture(self, hosts: ImageHosts, body: bytes, kind: str) -> None:
        with serving(lambda request: request.send(200, body, Content_Type=kind)) as server:
            failure = failed(server, hosts, lambda client: client.fetch(REFERENCE))
        assert isinstance(failure, TransientError)
        assert "a page in a picture's place" in str(failure)
        assert failure.down

    def test_nobody_there(self, hosts: ImageHosts) -> None:
        with serving(lambda request: None) as server:
            pass
        failure = failed(server, hosts, lambda client: client.probe(REFERENCE))
        assert isinstance(failure, UnreachableError)


class TestSizes:
    def test_the_next_smaller_one_is_asked_where_one_is_refused(self, hosts: ImageHosts) -> None:
        """The smallest is what every photo has; its refusal is final."""
        paths: list[str] = []

        def answer(request: Asked) -> None:
            paths.append(request.path)
            request.send(404, b"")

        with serving(answer) as server:
            failure = failed(server, hosts, lambda client: client.fetch(REFERENCE, "b"))
        assert isinstance(failure, PhotoGoneError)
        assert paths[0] == f"{PLACE}_b.jpg"
        assert paths[-1] == f"{PLACE}.jpg"
        assert len(paths) == len(set(paths)) > 2

    def test_a_probe_asks_for_the_head_alone(self, hosts: ImageHosts) -> None:
        commands: list[tuple[str, str]] = []

        def answer(request: Asked) -> None:
            commands.append((request.command, request.path))
            request.send(200, b"")

        with serving(answer) as server:
            with prober(servers(server.url), hosts) as probe:
                assert probe(REFERENCE) is None
            assert failed(server, hosts, lambda client: client.probe(REFERENCE)) is None
        assert commands == [("HEAD", f"{PLACE}.jpg")] * 2


class TestRedirects:
    def test_within_the_servers_they_are_followed_three_times(self, hosts: ImageHosts) -> None:
        left = 3

        def answer(request: Asked) -> None:
            nonlocal left
            if left:
                left -= 1
                request.send(302, b"", Location=f"/{left}.jpg")
            else:
                request.send(200, POST.jpeg())

        with serving(answer) as server:
            reply = asked(server, hosts, lambda client: client.fetch(REFERENCE))
            assert reply.body == POST.jpeg()
            left = 4
            failure = failed(server, hosts, lambda client: client.fetch(REFERENCE))
        assert isinstance(failure, TransientError)
        assert "redirected more than three times" in str(failure)

    def test_no_parser_can_misread_where_they_lead(self, hosts: ImageHosts) -> None:
        asked_for: list[str] = []

        def answer(request: Asked) -> None:
            asked_for.append(request.path)
            if len(asked_for) == 1:
                request.send(302, b"", Location='/é x\\y%20.jpg?q="1"#@elsewhere')
            else:
                request.send(200, POST.jpeg())

        with serving(answer) as server:
            reply = asked(server, hosts, lambda client: client.fetch(REFERENCE))
        assert reply.body == POST.jpeg()
        assert asked_for[1:] == ["/%E9%20x%5Cy%20.jpg?q=%221%22"]

    def test_elsewhere_they_are_not(self, hosts: ImageHosts) -> None:
        elsewhere: list[str] = []
        with (
            serving(lambda request: elsewhere.append(request.path)) as other,
            serving(lambda request: request.send(302, b"", Location=f"{other.url}/x")) as server,
        ):
            failure = failed(server, hosts, lambda client: client.fetch(REFERENCE))
        assert isinstance(failure, TransientError)
        assert "redirected away" in str(failure)
        assert elsewhere == []

    def test_to_the_placeholder_they_say_that_there_is_none(self, hosts: ImageHosts) -> None:
        to = {"Location": "/images/photo_unavailable.png"}
        with serving(lambda request: request.send(302, b"", **to)) as server:
            failure = failed(server, hosts, lambda client: client.fetch(REFERENCE))
        assert isinstance(failure, PlaceholderError)
