"""What several failed calls mean together, also when several threads count them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flickr_emotion.harvest.calls.failures import CallFailures
from flickr_emotion.harvest.pace.retry import RefusedError, UselessAnswerError

THREADS, TIMES = 4, 500


def counted(count: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(lambda _: count(), range(THREADS * TIMES)))


def test_no_thread_misses_a_page_that_another_counts() -> None:
    # Every fifth one in a row asks for a check whether only listings fail.
    assert counted(CallFailures().add_unreadable_page).count(True) == THREADS * TIMES / 5


def test_no_thread_misses_that_too_much_was_asked() -> None:
    failures = CallFailures()
    assert sorted(map(str, counted(failures.add_too_many))) == sorted(
        str(number) for number in range(1, THREADS * TIMES + 1)
    )


def test_a_usable_answer_resets_all_counts() -> None:
    failures = CallFailures()
    for _ in range(4):
        assert not failures.add_unreadable_page()
        failures.add_too_many()
        failures.check_our_fault("1", UselessAnswerError("Error: 3", code=3))
    failures.succeeded(of_listing=False)
    assert failures.add_too_many() == 1
    assert failures.add_unreadable_page()  # A post says nothing about listings.
    failures.succeeded(of_listing=True)
    assert not failures.add_unreadable_page()
    for photo_id in "2345":
        failures.check_our_fault(photo_id, UselessAnswerError("Error: 3", code=3))
    with pytest.raises(RefusedError, match="about 5 photos in a row"):
        failures.check_our_fault("6", UselessAnswerError("Error: 3", code=3))
