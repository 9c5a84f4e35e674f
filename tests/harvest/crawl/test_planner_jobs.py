"""Which job ``Planner`` hands out next, and what a job leaves for the next one."""

import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.calls.listing_pages import Page
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.crawl import planner
from flickr_emotion.harvest.crawl.planner import Planner
from flickr_emotion.harvest.flickr.answers import Answer, ListingPage
from flickr_emotion.harvest.flickr.listings import Listing
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.facts import PlanRecord
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import Covered, record_page
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS, DuePhoto
from flickr_emotion.harvest.ledger.rows.evidence import Refusal
from flickr_emotion.harvest.ledger.rows.lists import ListedRow, ListFileRecord, store_list_file
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RefusedError, RetryPolicy
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from flickr_emotion.harvest.trust.verdicts import Question
from tests.harvest.parts import answered, undone

NSID = "1@N01"


def place(photo_id: str) -> PhotoReference:
    return PhotoReference(photo_id=photo_id, server="1", farm="1", secret="aaaaaaaaaa")


def known(photo_id: str) -> Answer:
    return answered(place(photo_id), owner=NSID)


class Calls(ApiCalls):
    """Calls to a Flickr whose listings show all photos, each on one page; no server is asked."""

    def __init__(self, ledger: Ledger) -> None:
        self.asked: list[str] = []
        """Photo ids and keys of listings, in the order in which they were asked for."""
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        """What is asked for without an answer."""
        self.ends_after = -1
        self._ledger = ledger
        self._stopped = threading.Event()

    def _ask(self, what: str) -> bool:
        self.asked.append(what)
        if len(self.asked) == self.ends_after:
            self._stopped.set()
        return what not in self.failing

    def get_post_once(self, photo: DuePhoto) -> None:
        photo_id = photo.reference.photo_id
        if not self._ask(photo_id):
            self._ledger.record_failure("api", photo_id, "answered 500", delay=0.0)
        elif photo_id in self.gone:
            self._ledger.record_final_post(photo_id, "gone", "Photo not found")
        else:
            self._ledger.record_answers([known(photo_id)], source="getInfo")

    def list_page_with_retries(self, listing: Listing, sweep: Sweep, start: int) -> Page | None:
        if not self._ask(listing.key):
            sweep.failed(start)
            return None
        sought = sweep.sought_between(start, 0)
        shown = ListingPage(
            answers=tuple(known(str(it)) for it in sorted(sought) if str(it) not in self.gone),
            videos=(),
            refused=0,
            total=None,
            pages=None,
        )
        covered = Covered(newest_id=start, oldest_id=0, oldest_date=None)
        window = record_page(self._ledger, listing, shown, covered, sought=sought)
        photo_ids = tuple(int(it.reference.photo_id) for it in shown.answers)
        sweep.shown(start, window, photo_ids)
        return Page(window=window, photo_ids=photo_ids)


class Trust(PictureTrust):
    """Has the questions that a test gives it."""

    waiting: list[Question]
    asked: list[Question]
    in_hand: list[set[str]]

    def next_question(self, in_hand: Collection[str]) -> Question | None:
        self.in_hand.append(set(in_hand))
        return self.waiting.pop(0) if self.waiting else None

    def ask(self, question: Question, calls: ApiCalls) -> None:
        self.asked.append(question)


