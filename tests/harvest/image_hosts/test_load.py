"""The number of concurrent requests to an image host."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.image_hosts.load import MOST_AT_ONCE, ImageHost, ImageHosts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pace.retry import RetryPolicy, TransientError

RETRY = RetryPolicy(first_delay=1e-6, longest_delay=1e-6)
URL = "https://live.staticflickr.com/1/2_3.jpg"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def host(ledger: Ledger, said: list[str]) -> ImageHost:
    return ImageHosts(retry=RETRY, say=said.append, ledger=ledger).of(URL)


def too_many(retry_after: float | None = None) -> TransientError:
    return TransientError("answered 429", retry_after=retry_after, too_many=True)


def refuse(host: ImageHost) -> None:
    """A 429 to a request that was made after all earlier ones."""
    host.failed(too_many(), time.monotonic())


def in_loop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


async def entered(host: ImageHost, count: int) -> list[asyncio.Task[None]]:
    """Let ``count`` requests wait for their turn, and run as far as possible."""
    tasks = [asyncio.create_task(host.enter()) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def test_a_429_costs_no_picture_an_attempt_but_a_service_that_is_down_does(
    host: ImageHost,
) -> None:
    assert not host.failed(too_many(), time.monotonic())
    assert host.failed(TransientError("answered 500", down=True), time.monotonic())


class TestLimit:
    def test_it_doubles_each_round_up_to_the_most(self, host: ImageHost) -> None:
        first = int(host.limit)
        for _ in range(first):
            host.answered(0.1)
        assert host.limit == 2 * first
        for _ in range(1000):
            host.answered(0.1)
        assert host.limit == MOST_AT_ONCE

    def test_a_429_halves_it_and_then_it_grows_by_one_per_round(self, host: ImageHost) -> None:
        for _ in range(1000):
            host.answered(0.1)
        refuse(host)
        assert host.limit == MOST_AT_ONCE / 2
        for _ in range(MOST_AT_ONCE // 2):
            host.answered(0.1)
        assert MOST_AT_ONCE / 2 + 0.9 < host.limit <= MOST_AT_ONCE / 2 + 1

    def test_requests_in_flight_at_a_cut_do_not_cut_again(self, host: ImageHost) -> None:
        before = time.monotonic()
        limit = host.limit
        for _ in range(10):
            host.failed(too_many(), before)
        assert host.limit == limit / 2

    def test_one_is_always_asked(self, host: ImageHost) -> None:
        for _ in range(100):
            refuse(host)
        assert host.limit == 1

    def test_much_slower_answers_cut_it(self, host: ImageHost) -> None:
        for _ in range(100):
            host.answered(0.1)
        limit = host.limit
        for _ in range(30):
            host.answered(2.0)
        assert host.limit < limit

    def test_delays_in_our_own_queue_do_not(self, host: ImageHost) -> None:
        for _ in range(500):
            host.answered(0.001)
        for _ in range(500):
            host.answered(0.2)
        assert host.limit == MOST_AT_ONCE


class TestTurns:
    def test_no_more_than_the_limit_run_and_the_end_of_one_starts_another(
        self, host: ImageHost
    ) -> None:
        async def work() -> None:
            tasks = await entered(host, 40)
            assert sum(task.done() for task in tasks) == int(host.limit)
            host.leave()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sum(task.done() for task in tasks) == int(host.limit) + 1
            host.abandon()
            await asyncio.wait(tasks)
            assert sum(task.cancelled() for task in tasks) == 39 - int(host.limit)

        in_loop(work)

    def test_no_request_starts_once_it_is_abandoned(self, host: ImageHost) -> None:
        async def work() -> None:
            host.abandon()
            (task,) = await entered(host, 1)
            assert task.cancelled()

        in_loop(work)

    def test_retry_after_stops_all_and_outlives_the_process(
        self, host: ImageHost, ledger: Ledger, said: list[str]
    ) -> None:
        async def work(resting: ImageHost) -> None:
            tasks = await entered(resting, 3)
            assert not any(task.done() for task in tasks)
            resting.abandon()
            await asyncio.wait(tasks)

        host.failed(too_many(retry_after=900), time.monotonic())
        in_loop(lambda: work(host))
        assert said == ["the image server live.staticflickr.com asks for a rest: 900 s"]
        again = ImageHosts(retry=RETRY, say=print, ledger=ledger)
        in_loop(lambda: work(again.of(URL)))

        async def another() -> None:
            (task,) = await entered(again.of("https://farm4.staticflickr.com/1/2_3.jpg"), 1)
            assert task.done()

        in_loop(another)


class TestAttempts:
    def test_a_429_spends_none(self, host: ImageHost) -> None:
        assert not host.failed(too_many(), time.monotonic())
        assert host.failed(TransientError("answered 500", down=True), time.monotonic())

    def test_no_attempt_is_spent_while_the_host_is_down(
        self, host: ImageHost, said: list[str]
    ) -> None:
        spent = []
        for _ in range(20):
            error = TransientError("answered 503", down=True)
            spent.append(host.failed(error, time.monotonic()))
        assert spent == [True] * 4 + [False] * 16
        assert len(said) == 1
        assert "live.staticflickr.com does not answer" in said[0]

    def test_a_broken_picture_does_not_say_that_the_host_is_down(self, host: ImageHost) -> None:
        for _ in range(20):
            error = TransientError("no whole answer from the image server (reset)")
            assert host.failed(error, time.monotonic())
