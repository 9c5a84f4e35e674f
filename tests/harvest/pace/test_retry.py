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
    UnreachableError,
    UnreadableAnswerError,
    UselessAnswerError,
    seconds_to_wait,
)
from tests.harvest.http_servers import serving


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
        failure = call_failure(ApiFailure(code, "said Flickr"), 7.0)
        assert type(failure) is meaning
        assert f"Error: {code}: said Flickr" in str(failure)
        if isinstance(failure, UselessAnswerError):
            assert failure.code == code
            assert not failure.down
        elif isinstance(failure, TransientError):
            assert failure.retry_after == 7.0
            assert failure.down
            assert not failure.too_many

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
            assert str(failure) == str(error)
        else:
            assert str(failure) == (
                f"Flickr refused the API key or its secret ({error}): set FLICKR_API_KEY and "
                "FLICKR_API_SECRET, or --api-key and --api-secret, to a valid pair"
            )

    def test_of_what_oauth_says(self) -> None:
        """A status that says nothing by itself is our key's or our clock's fault."""
        error = flickrapi.FlickrError("do_request: Status code 500 received")
        failure = call_failure(error, None, "signature_invalid")
        assert isinstance(failure, RefusedError)
        assert "(do_request: Status code 500 received, signature_invalid): set" in str(failure)
        failure = call_failure(error, None, "timestamp_refused")
        assert isinstance(failure, RefusedError)
        assert str(failure) == (
            "Flickr refused the time of a call (timestamp_refused): set this machine's clock"
        )

    @pytest.mark.parametrize("error", [requests.ConnectTimeout("x"), "refused"])
    def test_of_a_server_that_cannot_be_reached(self, error: Exception | str) -> None:
        if isinstance(error, str):
            with serving(lambda request: None) as server:
                pass
            with pytest.raises(requests.ConnectionError) as caught:
                requests.get(server.url, timeout=5)
            error = caught.value
        failure = call_failure(error, None)
        assert type(failure) is UnreachableError
        assert str(failure) == "no connection to the API"
        assert failure.down

    @pytest.mark.parametrize(
        ("error", "down"),
        [
            (requests.ConnectionError("x"), True),
            (requests.ConnectionError(), True),
            (requests.ReadTimeout("x"), True),
            (requests.TooManyRedirects("x"), False),
        ],
    )
    def test_of_a_connection_that_broke(self, error: Exception, down: bool) -> None:
        failure = call_failure(error, None)
        assert type(failure) is TransientError
        assert str(failure) == f"{type(error).__name__} from the API"
        assert failure.down == down

    def test_of_an_answer_that_cannot_be_read(self) -> None:
        assert str(UnreadableAnswerError("it is a page")) == (
            "an answer that cannot be read (it is a page)"
        )

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

    def test_jitter_reaches_from_nothing_to_twice_as_much_each_time(self) -> None:
        policy = RetryPolicy(attempts=8, first_delay=0.5, longest_delay=5)
        for failures, most in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (10**6, 5.0)):
            delays = [policy.backoff(failures) for _ in range(400)]
            assert min(delays) < most / 20
            assert most * 0.95 < max(delays) <= most
        without = [policy.delay(1, None) or 0.0 for _ in range(50)]
        assert max(without) <= 0.5

    def test_a_date_without_a_zone_is_universal_time(self) -> None:
        date = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S -0000")
        waited = seconds_to_wait(date)
        assert waited is not None
        assert 500 < waited <= 600

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
        assert 500 < waited <= 600
