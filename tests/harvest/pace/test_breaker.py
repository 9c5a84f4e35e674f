"""The circuit breaker."""

import threading

import pytest

from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy

RETRY = RetryPolicy(first_delay=10.0, longest_delay=100.0)
HIGHEST = RetryPolicy(first_delay=0.0, longest_delay=100.0)
"""Its trials may be made at once."""


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

    def test_a_new_one_is_closed_and_believes(self) -> None:
        breaker = Breaker("the service", retry=RETRY, say=print, clock=Clock())
        assert (breaker.refusing, breaker.given_up, breaker.epoch) == (False, False, 0)
        assert breaker.delay() == 0

    def test_it_says_once_that_the_service_is_gone_and_once_that_it_is_back(self) -> None:
        said: list[str] = []
        clock = Clock()
        breaker = opened(clock, said)
        for _ in range(30):
            assert breaker.failed()
        clock.now += 70
        breaker.succeeded()
        assert said == [
            "the service does not answer (5 failures in a row): waiting until it is back, no "
            "attempt is counted meanwhile",
            "the service answers again, after 70 s",
        ]
        assert breaker.delay() == 0
        assert not breaker.failed()

    def test_one_trial_at_a_time(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += 10
        assert breaker.delay() == 0
        assert [breaker.delay() for _ in range(5)] == [0.5] * 5
        clock.now += 119.9  # of the 120 s that a trial has
        assert breaker.delay() == pytest.approx(0.1)
        clock.now += 0.2
        assert breaker.delay() == 0, "the next one is handed the trial"

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
        clock.now += RETRY.patience - 1
        assert breaker.failed(), "nobody was handed the trial"
        assert breaker.delay() == 0
        assert breaker.failed(), "the patience is not spent"
        clock.now += 101
        assert breaker.delay() == 0
        assert not breaker.failed()

    def test_away_for_as_long_as_the_patience_is_too_long(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        clock.now += RETRY.patience
        assert breaker.delay() == 0
        assert not breaker.failed()

    def test_back_at_once(self) -> None:
        said: list[str] = []
        opened(Clock(), said).succeeded()
        assert said[-1] == "the service answers again, after 0 s"

    def test_each_outage_begins_with_short_delays(self) -> None:
        clock = Clock()
        breaker = opened(clock, [])
        for _ in range(8):
            clock.now += 100
            assert breaker.delay() == 0
            breaker.failed()
        breaker.succeeded()
        assert [breaker.failed() for _ in range(5)] == [False] * 4 + [True]
        assert breaker.delay() <= 10

    def test_a_clock_that_is_set_back_does_not_close_the_way(self) -> None:
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


class TestDistrust:
    """A host that refuses what lives: only what is known to live is asked of it."""

    def distrusted(self, clock: Clock, said: list[str], retry: RetryPolicy = HIGHEST) -> Breaker:
        breaker = Breaker("the host", retry=retry, say=said.append, clock=clock)
        breaker.distrust()
        return breaker

    def test_nobody_asks_but_who_knows_that_it_lives(self) -> None:
        breaker = self.distrusted(Clock(), [])
        assert breaker.refusing
        assert breaker.delay() == 0.02
        assert breaker.delay(vouched=True) == 0
        assert breaker.delay(vouched=True) == 0.5, "one trial at a time"
        assert breaker.delay() == 0.02

    def test_no_answer_closes_it_and_no_failure_counts(self) -> None:
        said: list[str] = []
        breaker = self.distrusted(Clock(), said)
        assert all(breaker.failed() for _ in range(10))
        breaker.succeeded()
        assert breaker.refusing
        assert breaker.delay() == 0.02
        assert said == []

    def test_restored_it_is_as_new_in_another_epoch(self) -> None:
        clock = Clock()
        breaker = self.distrusted(clock, [])
        assert breaker.epoch == 1
        clock.now += 33
        assert breaker.restored() == 33
        assert (breaker.refusing, breaker.epoch) == (False, 2)
        assert breaker.delay() == breaker.delay(vouched=True) == 0
        assert [breaker.failed() for _ in range(5)] == [False] * 4 + [True]

    def test_failures_from_before_do_not_count_afterwards(self) -> None:
        breaker = Breaker("the host", retry=RETRY, say=print, clock=Clock())
        for _ in range(4):
            breaker.failed()
        breaker.distrust()
        breaker.restored()
        assert not breaker.failed()

    def test_one_that_was_never_in_trouble_was_not_away(self) -> None:
        clock = Clock()
        assert Breaker("the host", retry=RETRY, say=print, clock=clock).restored() == 0
        breaker = self.distrusted(clock, [])
        clock.now -= 5
        assert breaker.restored() == 0

    def test_trials_go_on_until_the_patience_is_spent(self) -> None:
        clock = Clock()
        breaker = self.distrusted(clock, [])
        clock.now += HIGHEST.patience - 1
        assert breaker.delay(vouched=True) == 0
        assert breaker.trial_failed()
        assert not breaker.given_up
        assert breaker.delay(vouched=True) == 0, "the next trial is another one's"
        clock.now += 1
        assert not breaker.trial_failed()
        assert breaker.given_up

    def test_delays_between_trials_begin_anew_and_grow(self) -> None:
        clock = Clock()
        longest: dict[int, float] = {}
        for _ in range(200):
            breaker = self.distrusted(clock, [], RETRY)
            for trial in range(4):
                wait = breaker.delay(vouched=True)
                longest[trial] = max(longest.get(trial, 0.0), wait)
                breaker.trial_failed()
        for trial in range(4):
            most = min(100, 10 * 2**trial)
            assert most / 2 < longest[trial] <= most

    def test_while_it_is_found_out_everybody_waits(self) -> None:
        breaker = Breaker("the host", retry=RETRY, say=print, clock=Clock())
        breaker.hold()
        assert breaker.delay() == breaker.delay(vouched=True) == 0.02
        breaker.release()
        assert breaker.delay() == 0
        breaker.hold()
        breaker.distrust()  # which is known now
        assert breaker.delay(vouched=True) <= 10
        assert breaker.delay(vouched=True) != 0.02
