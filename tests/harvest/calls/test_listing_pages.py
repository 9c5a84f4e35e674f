"""Which ids a page covers, what is stored of it, and what the sweep hears."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.calls.listing_pages import ListingPages
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.listings import PAGE, Listing, owner_listing, word_listings
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.upload_dates import UploadDates
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import LARGEST_ID, Window, known_dates, windows
from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import listed
from tests.harvest.corpora import KEY, SECRET, post
from tests.harvest.http_servers import serving
from tests.harvest.parts import answered, client_of, ledger_of, settle_pictures

OF_WORDS, _ = word_listings("house")
# So many that a page does not show all of them.
POSTS = [post(number) for number in range(520)]
IDS = [int(it.photo_id) for it in POSTS]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        settle_pictures(opened, POSTS)
        yield opened


def images(ledger: Ledger) -> Path:
    return ledger.path.parent / "images"


def known(ledger: Ledger) -> int:
    return ledger.outcome_counts()[0]["ok"]


def sandbox(posts: list[Post]) -> SandboxServer:
    return SandboxServer(Corpus(posts), keys={KEY: SECRET})


def test_a_full_page_covers_what_lies_between_its_ends(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox(POSTS) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
        assert server.stats.api["flickr.photos.search"] == 1
    assert len(page.photo_ids) == 500 == known(ledger)
    assert page.window.results == page.window.won == 500
    # Of the ids at its end the middle one of nine is believed.
    assert page.window.oldest_id == sorted(page.photo_ids)[4]
    assert page.window.newest_id >= IDS[-1]
    assert sweep.open_count == 20
    assert windows(ledger, OF_WORDS) == [page.window]


def test_the_last_page_covers_all_that_is_older(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox(POSTS[:7]) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
    assert page.window.oldest_id == 0
    assert (page.window.sought, page.window.found) == (520, 7)
    assert sweep.open_count == 0


def test_a_page_of_nothing(ledger: Ledger) -> None:
    sweep = Sweep(IDS)
    with sandbox([]) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[-1]
        )
    assert page.photo_ids == ()
    assert (page.window.newest_id, page.window.oldest_id, page.window.results) == (IDS[-1], 0, 0)


def test_a_video_is_shown_and_nothing_of_it_is_kept(ledger: Ledger) -> None:
    posts = [post(number, media="video" if number == 3 else "photo") for number in range(7)]
    sweep = Sweep(IDS[:7])
    with sandbox(posts) as server, client_of(server) as client:
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, sweep, IDS[6]
        )
    assert IDS[3] in page.photo_ids
    assert page.window.results == 7
    assert ledger.outcome_counts()[0]["video"] == 1
    assert known(ledger) == 6


def test_a_listing_of_other_dates_than_asked_for_is_none(ledger: Ledger) -> None:
    """A server that does not know `max_upload_date` would have everything taken for covered."""
    sweep = Sweep(IDS[:3])
    extras = ["description", "tags", "license", "date_upload", "date_taken", "media"]
    shown = listed(post(0, date_upload=2_000_000_000), extras)
    body = json.dumps({"photos": {"photo": [shown], "pages": 1}, "stat": "ok"}).encode()
    with (
        serving(lambda request: request.send(200, body)) as server,
        client_of(server) as client,
        pytest.raises(TransientError, match=r"^a listing of other dates than asked for$"),
    ):
        ListingPages(ledger, client, images=images(ledger)).list_once(
            owner_listing("1@N01"), sweep, IDS[0]
        )
    assert known(ledger) == 0
    assert windows(ledger, owner_listing("1@N01")) == []


class Answering(FlickrClient):
    """Answers with one page, whatever it is asked for."""

    def __init__(
        self, *dated: tuple[int, int], pages: int | None = 1, videos: tuple[str, ...] = ()
    ) -> None:
        self.dated = dated
        self.pages = pages
        self.videos = videos
        self.asked: list[int | None] = []

    def search(self, listing: Listing, *, not_after: int | None) -> ListingPage:
        self.asked.append(not_after)
        answers = [
            answered(
                PhotoReference(photo_id=str(it), server="1", farm="1", secret="a"),
                title="",
                license="0",
                date_upload=date,
            )
            for it, date in self.dated
        ]
        return ListingPage(
            answers=tuple(answers),
            videos=self.videos,
            refused=0,
            total=None,
            pages=self.pages,
        )


START = IDS[0]
ASKED = UploadDates().not_after(START) or 0


class TestCovered:
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        """A ledger of few photos: what a page covers does not depend on them."""
        with ledger_of(tmp_path, POSTS[:2]) as opened:
            yield opened

    def test_what_is_asked_for_is_the_date_of_the_start(self, ledger: Ledger) -> None:
        client = Answering((START, ASKED))  # the latest date that it may be
        ListingPages(ledger, client, images=images(ledger)).list_once(OF_WORDS, Sweep(IDS), START)
        assert client.asked == [ASKED]

    def test_the_sweep_hears_where_the_page_was_to_start(self, ledger: Ledger) -> None:
        class Told(Sweep):
            starts: tuple[int, ...] = ()

            def shown(self, start: int, window: Window, photo_ids: Iterable[int]) -> None:
                self.starts += (start,)
                super().shown(start, window, photo_ids)

        sweep = Told(IDS)
        client = Answering((START - 1000, ASKED))
        ListingPages(ledger, client, images=images(ledger)).list_once(OF_WORDS, sweep, START)
        assert sweep.starts == (START,)

    def test_a_page_that_may_have_begun_below_the_start_does_not_cover_it(
        self, ledger: Ledger
    ) -> None:
        """As its first photo, of a lower id, was uploaded as late as was asked for."""
        client = Answering((START - 1000, ASKED), pages=2)
        sweep = Sweep([START - 2000, START - 1000, START])
        pages = ListingPages(ledger, client, images=images(ledger))
        page = pages.list_once(OF_WORDS, sweep, START)
        assert page.window.newest_id == page.window.oldest_id == START - 1000
        assert sweep.open_count == 2
        assert known_dates(ledger) == [(START - 1000, ASKED)]

    def test_a_page_that_began_exactly_at_the_date_of_the_start_covers_it(
        self, ledger: Ledger
    ) -> None:
        """An owner's page teaches no dates, so the estimate is the same after it."""
        client = Answering((START - 1000, ASKED), pages=2)
        page = ListingPages(ledger, client, images=images(ledger)).list_once(
            owner_listing("1@N01"), Sweep(IDS), START
        )
        assert (page.window.newest_id, page.window.oldest_id) == (START, START - 1000)

    def test_a_page_without_dates_that_is_not_the_last_covers_all_that_is_older(
        self, ledger: Ledger
    ) -> None:
        page = ListingPages(ledger, Answering(pages=2), images=images(ledger)).list_once(
            OF_WORDS, Sweep(IDS), START
        )
        assert (page.window.newest_id, page.window.oldest_id) == (START, 0)

    def test_dates_are_learned_but_not_those_of_an_owner(self, ledger: Ledger) -> None:
        client = Answering((START - 1000, ASKED - 9_000_000))
        pages = ListingPages(ledger, client, images=images(ledger))
        pages.list_once(owner_listing("1@N01"), Sweep(IDS), START)
        pages.list_once(OF_WORDS, Sweep(IDS), START)
        pages.list_once(OF_WORDS, Sweep(IDS), START)
        first, second, third = client.asked
        assert first == second == ASKED
        assert third is not None
        assert third < ASKED

    @pytest.mark.parametrize(("pages", "all_is_covered"), [(None, True), (1, True), (2, False)])
    def test_it_is_the_last_page_where_no_other_is_named(
        self, ledger: Ledger, pages: int | None, all_is_covered: bool
    ) -> None:
        client = Answering((START - 1000, ASKED - 9_000_000), pages=pages)
        found = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, Sweep(IDS), START
        )
        assert found.window.oldest_id == (0 if all_is_covered else START - 1000)

    def test_a_full_page_is_never_the_last(self, ledger: Ledger) -> None:
        client = Answering(*((START - n, ASKED - 9_000_000 - n) for n in range(PAGE)))
        found = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, Sweep(IDS), START
        )
        assert found.window.oldest_id == START - PAGE + 5

    def test_the_largest_id_counts_and_larger_ones_are_left_out(self, ledger: Ledger) -> None:
        for number, shown in ((LARGEST_ID, True), (LARGEST_ID + 1, False)):
            for client in (Answering((number, ASKED)), Answering(videos=(str(number),))):
                page = ListingPages(ledger, client, images=images(ledger)).list_once(
                    OF_WORDS, Sweep(IDS), START
                )
                assert page.photo_ids == ((number,) if shown else ())

    def test_a_page_in_no_order_covers_one_id(self, ledger: Ledger) -> None:
        client = Answering(*((START + 1000 + n, ASKED - 9_000_000 - n) for n in range(10)), pages=2)
        found = ListingPages(ledger, client, images=images(ledger)).list_once(
            OF_WORDS, Sweep(IDS), START
        )
        assert found.window.newest_id == found.window.oldest_id == START + 1004
        assert known_dates(ledger) == []
