"""From photo ids to upload dates."""

import math

from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.upload_dates import RECORDED, UploadDates


def date_of(photo_id: int) -> int:
    """Dates of an invented Flickr that agrees only roughly with the recorded answers."""
    return int(1_076_371_200 + photo_id / 24.711 + 86_400 * math.sin(photo_id / 3e8))


class TestUploadDates:
    @given(st.integers(1, 5 * 10**9))
    def test_a_date_lies_between_those_of_the_recorded_neighbours(self, photo_id: int) -> None:
        low = max(date for known, date in RECORDED if known < photo_id)
        high = min(date for known, date in RECORDED if known >= photo_id)
        not_after = UploadDates().not_after(photo_id)
        assert not_after is not None
        assert low <= not_after <= high + 61

    def test_pages_make_it_precise(self) -> None:
        dates = UploadDates()
        for start in range(2 * 10**9, 3 * 10**9, 2 * 10**7):
            dates.learn([(start + n * 40_000, date_of(start + n * 40_000)) for n in range(500)])
        for photo_id in range(2_100_000_000, 2_900_000_000, 77_777_777):
            not_after = dates.not_after(photo_id)
            assert not_after is not None
            assert date_of(photo_id) <= not_after < date_of(photo_id) + 40_000

    def test_a_date_that_an_owner_set_is_not_believed(self) -> None:
        dates = UploadDates()
        before = dates.not_after(4 * 10**9)
        dates.learn([(4 * 10**9 - 1, 1_700_000_000)])
        assert dates.not_after(4 * 10**9) == before

    def test_nothing_is_known_above_the_newest_recording(self) -> None:
        dates = UploadDates()
        assert dates.not_after(10**11) is None
        dates.learn([(2 * 10**11, 1_900_000_000)])
        assert dates.not_after(10**11) is not None
