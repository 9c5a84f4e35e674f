"""The remaining work is never less than zero and never more than getInfo would take."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.calls.forecast import forecast
from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME

counts = st.integers(0, 2_000_000)


class TestCallsLeft:
    @given(listed=counts, won=counts, calls=counts, posts=counts)
    def test_from_zero_to_one_per_post(self, listed: int, won: int, calls: int, posts: int) -> None:
        record = PlanRecord(listed=listed, won=won, calls=calls)
        assert 0 <= record.calls_left(posts) <= posts

    def test_the_yield_so_far_is_expected_for_the_rest(self) -> None:
        # 1,000 photos took 50 calls, and 100 of them are left to getInfo: 0.15 calls per photo.
        record = PlanRecord(listed=1_000, won=900, calls=50)
        assert record.calls_left(2_100) == 100 + 300

    def test_one_call_per_post_once_the_listings_are_done(self) -> None:
        assert PlanRecord(listed=1_000, won=900, calls=50).calls_left(70) == 70


class TestForecast:
    def test_the_time_is_that_of_the_quota_and_survives_a_restart(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / FILE_NAME, create=True) as ledger:
            with ledger.transaction() as connection:
                connection.executemany(
                    "INSERT INTO photos (photo_id) VALUES (?)", ((n,) for n in range(1_000))
                )
            PlanRecord(listed=100, won=100, calls=10).save(ledger)
        with Ledger(tmp_path / FILE_NAME) as again:
            ahead = forecast(again, quota=50)
            assert (ahead.posts, ahead.calls, ahead.seconds) == (1_000, 100, 7_200)
            assert forecast(again, quota=0).seconds is None

    def test_only_photos_up_to_the_last_row_count(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / FILE_NAME, create=True) as ledger:
            with ledger.transaction() as connection:
                connection.executemany(
                    "INSERT INTO photos (photo_id) VALUES (?)", ((n,) for n in range(10))
                )
            assert forecast(ledger, quota=0, last_row=3).posts == 3
            assert forecast(ledger, quota=0).posts == 10
