"""How a subject's photos are listed: by the better way first, then by the other."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.calls.listing_pages import Page
from flickr_emotion.harvest.calls.subject_listings import Brought, SubjectListings
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.listings import PAGE, Listing, word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import Covered, Window, record_page
from tests.harvest.corpora import post
from tests.harvest.parts import ledger_of

TEXT, TAGS = word_listings("awe")


class Shown(ApiCalls):
    """Pages of two listings whose photos are known; no server is asked."""

    def __init__(self, *, text: Iterable[int], tags: Iterable[int]) -> None:
        self.rising = {"text": sorted(text), "tags": sorted(tags)}
        self.asked: list[tuple[str, int]] = []
        self.failing = 0
        self.ends_after = -1
        self._stopped = threading.Event()

    def list_page_with_retries(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        self.asked.append((listing.key, start))
        if len(self.asked) == self.ends_after:
            self._stopped.set()
        if self.failing:
            self.failing -= 1
            sweep.failed(start)
            return None
        rising = self.rising[listing.kind]
        end = bisect_left(rising, start + 1)
        page = rising[max(end - PAGE, 0) : end]
        oldest = page[0] if len(page) == PAGE else 0
        sought = sweep.sought_between(start, oldest)
        found = len(sought & set(page))
        window = Window(
            newest_id=start,
            oldest_id=oldest,
            results=len(page),
            sought=len(sought),
            found=found,
            won=found,
        )
        sweep.shown(start, window, page)
        return Page(window=window, photo_ids=tuple(page))

    def kinds(self) -> list[str]:
        return [key.partition(":")[0] for key, _ in self.asked]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, [post(0)]) as opened:
        yield opened


def test_one_way_is_enough_where_it_shows_all(ledger: Ledger) -> None:
    ids = range(1, 521)
    calls = Shown(text=ids, tags=ids)
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(2, 520)
    assert calls.asked == [("text:awe", 520), ("text:awe", 20)]


def test_the_better_way_goes_first(ledger: Ledger) -> None:
    ids = range(1, 2001)
    calls = Shown(text=ids[::10], tags=ids)
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(5, 2000)
    # The only page of texts covers all ids; those that it lacks are left to the tags.
    assert calls.kinds() == ["text", *["tags"] * 4]


def test_the_first_way_goes_on_where_the_second_is_not_clearly_better(ledger: Ledger) -> None:
    ids = range(1, 2001)
    calls = Shown(text=ids, tags=ids)
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(4, 2000)
    assert calls.asked == [
        ("text:awe", 2000),
        ("tags:awe", 1500),
        ("text:awe", 1000),
        ("text:awe", 500),
    ]


@pytest.mark.parametrize(("ids", "compared"), [(530, True), (529, False)])
def test_thirty_open_photos_are_worth_comparing(ledger: Ledger, ids: int, compared: bool) -> None:
    numbers = range(1, ids + 1)
    calls = Shown(text=numbers, tags=numbers)
    SubjectListings(ledger, calls).list_subject("awe", tuple(numbers))
    assert calls.kinds() == ["text", "tags" if compared else "text"]


def test_ways_are_compared_no_more_where_the_second_is_hardly_ever_better(ledger: Ledger) -> None:
    ids = range(1, 1201)
    calls = Shown(text=ids, tags=ids)
    listings = SubjectListings(ledger, calls)
    compared = []
    for _ in range(12):
        calls.asked.clear()
        listings.list_subject("awe", tuple(ids))
        compared.append("tags" in calls.kinds())
    assert compared == [True] * 9 + [False] * 3


def test_ways_are_compared_as_long_as_the_second_is_often_better(ledger: Ledger) -> None:
    ids = range(1, 1201)
    calls = Shown(text=ids, tags=ids)
    better = Shown(text=ids[::10], tags=ids)
    listings = SubjectListings(ledger, better)
    listings.list_subject("awe", tuple(ids))
    compared = 0
    listings._calls = calls
    for _ in range(20):
        calls.asked.clear()
        listings.list_subject("awe", tuple(ids))
        compared += "tags" in calls.kinds()
    # One of fourteen is a fifth of those beyond the first eight, one of more is less.
    assert compared == 13


def test_two_ways_that_are_both_worth_no_further_call_are_compared_no_more(ledger: Ledger) -> None:
    """A page spans 500 ids and the wanted photos lie 1,000 apart, so neither way is better."""
    ids = range(1, 40_002, 1000)
    calls = Shown(text=range(1, 40_002), tags=range(1, 40_002))
    listings = SubjectListings(ledger, calls)
    compared = []
    for _ in range(10):
        calls.asked.clear()
        assert listings.list_subject("awe", tuple(ids)).won == len(set(calls.asked)) > 0
        compared.append(calls.kinds())
    assert compared == [["text", "tags"]] * 9 + [["text"]]


def test_what_one_way_missed_the_other_is_asked_for(ledger: Ledger) -> None:
    ids = range(1, 21)
    calls = Shown(text=ids[::2], tags=ids)
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(2, 20)
    assert calls.asked == [("text:awe", 20), ("tags:awe", 20)]


def test_but_no_more_where_it_never_has_it(ledger: Ledger) -> None:
    """At first half of it is expected, then what was seen over all subjects."""
    ids = range(1, 21)
    calls = Shown(text=ids[::2], tags=ids[::2])
    listings = SubjectListings(ledger, calls)
    asked = []
    for _ in range(5):
        calls.asked.clear()
        assert listings.list_subject("awe", tuple(ids)).won == 10
        asked.append(calls.kinds().count("tags"))
    assert asked == [1, 1, 0, 0, 0]


def test_what_earlier_calls_have_covered_is_not_asked_again(ledger: Ledger) -> None:
    ids = range(1, 1201)
    nothing = ListingPage(answers=(), videos=(), refused=500, total=None, pages=None)
    for listing, newest, oldest in ((TEXT, 1200, 701), (TAGS, 1200, 651)):
        covered = Covered(newest_id=newest, oldest_id=oldest, oldest_date=None)
        record_page(ledger, listing, nothing, covered, sought=set())
    calls = Shown(text=ids, tags=ids)
    listings = SubjectListings(ledger, calls)
    assert listings.list_subject("awe", tuple(ids)).won == 700
    assert calls.asked[0] == ("text:awe", 700)
    assert all(start <= 700 for _, start in calls.asked)


def test_a_page_that_is_not_to_be_had_brings_nothing_and_is_no_call(ledger: Ledger) -> None:
    ids = range(1, 521)
    calls = Shown(text=ids, tags=ids)
    calls.failing = 1
    brought = SubjectListings(ledger, calls).list_subject("awe", tuple(ids))
    assert brought.calls == len(calls.asked) - 1
    # The first try was the one page of texts; then the tags are looked at.
    assert calls.kinds()[:2] == ["text", "tags"]
    assert brought.won >= 519


def test_after_a_page_that_is_not_to_be_had_the_same_way_goes_on(ledger: Ledger) -> None:
    nothing = ListingPage(answers=(), videos=(), refused=500, total=None, pages=None)
    covered = Covered(newest_id=1200, oldest_id=701, oldest_date=None)
    record_page(ledger, TEXT, nothing, covered, sought=set())
    ids = range(660, 680)
    calls = Shown(text=ids, tags=ids)
    calls.failing = 1
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(1, 19)
    assert calls.asked == [("text:awe", 679), ("text:awe", 678)]


def test_a_crawl_that_is_stopped_asks_for_no_further_page(ledger: Ledger) -> None:
    ids = range(1, 2001)
    calls = Shown(text=ids, tags=ids)
    calls.ends_after = 2
    assert SubjectListings(ledger, calls).list_subject("awe", tuple(ids)) == Brought(2, 1000)
    assert len(calls.asked) == 2
