"""When ``PictureTrust`` asks the API about refused pictures, and what it makes of the answers."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.rows.evidence import Refusal
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import read_picture
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from flickr_emotion.harvest.trust.verdicts import Question
from tests.harvest.corpora import jpeg, post
from tests.harvest.parts import answered, ledger_of, reference_of, undone

POSTS = [post(number, image=jpeg(0)) for number in range(64)]
IDS = [it.photo_id for it in POSTS]
PLACES = {it.photo_id: reference_of(it) for it in POSTS}
HOST, OTHER = "live", "other"


class Api(ApiCalls):
    """The API that knows some photos; no server is asked."""

    def __init__(self, ledger: Ledger) -> None:
        self.alive: set[str] = set()
        self.replaced: set[str] = set()
        self.silent = False
        self.asked: list[str] = []
        self._ledger = ledger
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def get_post_with_retries(self, photo: DuePhoto) -> bool:
        photo_id = photo.reference.photo_id
        self.asked.append(photo_id)
        if self.silent:
            return False
        if photo_id not in self.alive | self.replaced:
            self._ledger.record_final_post(photo_id, "gone", "Photo not found")
            return True
        secret = "eeeeeeeeee" if photo_id in self.replaced else photo.reference.secret
        answer = answered(replace(photo.reference, secret=secret))
        self._ledger.record_answers([answer], source="getInfo")
        return True


class Trust(PictureTrust):
    """A ``PictureTrust`` with its breakers and the API, and what it says."""

    def __init__(self, ledger: Ledger, *, settle_posts: bool = True) -> None:
        self.seconds = 0.0
        self.said: list[str] = []
        self.breakers = {
            name: Breaker(
                name, retry=RetryPolicy(), say=self.said.append, clock=lambda: self.seconds
            )
            for name in (HOST, OTHER)
        }
        super().__init__(
            ledger, self.breakers.__getitem__, settle_posts=settle_posts, say=self.said.append
        )
        self.api = Api(ledger)
        self.changes = 0
        self.changed = self._count_change

    def _count_change(self) -> None:
        self.changes += 1

    def refuse(self, photo_ids: Iterable[str], host: str = HOST) -> None:
        """Let a host refuse pictures, as ``PictureOutcomes`` records it."""
        for photo_id in photo_ids:
            refusal = Refusal(outcome="gone", reason="answered 404", host=host, status=404)
            self._ledger.record_refusal(PLACES[photo_id], refusal, settle=self.settles_posts)
            self.saw(host, photo_id, refused=True)

    def refuse_rarely(self, photo_ids: Iterable[str]) -> None:
        """Let the host serve three pictures for each that it refuses, so that it is not suspect."""
        for photo_id in photo_ids:
            for _ in range(3):
                self.saw(HOST, "1", refused=False)
            self.refuse([photo_id])

    def questions(self) -> list[Question]:
        """Take all questions that wait."""
        found = []
        while (question := self.next_question(())) is not None:
            found.append(question)
        return found

    def answer_all(self) -> int:
        """Let the API answer all questions, and those that follow; return how many there were."""
        count = 0
        while (question := self.next_question(())) is not None:
            self.ask(question, self.api)
            count += 1
        return count

    def get_into_trouble(self, photo_ids: Iterable[str], host: str = HOST) -> None:
        """Let a host refuse existing pictures until this is noticed."""
        photo_ids = list(photo_ids)
        self.api.alive |= set(photo_ids)
        self.refuse(photo_ids, host)
        self.answer_all()
        assert self.in_trouble() == [host]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with ledger_of(tmp_path_factory.mktemp("trust"), POSTS) as opened:
        yield opened


@pytest.fixture
def ledger(shared: Ledger) -> Iterator[Ledger]:
    with undone(shared) as opened:
        yield opened


@pytest.fixture
def trust(ledger: Ledger) -> Trust:
    return Trust(ledger)


def counts(ledger: Ledger) -> tuple[int, int]:
    """How many posts and how many pictures are recorded as gone."""
    api, image = ledger.outcome_counts()
    return api["gone"], image["gone"]


def sure(ledger: Ledger) -> int:
    """How many refusals of pictures are sure."""
    rows = ledger.query("SELECT count(*) AS n FROM evidence WHERE what = 'image' AND sure")
    return int(rows[0]["n"])


class TestSuspicion:
    def test_it_begins_when_chance_no_longer_explains_the_refusals(self, trust: Trust) -> None:
        """Three in ten are expected to be dead, and 0.3 ** 12 is below a millionth."""
        trust.refuse(IDS[:11])
        assert trust.questions() == []
        trust.refuse(IDS[11:12])
        assert trust.said == [
            "the image server live refused 12 of its last 12 pictures: "
            "the API is asked about 6 of them"
        ]
        # The latest come first; those before the trouble may well be dead.
        assert trust.questions() == [
            Question(photo_id=photo_id, host=HOST, spell=0) for photo_id in IDS[11:5:-1]
        ]

    def test_meanwhile_no_picture_is_requested_from_this_host(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        assert trust.breakers[HOST].delay() > 0
        assert trust.breakers[OTHER].delay() == 0

    def test_meanwhile_further_refusals_raise_no_further_questions(self, trust: Trust) -> None:
        trust.refuse(IDS[:14])
        trust.contradicted(HOST, IDS[0])
        assert len(trust.questions()) == 6
        assert len(trust.said) == 1

    def test_each_host_is_watched_by_itself(self, trust: Trust) -> None:
        trust.refuse(IDS[:8], HOST)
        trust.refuse(IDS[8:16], OTHER)
        assert trust.said == []

    def test_pictures_that_are_served_count_against_it(self, trust: Trust) -> None:
        trust.refuse_rarely(IDS[:19])
        assert trust.said == []

    def test_where_earlier_crawls_saw_most_pictures_dead_it_takes_more(
        self, ledger: Ledger
    ) -> None:
        Trust(ledger).refuse(IDS[:20])
        trust = Trust(ledger)  # Of the next crawl: 26 of 40 are expected, with the prior.
        for number in range(30):
            trust.saw(HOST, str(number), refused=True)
        assert trust.said == []

    def test_it_begins_when_a_picture_is_refused_that_the_api_has_vouched_for(
        self, trust: Trust
    ) -> None:
        trust.refuse(IDS[:2])
        trust.contradicted(HOST, IDS[1])
        assert trust.said == [
            f"the image server live refuses photo {IDS[1]}, which exists by the API: "
            "the API is asked about 2 of them"
        ]
        assert [it.photo_id for it in trust.questions()] == IDS[1::-1]

    def test_a_single_refused_picture_is_asked_about_but_holds_nothing(self, trust: Trust) -> None:
        trust.refuse(IDS[:1])
        trust.contradicted(HOST, IDS[0])
        assert trust.breakers[HOST].delay() == 0
        assert trust.said == []
        trust.api.alive = {IDS[0]}
        assert trust.answer_all() == 1
        assert trust.in_trouble() == trust.said == []


class TestQuestions:
    def test_a_photo_that_is_in_hand_is_asked_about_later(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        first = trust.next_question({IDS[11], IDS[10]})
        assert first is not None
        assert first.photo_id == IDS[9]
        second = trust.next_question({IDS[9]})
        assert second is not None
        assert second.photo_id == IDS[11]

    def test_what_the_api_has_said_in_this_crawl_is_not_asked_again(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        trust.api.get_post_with_retries(trust._ledger.photo("api", IDS[11]))
        trust.api.asked.clear()
        assert trust.answer_all() == 6
        assert trust.api.asked == IDS[10:5:-1]

    def test_a_crawl_is_unfinished_until_they_are_answered(self, trust: Trust) -> None:
        assert not trust.unfinished()
        trust.refuse(IDS[:12])
        assert trust.unfinished()
        questions = trust.questions()
        assert trust.unfinished()
        for question in questions:
            trust.ask(question, trust.api)
        trust.settles_posts = False  # So that no sample is asked for.
        assert not trust.unfinished()

    def test_each_answer_may_change_what_there_is_to_do(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        trust.answer_all()
        assert trust.changes == 6

    def test_an_answer_to_a_stopped_crawl_decides_nothing(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        questions = trust.questions()
        trust.api.stop()
        for question in questions:
            trust.ask(question, trust.api)
        assert trust.changes == 0
        assert len(trust.said) == 1
        trust.settles_posts = False
        assert not trust.unfinished()


class TestDeadPhotos:
    def test_the_crawl_goes_on_and_the_refusals_stay(self, ledger: Ledger, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        trust.answer_all()
        assert trust.said[1:] == ["the API confirms 6 of 6: the crawl goes on"]
        assert trust.breakers[HOST].delay() == 0
        assert trust.in_trouble() == []
        assert not trust.doubted(HOST, 0)
        assert trust.settles_posts
        assert counts(ledger) == (12, 12)

    def test_a_single_one_that_exists_may_be_chance_so_more_are_asked_about(
        self, trust: Trust
    ) -> None:
        trust.api.alive = {IDS[11]}
        trust.refuse(IDS[:12])
        assert trust.answer_all() == 10
        assert trust.api.asked == IDS[11:1:-1]
        assert trust.said[1:] == ["the API confirms 9 of 10: the crawl goes on"]

    def test_a_replaced_photo_says_nothing_against_the_host(self, trust: Trust) -> None:
        trust.api.replaced = set(IDS[:12])
        trust.refuse(IDS[:12])
        assert trust.answer_all() == 6
        assert trust.said[1:] == ["the API confirms 6 of 6: the crawl goes on"]

    def test_a_run_of_them_is_expected_to_go_on(self, trust: Trust) -> None:
        trust.refuse(IDS[:12])
        trust.answer_all()
        trust.refuse(IDS[12:40])
        trust.contradicted(HOST, IDS[39])
        assert not [line for line in trust.said[2:] if "refuse" in line]


class TestTrouble:
    def test_two_that_exist_are_enough(self, trust: Trust) -> None:
        trust.api.alive = {IDS[11], IDS[10]}
        trust.refuse(IDS[:12])
        assert trust.answer_all() == 6
        assert trust.in_trouble() == [HOST]
        assert trust.said[1:] == [
            "the image server live refuses pictures that exist (2 of 6 exist by the API): "
            "6 refusals are taken back"  # Of the others, the API has confirmed or denied six.
        ]

    def test_its_refusals_are_taken_back_and_no_others(self, ledger: Ledger, trust: Trust) -> None:
        trust.refuse(IDS[40:43], OTHER)
        trust.get_into_trouble(IDS[:12])
        assert counts(ledger) == (3, 3)
        assert ledger.left("image") == len(POSTS) - 3
        assert ledger.left("api") == len(POSTS) - 3 - 6  # The API has answered for six.

    def test_nothing_is_requested_but_existing_pictures(self, trust: Trust) -> None:
        trust.get_into_trouble(IDS[:12])
        assert trust.breakers[HOST].delay() > 0
        assert trust.breakers[HOST].refusing
        assert not trust.breakers[OTHER].refusing

    def test_refusals_are_doubted_then_and_if_they_were_requested_then(self, trust: Trust) -> None:
        assert not trust.doubted(HOST, 0)
        assert not trust.doubted(HOST, 7)  # Nothing is known about the host.
        trust.get_into_trouble(IDS[:12])
        epoch = trust.breakers[HOST].epoch
        assert trust.doubted(HOST, epoch)
        trust.serves_again(HOST)
        assert trust.doubted(HOST, epoch)
        assert not trust.doubted(HOST, epoch + 1)

    def test_refusals_are_doubted_before_the_others_are_taken_back(
        self, ledger: Ledger, trust: Trust, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So none that is in flight is recorded in between."""
        doubted: list[bool] = []

        def take_back(host: str) -> int:
            doubted.append(trust.doubted(host, trust.breakers[host].epoch))
            return 0

        monkeypatch.setattr(ledger, "take_back_refusals", take_back)
        trust.get_into_trouble(IDS[:12])
        assert doubted == [True]

    def test_if_the_api_does_not_answer_the_refused_pictures_are_tried(
        self, ledger: Ledger, trust: Trust
    ) -> None:
        trust.api.silent = True
        trust.refuse(IDS[:12])
        trust.answer_all()
        assert trust.said[1:] == [
            "the image server live refuses pictures that exist (the API does not say): "
            "12 refusals are taken back"
        ]
        assert trust.in_trouble() == [HOST]
        assert trust.living(HOST) == ([], [PLACES[it] for it in IDS[11:5:-1]])
        assert counts(ledger) == (0, 0)

    def test_it_is_tried_with_the_last_picture_it_served_and_with_those_that_exist(
        self, trust: Trust
    ) -> None:
        for photo_id in IDS[50:52]:
            trust.saw(HOST, photo_id, refused=False)
        trust.get_into_trouble(IDS[:16])
        assert trust.living(HOST) == ([PLACES[IDS[51]]], [PLACES[it] for it in IDS[15:9:-1]])

    def test_if_it_served_none_three_of_earlier_crawls_are_tried(
        self, ledger: Ledger, trust: Trust
    ) -> None:
        earlier = IDS[50:55]
        for photo_id in earlier:
            ledger.record_picture(photo_id, read_picture(POSTS[0].jpeg()))
        trust.get_into_trouble(IDS[:12])
        served, _ = trust.living(HOST)
        assert len(served) == 3
        assert {it.photo_id for it in served} < set(earlier)

    def test_it_ends_when_the_host_serves_one_that_exists(self, trust: Trust) -> None:
        trust.get_into_trouble(IDS[:12])
        trust.seconds = 90.0
        assert trust.serves_again(HOST) == 90.0
        assert trust.in_trouble() == []
        assert trust.breakers[HOST].delay() == 0
        assert trust.settles_posts

    def test_the_fourth_time_the_host_is_taken_to_have_lost_pictures(self, ledger: Ledger) -> None:
        trust = Trust(ledger)
        for spell in range(4):
            assert trust.settles_posts
            trust.get_into_trouble(IDS[12 * spell : 12 * spell + 12])
            trust.serves_again(HOST)
        assert not trust.settles_posts
        trust.refuse(IDS[48:])  # It is no longer suspected.
        assert len(trust.said) == 8
        assert counts(ledger)[0] == 0

    def test_a_host_that_serves_old_pictures_only_settles_no_more_posts(
        self, ledger: Ledger, trust: Trust
    ) -> None:
        trust.refuse(IDS[40:43], OTHER)
        trust.get_into_trouble(IDS[:12])
        assert trust.serves_some(HOST) == 3  # Posts that were settled by the other host.
        assert not trust.settles_posts
        assert counts(ledger) == (0, 3)
        assert trust.in_trouble() == []
        assert trust.breakers[HOST].delay() == 0
        trust.refuse(IDS[12:30])
        assert not [line for line in trust.said if "of its last 18" in line]

    def test_a_host_that_is_given_up_is_doubted_but_no_longer_tried(self, trust: Trust) -> None:
        trust.get_into_trouble(IDS[:12])
        trust.gave_up(HOST)
        assert trust.in_trouble() == []
        assert trust.doubted(HOST, trust.breakers[HOST].epoch)


