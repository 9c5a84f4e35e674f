"""The retry policy."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import flickrapi
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.failures import call_failure
from flickr_emotion.harvest.pace.retry import (
    ApiFailure,
    PhotoGoneError,
    PhotoPrivateError,
    RefusedError,
    RetryPolicy,
    TransientError,
    UnreadableAnswerError,
    UselessAnswerError,
    seconds_to_wait,
)


class TestMeaning:
    @pytest.mark.parametrize(
        ("code", "meaning"),
        [
            (1, PhotoGoneError),
            (2, PhotoPrivateError),
            *((code, TransientError) for code in (0, 10, 105, 106, 201)),
            *((code, RefusedError) for code in (95, 96, 97, 98, 99, 100)),
            *((code, UselessAnswerError) for code in (3, 18, 111, 112, 114, 115, 116)),
            *((code, UselessAnswerError) for code in (-1, 7, 20, 999)),
        ],
    )
    def test_of_every_code_of_the_api(self, code: int, meaning: type[Exception]) -> None:
        failure = call_failure(ApiFailure(code, "said Flickr"), None)
        assert type(failure) is meaning
        assert f"Error: {code}: said Flickr" in str(failure)

    @pytest.mark.parametrize(
        ("status", "meaning"),
        [
            *((status, TransientError) for status in (404, 418, 429, 500, 503)),
            *((status, RefusedError) for status in (400, 401, 403)),
        ],
    )
    def test_of_http_statuses(self, status: int, meaning: type[Exception]) -> None:
        error = flickrapi.FlickrError(f"do_request: Status code {status} received")
        failure = call_failure(error, 7.0)
        assert type(failure) is meaning
        if isinstance(failure, TransientError):
            assert failure.retry_after == 7.0
            assert failure.down == (status != 429)
            assert failure.too_many == (status == 429)

    def test_of_the_network_and_of_unreadable_answers(self) -> None:
        for error in (requests.ConnectionError("x"), UnreadableAnswerError("x")):
            failure = call_failure(error, None)
            assert isinstance(failure, TransientError)
            assert failure.down

    def test_a_bug_is_not_hidden(self) -> None:
        for error in (MemoryError(), ValueError("x")):
            assert call_failure(error, None) is error


class TestDelay:
    @given(st.integers(1, 20), st.none() | st.floats(0, 1000))
    def test_bounds(self, failures: int, retry_after: float | None) -> None:
        policy = RetryPolicy(attempts=8, first_delay=1, longest_delay=60)
        delay = policy.delay(failures, retry_after)
        if failures >= 8:
            assert delay is None
        else:
            assert delay is not None
            assert (retry_after or 0) <= delay <= max(retry_after or 0, 60, 2**failures)

    def test_retry_after_as_seconds_date_and_nonsense(self) -> None:
        assert seconds_to_wait("30") == 30
        assert seconds_to_wait("1e9") == 3600
        assert seconds_to_wait("-5") == 0
        assert seconds_to_wait("nan") is None
        assert seconds_to_wait("soon") is None
        assert seconds_to_wait(None) is None
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
        waited = seconds_to_wait(date)
        assert waited is not None
        assert 0 < waited <= 600
