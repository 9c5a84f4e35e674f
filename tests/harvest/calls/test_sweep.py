"""The yield rule, on listings with known content."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.calls.sweep import WORTHWHILE, Sweep
from flickr_emotion.harvest.flickr.listings import PAGE
from flickr_emotion.harvest.ledger.listings import Window


class Listing:
    """A listing that shows 500 ids from any id on, newest first."""

    def __init__(self, shown: set[int]) -> None:
        self.rising = sorted(shown)
        self.calls: list[set[int]] = []

    def ask(self, sweep: Sweep, start: int) -> set[int]:
        end = bisect_left(self.rising, start + 1)
        page = self.rising[max(end - PAGE, 0) : end]
        oldest = page[0] if len(page) == PAGE else 0
        sought = sweep.sought_between(start, oldest)
        found = sought & set(page)
        window = Window(
            newest_id=start,
            oldest_id=oldest,
            results=len(page),
            sought=len(sought),
            found=len(found),
            won=len(found),
        )
        sweep.shown(start, window, page)
        self.calls.append(found)
        return found


def swept(sweep: Sweep, listing: Listing) -> set[int]:
    """List everything that is worth a call; return what was found."""
    found: set[int] = set()
    while (start := sweep.next_start()) is not None:
        found |= listing.ask(sweep, start)
    return found


ids = st.integers(1, 20_000)


class TestSweep:
    @given(wanted=st.sets(ids, max_size=300), others=st.integers(0, 40))
    def test_what_is_listed_is_found_or_left_to_get_info(
        self, wanted: set[int], others: int
    ) -> None:
        # Fillers are spread evenly; `others` of them lie between two neighbouring ids of 20.
        fillers = {n * 20 for n in range(others * 50)}
        sweep, listing = Sweep(wanted), Listing(wanted | fillers)
        found = swept(sweep, listing)
        assert found <= wanted
        assert len(listing.calls) + len(wanted - found) <= max(len(wanted), 1)

    @given(wanted=st.sets(ids, min_size=2, max_size=300), missing=st.sets(ids, max_size=300))
    def test_no_photo_is_looked_for_twice(self, wanted: set[int], missing: set[int]) -> None:
        sweep, listing = Sweep(wanted), Listing(wanted - missing)
        swept(sweep, listing)
        for number, found in enumerate(listing.calls):
            for later in listing.calls[number + 1 :]:
                assert not found & later
        assert len(listing.calls) <= len(wanted)

    def test_a_dense_listing_costs_one_call_in_500(self) -> None:
        wanted = set(range(10, 50_010, 10))
        sweep, listing = Sweep(wanted), Listing(wanted)
        assert swept(sweep, listing) == wanted
        assert len(listing.calls) == len(wanted) / PAGE

    def test_a_listing_of_fillers_is_given_up_after_one_call(self) -> None:
        wanted = set(range(1, 10_000_000, 100_000))
        sweep, listing = Sweep(wanted), Listing(wanted | set(range(0, 10_000_000, 50)))
        swept(sweep, listing)
        assert len(listing.calls) == 1
        assert sweep.open_count == len(wanted) - 1

    def test_only_the_dense_part_is_listed(self) -> None:
        sparse, dense = set(range(5_000_000, 9_000_000, 100_000)), set(range(1, 100_000, 1000))
        sweep = Sweep(sparse | dense)
        listing = Listing(sparse | dense | set(range(0, 9_000_000, 40)))
        found = swept(sweep, listing)
        assert dense <= found
        assert len(found & sparse) <= 1

    def test_a_listing_that_shows_nothing_wanted_is_given_up(self) -> None:
        wanted = set(range(1, 1_000_000, 100))
        sweep, listing = Sweep(wanted), Listing({n + 50 for n in range(0, 1_000_000, 100)})
        assert swept(sweep, listing) == set()
        # A page spans 500 wanted photos: after 4 pages without any, less than 1.2 are predicted.
        assert len(listing.calls) <= 10 + len(wanted) * 0.1
        assert sweep.hits * 500 < 500 * WORTHWHILE

    def test_a_restart_continues_from_the_windows(self) -> None:
        wanted = set(range(10, 50_010, 10))
        listing = Listing(wanted | set(range(0, 50_000, 7)))
        sweep = Sweep(wanted)
        windows: list[Window] = []
        won: set[int] = set()
        for _ in range(5):
            start = sweep.next_start()
            assert start is not None
            won |= listing.ask(sweep, start)
            windows = sweep.windows
        again = Sweep(wanted - won, windows)
        assert again.next_start() == sweep.next_start()
        assert again.open_count == sweep.open_count

    def test_a_page_that_cannot_be_fetched_is_skipped(self) -> None:
        sweep = Sweep([1, 2, 3], usual_span=2)
        assert sweep.next_start() == 3
        sweep.failed(3)
        assert sweep.next_start() == 2

    def test_two_pages_that_are_not_to_be_had_are_enough(self) -> None:
        sweep = Sweep(range(100), usual_span=50)
        for expected in (99, 98):
            assert sweep.next_start() == expected
            sweep.failed(expected)
        assert sweep.next_start() is None

    def test_a_listing_that_was_never_asked_costs_a_call_to_find_out(self) -> None:
        assert Sweep([1, 2, 3]).expected_calls() == (1.0, 0)
        assert not Sweep([1, 2, 3]).asked

    def test_what_is_expected_to_be_left(self) -> None:
        """Pages of 100 ids that show half of what they should, and 40 photos that lie close."""
        sweep = Sweep(range(1000, 1040), usual_span=100, usual_hits=0.5)
        calls, left = sweep.expected_calls()
        assert left == 40 - round(38 * 0.5)  # the last two are not worth a page
        assert calls == pytest.approx(sum(0.5 / (0.5 * n) for n in range(3, 41)))
        assert sweep.rate == pytest.approx((40 - left) / calls)
        assert Sweep([]).rate == 0

    def test_another_listing_is_looked_through_for_what_the_first_one_missed(self) -> None:
        """What it showed before says nothing of them."""
        sweep = Sweep(range(100), usual_span=50)
        seen = Window(newest_id=99, oldest_id=90, results=10, sought=10, found=10, won=10)
        sweep.shown(99, seen, range(90, 100))
        assert sweep.hits == 1
        sweep.look_again([3, 5, 7, 95, 200], usual_span=20, usual_hits=0.25)
        assert sweep.open_count == 3
        assert sweep.hits == 0.25
        assert sweep.sought_between(100, 0) == {3, 5, 7}
        assert sweep.windows == [seen]

    def test_a_tenth_of_what_should_be_shown_is_soon_known(self) -> None:
        sweep = Sweep(range(1000), usual_span=50)
        sweep.shown(
            999, Window(newest_id=999, oldest_id=0, results=1, sought=98, found=8, won=8), ()
        )
        assert sweep.hits == (8 + 2) / (98 + 2)

    def test_one_photo_is_not_worth_a_listing(self) -> None:
        assert Sweep([5]).next_start() is None
        assert Sweep([]).next_start() is None

    def test_expected_calls(self) -> None:
        wanted = set(range(10, 50_010, 10))
        sweep, listing = Sweep(wanted), Listing(wanted)
        start = sweep.next_start()
        assert start is not None
        listing.ask(sweep, start)
        calls, left = sweep.expected_calls()
        assert round(calls) in range(8, 16)
        assert left <= 1


def page(**fields: int) -> Window:
    """A full page of other photos, far above those that are wanted."""
    return Window(
        **{
            **{"newest_id": 90_100, "oldest_id": 90_000, "results": PAGE},
            **{"sought": 0, "found": 0, "won": 0},
        }
        | fields
    )


class TestBounds:
    def test_five_pages_in_a_row_without_any_wanted_photo_are_enough(self) -> None:
        wanted = range(1000)
        assert Sweep(wanted, [page()] * 4).next_start() == 999
        assert Sweep(wanted, [page()] * 5).next_start() is None
        one = page(sought=1, found=1)
        assert Sweep(wanted, [page()] * 4 + [one] + [page()] * 4).next_start() == 999
        assert Sweep(wanted, [page()] * 4 + [one] + [page()] * 5).next_start() is None

    def test_two_photos_are_worth_finding_out(self) -> None:
        assert Sweep([5, 9]).next_start() == 9

    def test_exactly_what_is_worthwhile(self) -> None:
        sweep = Sweep([1, 2], usual_span=10, usual_hits=WORTHWHILE / 2)
        assert sweep.next_start() == 2
        calls, left = sweep.expected_calls()
        assert calls == pytest.approx(0.5)
        assert left == 1

    def test_a_start_that_no_page_covers_is_tried_three_times(self) -> None:
        sweep = Sweep(range(900, 1001), usual_span=50)
        elsewhere = page(newest_id=500, oldest_id=400, sought=1, found=1)
        for _ in range(3):
            assert sweep.next_start() == 1000
            sweep.shown(1000, elsewhere, ())
        assert sweep.next_start() == 999

    def test_an_empty_page_says_nothing_of_what_a_page_spans(self) -> None:
        assert Sweep([10, 11, 12], [page(results=0)]).next_start() is None

    def test_the_narrowest_span(self) -> None:
        assert Sweep([10, 11], [page(newest_id=90_001)]).next_start() == 11

    def test_the_span_is_that_of_the_window_above(self) -> None:
        narrow = page(newest_id=110, oldest_id=100, sought=1, found=1)
        wide = page(newest_id=15_000, oldest_id=10_000, sought=1, found=1)
        for windows in ([narrow, wide], [wide, narrow]):
            assert Sweep([30, 50], windows).next_start() is None
            assert Sweep([7000, 9000], windows).next_start() == 9000
            assert Sweep([20_000, 23_000], windows).next_start() == 23_000

    def test_a_page_that_covers_one_id_says_nothing_of_what_a_page_spans(self) -> None:
        wide = page(newest_id=15_000, oldest_id=10_000, sought=1, found=1)
        one = page(newest_id=8000, oldest_id=8000, sought=1, found=1)
        assert Sweep([5000, 6000], [wide, one]).next_start() == 6000

    def test_all_pages_count_and_a_page_covers_its_oldest_photo(self) -> None:
        sweep = Sweep([50, 100], [page(sought=10, found=10)])
        sweep.shown(100, page(newest_id=200, oldest_id=100, sought=10, found=5), ())
        assert sweep.hits == (15 + 2) / (20 + 2)
        assert sweep.open_count == 1

    def test_large_ids_are_told_apart(self) -> None:
        large = 2**62
        sweep = Sweep([large, large + 1, large + 2])
        sweep.settle([large])
        assert sweep.open_count == 2
        sweep.look_again([large + 1], usual_span=5, usual_hits=1.0)
        assert sweep.sought_between(2**63 - 1, 0) == {large + 1}

    def test_another_look_believes_what_it_is_told(self) -> None:
        sweep = Sweep(range(100))
        sweep.look_again([3, 5, 7], usual_span=20, usual_hits=0.25)
        assert sweep.next_start() is None
        sweep.look_again([3, 5, 7], usual_span=20, usual_hits=0.5)
        assert sweep.next_start() == 7
