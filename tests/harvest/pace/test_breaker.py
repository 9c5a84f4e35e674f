"""The circuit breaker."""

import threading

from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy

RETRY = RetryPolicy(first_delay=10.0, longest_delay=100.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock, said: list[str]) -> Breaker:
    breaker = Breaker("the service", retry=RETRY, say=said.append, clock=clock)
    assert [breaker.failed() for _ in range(5)] == [False] * 4 + [True]
    return breaker


class TestBreaker:
    def test_a_few_failures_between_answers_do_not_open_it(self) -> None:
        said: list[str] = []
        breaker = Breaker("the service", retry=RETRY, say=said.append, clock=Clock())
        for _ in range(20):
            assert not any(breaker.failed() for _ in range(4))
            breaker.succeeded()
            assert breaker.delay() == 0
        assert said == []

    def test_it_reports_once_that_the_service_is_down_and_once_that_it_is_back(self) -> None:
        said: list[str] = []
        clock = Clock()
        breaker = opened(clock, said)
        for _ in range(30):
            assert breaker.failed()
        clock.now += 70
        breaker.succeeded()
        assert [line.partition(" (")[0] for line in said] == [
            "the service does not answer",
            "the service answers again, after 70 s",
        ]
        assert breaker.delay() == 0
        assert not breaker.failed()

    def test_one_trial_at_a_time(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += 10
        assert breaker.delay() == 0
        waits = [breaker.delay() for _ in range(5)]
        assert all(0 < wait <= 1 for wait in waits)

    def test_delays_grow_with_the_trials_that_fail_and_stay_bounded(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        longest = 0.0
        for trial in range(1, 200):
            wait = breaker.delay()
            assert 0 <= wait <= min(100, 10 * 2 ** (trial - 1))
            longest = max(longest, wait)
            clock.now += wait
            assert wait == 0 or breaker.delay() == 0
            breaker.failed()
        assert longest > 10

    def test_stragglers_from_before_do_not_count_as_trials(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        for _ in range(100):
            breaker.failed()
        assert breaker.delay() <= 10

    def test_an_endless_outage_does_not_keep_a_crawl_running(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += 700
        assert breaker.failed(), "no caller got the trial"
        assert breaker.delay() == 0
        assert not breaker.failed()

    def test_a_clock_that_is_set_back_does_not_block_the_trial(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now -= 10_000
        assert breaker.delay() == 0

    def test_a_trial_without_a_result_is_given_to_another_caller(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += 10
        assert breaker.delay() == 0
        clock.now += 121
        assert breaker.delay() == 0

    def test_many_threads_get_one_trial(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += 10
        start = threading.Barrier(8)
        handed: list[float] = []

        def ask() -> None:
            start.wait()
            handed.append(breaker.delay())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(handed)[0] == 0 < sorted(handed)[1]