class Crawl:
    """A ledger, and the parts of a crawl that a planner works with."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.calls = Calls(ledger)
        breaker = Breaker("a host", retry=RetryPolicy(), say=print)
        self.trust = Trust(ledger, lambda name: breaker, settle_posts=True, say=print)
        self.trust.waiting, self.trust.asked, self.trust.in_hand = [], [], []

    def listed(
        self,
        subject: str,
        numbers: Sequence[int],
        *,
        owner: str | None = None,
        settled: bool = True,
    ) -> None:
        """Add photos of a subject to the lists; ``settled``: their pictures need no further try."""
        rows = [
            ListedRow(
                row=row,
                reference=place(str(number)),
                owner=owner,
                emotion=subject,
                agree=5,
                disagree=0,
                pair=None,
            )
            for row, number in enumerate(numbers)
        ]
        store_list_file(self.ledger, ListFileRecord(subject, ""), rows)
        if settled:
            self.settle(numbers)

    def singles(self, numbers: Sequence[int], *, settled: bool = True) -> None:
        """Add photos that are alone with their subjects, so that only getInfo settles them."""
        for number in numbers:
            self.listed(f"single {number}", [number], settled=settled)

    def settle(self, numbers: Sequence[int]) -> None:
        """Let pictures exist, so that the posts are due."""
        for number in numbers:
            self.ledger.record_seen(str(number))

    def planner(self, *, last_row: int = ALL_ROWS) -> Planner:
        return Planner(self.ledger, self.calls, self.trust, last_row=last_row)

    def run(self, planner: Planner) -> list[str]:
        """Do one job after the other; return what was asked for."""
        while (job := planner.next_job()) is not None:
            job()
        return self.calls.asked


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder: Path = tmp_path_factory.mktemp("planner")
    with Ledger(folder / FILE_NAME, create=True) as opened:
        yield opened


@pytest.fixture
def crawl(shared: Ledger) -> Iterator[Crawl]:
    with undone(shared) as ledger:
        yield Crawl(ledger)


class TestJobs:
    def test_there_is_none_if_nothing_is_listed(self, crawl: Crawl) -> None:
        assert crawl.planner().next_job() is None

    def test_it_is_busy_until_the_jobs_are_done(self, crawl: Crawl) -> None:
        crawl.singles([1, 2])
        made = crawl.planner()
        busy = [made.busy]
        jobs = [made.next_job(), made.next_job()]
        for job in jobs:
            assert job is not None
            busy.append(made.busy)
            job()
        assert [*busy, made.busy] == [False, True, True, False]

    def test_the_photo_of_a_job_that_failed_is_not_asked_for_again(
        self, crawl: Crawl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(photo: DuePhoto) -> None:
            raise RefusedError("the key is invalid")

        crawl.singles([1, 2])
        made = crawl.planner()
        job = made.next_job()
        assert job is not None
        with monkeypatch.context() as patched:
            patched.setattr(crawl.calls, "get_post_once", fail)
            with pytest.raises(RefusedError):
                job()
        # Another thread may come here before the crawl is stopped.
        assert crawl.run(made) == ["2"]

    def test_a_question_about_a_refused_picture_comes_first(self, crawl: Crawl) -> None:
        crawl.listed("awe", range(1, 9))
        question = Question(photo_id="77", host=None, spell=0)
        crawl.trust.waiting = [question]
        made = crawl.planner()
        job = made.next_job()
        assert job is not None
        job()
        assert crawl.trust.asked == [question]
        assert crawl.calls.asked == []
        assert crawl.run(made) == ["text:awe"]

    def test_questions_about_photos_in_hand_wait(self, crawl: Crawl) -> None:
        crawl.singles([1])
        made = crawl.planner()
        jobs = [made.next_job()]
        crawl.trust.waiting = [Question(photo_id="77", host=None, spell=0)]
        jobs.append(made.next_job())
        assert made.next_job() is None
        assert crawl.trust.in_hand == [set(), {"1"}, {"1", "77"}]
        for job in jobs:
            assert job is not None
            job()
        made.next_job()
        assert crawl.trust.in_hand[-1] == set()


class TestSinglePhotos:
    def test_each_waits_for_its_picture(self, crawl: Crawl) -> None:
        crawl.singles([1, 2], settled=False)
        made = crawl.planner()
        assert made.next_job() is None
        crawl.settle([2])
        assert crawl.run(made) == ["2"]
        crawl.settle([1])
        assert crawl.run(made) == ["2", "1"]

    def test_one_whose_picture_is_gone_costs_no_call(self, crawl: Crawl) -> None:
        crawl.singles([1, 2], settled=False)
        for number in (1, 2):
            refusal = Refusal(outcome="gone", reason="answered 404", host="a host", status=404)
            settle = number == 1
            crawl.ledger.record_refusal(place(str(number)), refusal, settle=settle)
        # Of the second, only the API can say that it is gone.
        assert crawl.run(crawl.planner()) == ["2"]

    def test_no_two_threads_ask_for_the_same(self, crawl: Crawl) -> None:
        crawl.singles([1, 2])
        made = crawl.planner()
        jobs = [made.next_job(), made.next_job()]
        assert made.next_job() is None
        for job in jobs:
            assert job is not None
            job()
        assert sorted(crawl.calls.asked) == ["1", "2"]

    def test_one_with_a_question_in_hand_is_not_asked_for(self, crawl: Crawl) -> None:
        crawl.singles([1, 2])
        made = crawl.planner()
        jobs = [made.next_job()]
        crawl.trust.waiting = [Question(photo_id="2", host=None, spell=0)]
        jobs.append(made.next_job())
        assert made.next_job() is None
        for job in jobs:
            assert job is not None
            job()
        assert crawl.calls.asked == ["1"]
        assert [it.photo_id for it in crawl.trust.asked] == ["2"]

    def test_one_whose_call_failed_is_handed_out_again(self, crawl: Crawl) -> None:
        crawl.singles([1])
        crawl.calls.failing = {"1"}
        made = crawl.planner()
        for _ in range(2):
            job = made.next_job()
            assert job is not None
            job()
        assert crawl.calls.asked == ["1", "1"]

    def test_one_that_was_answered_meanwhile_costs_no_call(self, crawl: Crawl) -> None:
        crawl.singles([1])
        job = crawl.planner().next_job()
        assert job is not None
        crawl.ledger.record_answers([known("1")], source="search")
        job()
        assert crawl.calls.asked == []

    def test_only_those_up_to_the_last_row_are_asked_for(self, crawl: Crawl) -> None:
        crawl.singles([1, 2, 3])
        assert sorted(crawl.run(crawl.planner(last_row=2))) == ["1", "2"]


class TestWords:
    def test_they_are_listed_before_single_photos(self, crawl: Crawl) -> None:
        crawl.singles([5])
        crawl.listed("sunny_sky", range(11, 19))
        crawl.calls.gone = {"14"}
        # A listing does not show what is gone, which is asked for by its id.
        made = crawl.planner()
        assert crawl.run(made)[0] == "text:sunny sky"
        assert sorted(crawl.calls.asked[-2:]) == ["14", "5"]
        assert crawl.ledger.left("api") == 0

    def test_a_subject_is_ready_when_nineteen_of_twenty_pictures_are_settled(
        self, crawl: Crawl
    ) -> None:
        crawl.listed("awe", range(1, 41), settled=False)
        crawl.settle(range(1, 38))
        assert crawl.planner().next_job() is None
        crawl.settle([38])
        job = crawl.planner().next_job()
        assert job is not None
        job()
        assert crawl.calls.asked == ["text:awe"]

    def test_one_that_is_ready_comes_before_those_that_are_not(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3], settled=False)
        crawl.listed("fear", [4, 5, 6])
        crawl.singles([7])
        made = crawl.planner()
        # Nothing else is asked for while a subject waits for its pictures.
        assert crawl.run(made) == ["text:fear"]
        assert made.next_job() is None

    def test_only_the_next_twenty_subjects_are_looked_at(self, crawl: Crawl) -> None:
        for number in range(20):
            crawl.listed(f"a{number:02}", [10 * number + 1, 10 * number + 2], settled=False)
        crawl.listed("b", [901, 902])
        assert crawl.planner().next_job() is None
        crawl.settle([1, 2])
        made = crawl.planner()
        assert crawl.run(made) == ["text:a00", "text:b"]

    def test_looking_for_one_takes_a_twentieth_of_the_time_at_most(
        self, crawl: Crawl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seconds, work = iter([0.0, 2.0, 41.9, 42.0, 42.0]), iter([5.0, 7.0, 7.0, 7.0])
        clocks = SimpleNamespace(monotonic=lambda: next(seconds), thread_time=lambda: next(work))
        monkeypatch.setattr(planner, "time", clocks)
        crawl.listed("awe", [1, 2], settled=False)
        made = crawl.planner()
        assert made.next_job() is None  # It looks from 0 to 2 seconds.
        crawl.settle([1, 2])
        assert made.next_job() is None
        assert made.next_job() is not None

    def test_only_photos_up_to_the_last_row_are_listed(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3])
        assert crawl.run(crawl.planner(last_row=1)) == ["1"]

    def test_their_yield_is_kept_for_the_forecast(self, crawl: Crawl) -> None:
        PlanRecord(listed=10, won=9, calls=2).save(crawl.ledger)
        crawl.listed("awe", range(1, 9))
        crawl.calls.gone = {"4"}
        made = crawl.planner()
        job = made.next_job()
        assert job is not None
        job()
        calls = len(crawl.calls.asked)
        assert PlanRecord.load(crawl.ledger) == PlanRecord(listed=18, won=16, calls=2 + calls)

    def test_those_that_an_earlier_crawl_has_listed_are_not_counted_again(
        self, crawl: Crawl
    ) -> None:
        crawl.listed("awe", range(1, 9))
        crawl.calls.gone = {"4", "5"}
        first = crawl.planner().next_job()
        assert first is not None
        first()
        before = PlanRecord.load(crawl.ledger)
        crawl.calls.asked.clear()
        assert sorted(crawl.run(crawl.planner())) == ["4", "5"]
        assert PlanRecord.load(crawl.ledger) == before


class TestOwners:
    @pytest.fixture(autouse=True)
    def no_words(self, crawl: Crawl) -> None:
        """Let listings of words show nothing, so that all is left to those of owners."""
        crawl.calls.failing = {"text:awe", "tags:awe"}

    def owners_calls(self, crawl: Crawl) -> list[str]:
        """Return what was asked for without listings of words."""
        asked = crawl.run(crawl.planner())
        return [it for it in asked if it not in crawl.calls.failing]

    def test_a_listing_shows_an_owners_photos_together(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3, 4], owner="ann")
        crawl.ledger.record_answers([known("1")], source="getInfo")
        assert self.owners_calls(crawl) == [f"owner:{NSID}"]
        assert crawl.ledger.left("api") == 0

    def test_it_needs_the_nsid_which_the_middle_photo_tells(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3, 4, 5], owner="ann")
        assert self.owners_calls(crawl) == ["3", f"owner:{NSID}"]

    def test_there_is_none_for_two_photos_without_an_nsid(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2], owner="ann")
        made = crawl.planner()
        for _ in ("words", "owners"):
            job = made.next_job()
            assert job is not None
            job()
        assert {*crawl.calls.asked} <= {"text:awe", "tags:awe"}
        assert sorted(crawl.run(made)[-2:]) == ["1", "2"]

    def test_there_is_none_if_photos_that_are_gone_leave_only_two(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3, 4], owner="ann")
        crawl.calls.gone = {"2", "3"}
        assert self.owners_calls(crawl)[:2] == ["3", "2"]
        assert sorted(crawl.calls.asked[-2:]) == ["1", "4"]

    def test_it_comes_after_all_listings_of_words(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3], owner="ann")
        made = crawl.planner()
        words = made.next_job()
        assert words is not None
        assert made.next_job() is None  # These may settle all of an owner's photos.
        words()
        assert made.next_job() is not None

    def test_owners_with_the_most_photos_come_first(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3], owner="ann")
        crawl.calls.failing |= {"text:fear", "tags:fear"}
        crawl.listed("fear", [11, 12, 13, 14, 15], owner="bob")
        made = crawl.planner()
        for _ in range(2):
            job = made.next_job()
            assert job is not None
            job()
        crawl.calls.asked.clear()
        job = made.next_job()
        assert job is not None
        job()
        assert crawl.calls.asked[0] == "13"

    def test_their_photos_are_not_asked_for_one_by_one_meanwhile(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3], owner="ann")
        crawl.calls.failing.add(f"owner:{NSID}")
        made = crawl.planner()
        words = made.next_job()
        assert words is not None
        words()
        owner = made.next_job()
        assert owner is not None
        assert made.next_job() is None
        crawl.calls.asked.clear()
        owner()
        assert crawl.calls.asked[:2] == ["2", f"owner:{NSID}"]
        # The listing failed: now they are.
        assert sorted(crawl.run(made)[-2:]) == ["1", "3"]

    def test_only_photos_up_to_the_last_row_are_listed(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3, 4], owner="ann")
        asked = crawl.run(crawl.planner(last_row=2))
        assert sorted(asked[-2:]) == ["1", "2"]

    def test_a_crawl_that_is_stopped_asks_for_nothing_more(self, crawl: Crawl) -> None:
        crawl.listed("awe", range(1, 9), owner="ann")
        crawl.calls.gone = {str(number) for number in range(1, 9)}
        made = crawl.planner()
        words = made.next_job()
        assert words is not None
        words()
        crawl.calls.ends_after = len(crawl.calls.asked) + 1
        owner = made.next_job()
        assert owner is not None
        owner()
        assert len(crawl.calls.asked) == crawl.calls.ends_after

    def test_a_crawl_that_is_stopped_lists_no_owner(self, crawl: Crawl) -> None:
        crawl.listed("awe", [1, 2, 3, 4], owner="ann")
        made = crawl.planner()
        words = made.next_job()
        assert words is not None
        words()
        crawl.calls.ends_after = len(crawl.calls.asked) + 1
        owner = made.next_job()
        assert owner is not None
        owner()  # Its first call tells the NSID.
        assert crawl.calls.asked[-1] == "3"
