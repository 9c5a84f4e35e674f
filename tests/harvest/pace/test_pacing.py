"""The API's quota."""

import threading
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.pace.pacing import HOUR, Pacer


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class TestPacer:
    @given(
        quota=st.integers(1, 50),
        earlier=st.lists(st.floats(0, 2 * HOUR), max_size=60).map(sorted),
        pauses=st.lists(st.floats(0, HOUR / 2), min_size=1, max_size=80),
    )
    def test_no_hour_holds_more_than_the_quota(
        self, quota: int, earlier: list[float], pauses: list[float]
    ) -> None:
        # Earlier crawls may have had another quota; their calls count nevertheless.
        clock = Clock(2 * HOUR)
        pacer = Pacer(quota, earlier, clock)
        times: list[float] = []
        for pause in pauses:
            clock.now += pause
            at = pacer.reserve()
            assert at >= clock.now
            times.append(at)
            spent = [time for time in (*earlier, *times) if at - HOUR + 1e-6 < time]
            assert len(spent) <= quota
        gaps = [later - before for before, later in pairwise(times)]
        assert all(gap >= HOUR / quota - 1e-6 for gap in gaps)

    def test_earlier_calls_fill_the_hour(self) -> None:
        clock = Clock(HOUR)
        pacer = Pacer(3, [HOUR - 30, HOUR - 20, HOUR - 10], clock)
        assert pacer.reserve() == 2 * HOUR - 30

    def test_no_quota_no_wait(self) -> None:
        clock = Clock(5.0)
        pacer = Pacer(0, [], clock)
        assert [pacer.reserve() for _ in range(1000)] == [5.0] * 1000

    def test_a_hold_is_kept_by_later_calls(self) -> None:
        clock = Clock(0.0)
        pacer = Pacer(0, [], clock)
        pacer.hold(60)
        assert pacer.reserve() == 60.0

    def test_a_hold_is_kept_by_those_who_wait_already(self) -> None:
        clock = Clock(0.0)
        pacer = Pacer(60, [0.0], clock)

        class HeldMeanwhile(threading.Event):
            waits: list[float] = []  # noqa: RUF012

            def wait(self, timeout: float | None = None) -> bool:
                """Pass the time; during the first wait the server asks for a rest."""
                assert timeout is not None
                self.waits.append(timeout)
                if len(self.waits) == 1:
                    pacer.hold(600)
                clock.now += timeout
                return False

        stop = HeldMeanwhile()
        assert pacer.wait(stop) is True
        assert clock.now >= 600
        assert stop.waits[0] == 60
        # Those behind it do not all come at the end of the hold.
        assert pacer.reserve() == clock.now + 60

    def test_a_shorter_hold_does_not_end_a_longer_one(self) -> None:
        clock = Clock(100.0)
        pacer = Pacer(0, [], clock)
        pacer.hold(60)
        pacer.hold(10)
        assert pacer.reserve() == 160.0

    def test_less_than_a_second_is_waited_for_too(self) -> None:
        clock = Clock(0.0)
        pacer = Pacer(7200, [0.0], clock)

        class Passing(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                clock.now += timeout or 0.0
                return False

        assert pacer.wait(Passing()) is True
        assert clock.now == 0.5

    def test_calls_are_spread_over_the_hour(self) -> None:
        pacer = Pacer(3600, [], Clock(7.0))
        assert [pacer.reserve() for _ in range(3)] == [7.0, 8.0, 9.0]

    def test_nobody_waits_for_a_turn_that_has_come(self) -> None:
        class Impossible(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                raise AssertionError(f"waited {timeout} s")

        assert Pacer(0, [], Clock(0.0)).wait(Impossible()) is True

    def test_a_stop_ends_the_wait(self) -> None:
        stop = threading.Event()
        stop.set()
        pacer = Pacer(1, [], Clock(0.0))
        pacer.reserve()
        assert pacer.wait(stop) is False