class TestTheSample:
    def test_it_begins_with_the_twentieth_dead_picture_and_grows_as_they_double(
        self, trust: Trust
    ) -> None:
        drawn = []
        for number in range(64):
            trust.refuse_rarely([IDS[number]])
            drawn += [(number + 1, it) for it in trust.questions()]
        assert [number for number, _ in drawn] == [20, 40]
        assert {it.host for _, it in drawn} == {None}
        assert len({it.photo_id for _, it in drawn}) == 2

    def test_it_is_of_posts_that_a_picture_alone_has_settled(
        self, ledger: Ledger, trust: Trust
    ) -> None:
        trust.refuse_rarely(IDS[:18])
        ledger.believe_refusals()
        ledger.record_final_post(IDS[20], "gone", "Photo not found")
        trust.refuse_rarely(IDS[18:20])
        (question,) = trust.questions()
        assert question.photo_id in IDS[18:20]

    def test_five_dead_ones_make_all_refusals_sure(self, ledger: Ledger, trust: Trust) -> None:
        trust.refuse_rarely(IDS[:20])
        assert trust.answer_all() == 1
        assert sure(ledger) == 1  # The API itself has confirmed it.
        assert trust.unfinished()
        questions = trust.questions()
        assert len(questions) == 4
        for question in questions[:3]:
            trust.ask(question, trust.api)
        assert sure(ledger) == 4
        trust.ask(questions[3], trust.api)
        assert sure(ledger) == 20
        assert not trust.unfinished()

    def test_if_the_first_two_exist_pictures_settle_no_more_posts(
        self, ledger: Ledger, trust: Trust
    ) -> None:
        trust.api.alive = set(IDS)
        trust.refuse_rarely(IDS[:20])
        trust.answer_all()
        settles = [trust.settles_posts]
        assert trust.unfinished()
        trust.answer_all()
        assert [*settles, trust.settles_posts] == [True, False]
        assert trust.said == [
            "2 of 2 checked dead pictures belong to existing posts: refused pictures settle no "
            "posts in this crawl, and the API is asked about 18 posts"
        ]
        assert counts(ledger)[0] == 0
        assert sure(ledger) == 0
        assert not trust.unfinished()

    def test_after_that_none_is_asked_for(self, trust: Trust) -> None:
        trust.settles_posts = False
        trust.refuse_rarely(IDS[:20])
        assert trust.questions() == []

    def test_no_answer_is_no_check(self, trust: Trust) -> None:
        trust.api.silent = True
        trust.refuse_rarely(IDS[:20])
        trust.answer_all()
        trust.conclude()
        assert trust.said == []

    def test_while_a_host_is_suspect_none_is_drawn(self, trust: Trust) -> None:
        trust.refuse(IDS[:12], OTHER)
        trust.questions()
        trust.refuse_rarely(IDS[12:20])
        assert trust.questions() == []

    @pytest.mark.parametrize("decided", [True, False])
    def test_one_that_was_drawn_before_a_host_got_into_trouble_does_not_count(
        self, trust: Trust, decided: bool
    ) -> None:
        trust.refuse_rarely(IDS[:20])
        (drawn,) = trust.questions()
        trust.api.alive = set(IDS)
        trust.refuse(IDS[40:52], OTHER)
        if decided:
            trust.answer_all()
            assert trust.in_trouble() == [OTHER]
        trust.ask(drawn, trust.api)
        trust.conclude()
        assert not [line for line in trust.said if line.startswith("checked")]

    def test_trouble_makes_it_begin_anew(self, trust: Trust) -> None:
        trust.refuse_rarely(IDS[:20])
        trust.answer_all()
        trust.get_into_trouble(IDS[40:52], OTHER)
        trust.serves_again(OTHER)
        trust.conclude()
        assert not [line for line in trust.said if line.startswith("checked")]

    def test_refusals_that_were_taken_back_are_no_part_of_it(self, trust: Trust) -> None:
        trust.refuse(IDS[:3])
        trust.api.silent = True
        trust.refuse(IDS[40:52], OTHER)
        trust.answer_all()
        trust.api.silent = False
        assert trust.unfinished()
        trust.answer_all()
        trust.conclude()
        assert trust.said[-1] == "checked 1 of 3 dead pictures with the API: 0 live"


class TestTheEnd:
    def test_a_crawl_with_few_dead_pictures_checks_one(self, trust: Trust) -> None:
        trust.refuse(IDS[:3])
        assert trust.unfinished()
        assert trust.answer_all() == 1
        assert not trust.unfinished()
        trust.conclude()
        assert trust.said == ["checked 1 of 3 dead pictures with the API: 0 live"]

    def test_a_live_one_makes_it_check_more(self, trust: Trust) -> None:
        trust.refuse(IDS[:3])
        trust.unfinished()
        trust.api.alive = {it.photo_id for it in trust._questions}
        trust.answer_all()
        assert trust.unfinished()
        assert trust.answer_all() == 2
        assert not trust.unfinished()
        trust.conclude()
        assert trust.said == ["checked 3 of 3 dead pictures with the API: 1 live"]

    def test_what_is_left_is_believed(self, ledger: Ledger, trust: Trust) -> None:
        trust.refuse(IDS[:3])
        trust.conclude()
        assert sure(ledger) == 3
        assert trust.said == []
