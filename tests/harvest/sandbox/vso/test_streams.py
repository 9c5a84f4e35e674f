"""Streams are never materialised, but each part is the same as of the whole."""

from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.posts import upload_date
from flickr_emotion.harvest.sandbox.vso.ids import (
    HIGHEST,
    LAST_OF_LISTS,
    Calendar,
    Endings,
    ending_length,
)
from flickr_emotion.harvest.sandbox.vso.streams import (
    LISTED,
    TAGGED_SHARE,
    Entry,
    Fillers,
    Stream,
    TaggedFillers,
    ids_needed,
)

DAY = 86_400
CALENDAR = Calendar(0)
totals = st.integers(0, 3_000)
numbers = st.integers(1, LAST_OF_LISTS)


@cache
def fillers(total: int, unevenness: float = 0.5, listed: frozenset[int] = frozenset()) -> Fillers:
    length = ending_length(1, LAST_OF_LISTS, ids_needed(total, unevenness))
    return Fillers(
        seed=7,
        total=total,
        first=1,
        last=LAST_OF_LISTS,
        length=length,
        ending=Endings([length]).ending(0),
        unevenness=unevenness,
        calendar=CALENDAR,
        listed=listed,
    )


class TestCalendar:
    """Dates are close to the recorded pairs, but a crawler cannot compute them."""

    @given(numbers)
    def test_dates_are_days_from_the_recorded_pairs(self, number: int) -> None:
        assert abs(CALENDAR.date(number) - upload_date(str(number))) < 6 * DAY

    def test_most_dates_are_not_those_between_recorded_pairs(self) -> None:
        spread = range(1_000_000_000, LAST_OF_LISTS, 97_654_321)
        aside = [abs(CALENDAR.date(number) - upload_date(str(number))) for number in spread]
        assert sorted(aside)[len(aside) // 2] > DAY

    @given(numbers, st.integers(0, 20))
    def test_order_is_off_by_seconds_only(self, number: int, disorder: int) -> None:
        later = [CALENDAR.date(number + step, disorder) for step in range(0, 200, 7)]
        assert max(later) - min(later) <= 2 * disorder + 10
        assert CALENDAR.date(number + 10_000, disorder) > CALENDAR.date(number, disorder)

    def test_neighbours_are_out_of_order(self) -> None:
        dates = [CALENDAR.date(number) for number in range(5_000_000_000, 5_000_000_100)]
        assert dates != sorted(dates)


class TestEndings:
    """Every id belongs to one stream or to none."""

    @given(st.lists(st.integers(4, 22), max_size=16), numbers)
    def test_a_stream_is_found_by_any_of_its_ids(self, lengths: list[int], number: int) -> None:
        endings = Endings(lengths)
        for stream, length in enumerate(lengths):
            own = number >> length << length | endings.ending(stream)
            assert endings.stream(own) == stream

    def test_an_id_may_belong_to_no_stream(self) -> None:
        endings = Endings([1, 2])
        assert {endings.stream(number) for number in range(8)} == {0, 1, None}

    def test_more_streams_than_ids_are_refused(self) -> None:
        with pytest.raises(HarvestError, match="too many pairs"):
            Endings([1, 1, 1])
        with pytest.raises(HarvestError, match="lower its #imgs"):
            ending_length(1, LAST_OF_LISTS, ids_needed(10**10, 0.5))


class TestFillers:
    """The k-th filler follows from k."""

    @given(totals, st.sampled_from([0.0, 0.5]))
    @settings(max_examples=25, deadline=None)
    def test_ids_ascend_and_are_found_again(self, total: int, unevenness: float) -> None:
        stream = fillers(total, unevenness)
        entries = stream[:]
        assert len(entries) == total
        assert all(a[:2] < b[:2] and a[1] < b[1] for a, b in pairwise(entries))
        assert all(1 <= number <= LAST_OF_LISTS for _, number, _ in entries)
        assert [stream.place(number) for _, number, _ in entries] == list(range(total))

    @given(st.integers(0, 1_429_999))
    @settings(deadline=None)
    def test_the_densest_stream_of_vso_rises_too(self, place: int) -> None:
        stream = fillers(1_430_000)
        date, number, _ = stream[place]
        assert stream.place(number) == place
        assert stream.place(number + 1) is None
        if place:
            assert stream[place - 1][:2] < (date, number)

    @given(st.integers(1, 2_000), st.data())
    @settings(max_examples=25, deadline=None)
    def test_none_has_the_id_of_a_listed_photo(self, total: int, data: st.DataObject) -> None:
        free = [number for _, number, _ in fillers(total)[:]]
        listed = frozenset(data.draw(st.lists(st.sampled_from(free), max_size=50)))
        shifted = fillers(total, 0.5, listed)
        numbers = [number for _, number, _ in shifted[:]]
        assert listed.isdisjoint(numbers)
        assert numbers == sorted(set(numbers))

    @given(totals)
    @settings(max_examples=25, deadline=None)
    def test_the_tagged_ones_are_those_that_say_so(self, total: int) -> None:
        stream = fillers(total)
        tagged = TaggedFillers(stream)[:]
        assert tagged == [entry for entry in stream[:] if stream.tagged(entry[2])]
        assert abs(len(tagged) - TAGGED_SHARE * total) <= 7

    @pytest.mark.parametrize(("unevenness", "uneven"), [(0.0, False), (0.5, True)])
    def test_pairs_have_dense_and_sparse_times(self, unevenness: float, uneven: bool) -> None:
        ids = [number for _, number, _ in fillers(3_000, unevenness)[:]]
        places = [bisect_left(ids, edge) for edge in range(0, LAST_OF_LISTS, LAST_OF_LISTS // 20)]
        held = [after - before for before, after in pairwise(places)]
        assert (max(held) > 1.2 * min(held)) == uneven


def listed_entries(chosen: list[int]) -> list[Entry]:
    return sorted((CALENDAR.date(number), number, LISTED) for number in chosen)


@given(
    st.lists(numbers, max_size=40, unique=True),
    totals,
    st.booleans(),
    st.integers(1, 500),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_pages_and_windows_of_a_stream_are_those_of_the_whole(
    chosen: list[int], total: int, tagged: bool, per_page: int, data: st.DataObject
) -> None:
    listed = listed_entries(chosen)
    rest = fillers(total, 0.5, frozenset(chosen))
    own = TaggedFillers(rest) if tagged else rest
    stream = Stream(listed, own)
    whole = sorted([*listed, *own[:]])
    assert len(stream) == len(whole)
    pages: list[Entry] = []
    for start in range(0, len(whole), per_page):
        pages += stream.entries(start, min(start + per_page, len(whole)))
    assert pages == whole
    cuts = sorted(data.draw(st.lists(dates(whole), min_size=2, max_size=5)))
    places = [stream.before(cut) for cut in cuts]
    assert places == [sum(entry[0] < cut for entry in whole) for cut in cuts]


def dates(whole: list[Entry]) -> st.SearchStrategy[int]:
    """Random dates, dates in the stream, and dates one second before and after these."""
    anywhere = st.integers(CALENDAR.date(1), CALENDAR.date(LAST_OF_LISTS))
    if not whole:
        return anywhere
    there = st.sampled_from([date for date, _, _ in whole])
    return anywhere | there | there.map(lambda date: date + 1)


def test_a_page_of_millions_computes_few_fillers(count_calls: Callable[[], int]) -> None:
    stream = Stream(listed_entries(list(range(1, LAST_OF_LISTS, 5_000_000))), fillers(1_430_000))
    before = count_calls()
    assert len(stream.entries(700_000, 700_500)) == 500
    assert count_calls() - before < 600


@pytest.fixture
def count_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the fillers whose id was computed."""
    computed: list[int] = []
    number = Fillers.number

    def counted(self: Fillers, place: int) -> int:
        computed.append(place)
        return number(self, place)

    monkeypatch.setattr(Fillers, "number", counted)
    return lambda: len(computed)


def test_the_calendar_knows_the_highest_id() -> None:
    assert CALENDAR.date(HIGHEST) > CALENDAR.date(HIGHEST - 10**9)
