"""What is recorded as evidence, what a refusal settles, and how it is believed or taken back."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import (
    VOUCHED,
    WITHDRAWN,
    Refusal,
    RefusalResult,
    believe,
    confirm,
    forget,
    make_due_again,
    make_unverified_due,
    record_evidence,
    record_refusal,
    served_before,
    take_back,
    take_back_posts,
    unsure_posts,
)
from flickr_emotion.harvest.ledger.rows.references import add_references, leave_reference
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pictures.files import read_picture
from tests.harvest.corpora import post
from tests.harvest.parts import answered, ledger_of, reference_of, undone

POSTS = [post(number) for number in range(4)]
A, B, C, D = (it.photo_id for it in POSTS)
PLACE = reference_of(POSTS[0])
OTHER = replace(PLACE, secret="aaaaaaaaaa")
PICTURE = read_picture(POSTS[0].jpeg())
DUE = ("pending", 0.0, None)
REFUSED = ("gone", None, "answered 404")
SETTLED = ("gone", None, "picture answered 404")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with ledger_of(tmp_path_factory.mktemp("evidence"), POSTS) as opened:
        yield opened


@pytest.fixture
def ledger(shared: Ledger) -> Iterator[Ledger]:
    with undone(shared) as opened:
        yield opened


def place_of(photo_id: str) -> PhotoReference:
    return next(reference_of(it) for it in POSTS if it.photo_id == photo_id)


def refuse(
    ledger: Ledger,
    photo_id: str = A,
    outcome: str = "gone",
    *,
    status: int = 404,
    host: str = "live",
    settle: bool = True,
    place: PhotoReference | None = None,
) -> RefusalResult:
    refusal = Refusal(outcome=outcome, reason=f"answered {status}", host=host, status=status)
    with ledger.transaction() as connection:
        return record_refusal(connection, place or place_of(photo_id), refusal, settle=settle)


def answer(ledger: Ledger, *photo_ids: str, source: str = "getInfo") -> None:
    answers = [answered(place_of(photo_id)) for photo_id in photo_ids]
    ledger.record_answers(answers, source=source)


def state(ledger: Ledger, what: str, photo_id: str = A) -> tuple[str, float | None, str | None]:
    """Outcome, next try and error of a post or a picture."""
    (row,) = ledger.query(
        f"SELECT {what}_outcome, {what}_next_try, {what}_error FROM photos WHERE photo_id = ?",
        (photo_id,),
    )
    return row[0], row[1], row[2]


def field(ledger: Ledger, name: str, photo_id: str = A) -> Any:
    return ledger.query(f"SELECT {name} FROM photos WHERE photo_id = ?", (photo_id,))[0][0]


def evidence(ledger: Ledger) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = ledger.query("SELECT * FROM evidence")
    names = ("outcome", "witness", "host", "status", "sure")
    return {(row["photo_id"], row["what"]): tuple(row[name] for name in names) for row in rows}


def sure(ledger: Ledger) -> set[tuple[str, str]]:
    return {key for key, found in evidence(ledger).items() if found[-1]}


class TestARefusal:
    def test_it_settles_the_picture_and_its_evidence_is_unsure(self, ledger: Ledger) -> None:
        assert refuse(ledger, A, "private", status=403, settle=False) == "refused"
        assert state(ledger, "image") == ("private", None, "answered 403")
        assert evidence(ledger) == {(A, "image"): ("private", "picture", "live", 403, 0)}

    @pytest.mark.parametrize(
        ("outcome", "settled"),
        [("gone", "gone"), ("private", "private"), ("placeholder", "gone")],
    )
    def test_it_settles_a_post_without_an_answer(
        self, ledger: Ledger, outcome: str, settled: str
    ) -> None:
        assert refuse(ledger, A, outcome) == "refused"
        assert state(ledger, "image")[0] == outcome
        assert state(ledger, "api") == (settled, None, "picture answered 404")
        assert evidence(ledger)[A, "api"] == (settled, "picture", "live", 404, 0)

    def test_it_settles_no_post_unless_it_shall(self, ledger: Ledger) -> None:
        refuse(ledger, settle=False)
        assert state(ledger, "api") == DUE
        assert (A, "api") not in evidence(ledger)

    def test_it_settles_a_post_whose_calls_have_failed(self, ledger: Ledger) -> None:
        ledger.record_failure("api", A, "answered 500", delay=None)
        assert refuse(ledger) == "refused"
        assert state(ledger, "api") == SETTLED

    def test_it_does_not_overrule_the_api(self, ledger: Ledger) -> None:
        ledger.record_final_post(A, "private", "Permission denied")
        assert refuse(ledger) == "refused"
        assert state(ledger, "api") == ("private", None, "Permission denied")
        assert evidence(ledger)[A, "api"] == ("private", "api", None, None, 1)

    @pytest.mark.parametrize("place", [OTHER, replace(PLACE, server="9")])
    def test_of_another_reference_than_the_photos_it_is_stale(
        self, ledger: Ledger, place: PhotoReference
    ) -> None:
        assert refuse(ledger, place=place) == "stale"
        assert state(ledger, "image") == state(ledger, "api") == DUE
        assert evidence(ledger) == {}

    def test_of_a_video_it_is_stale(self, ledger: Ledger) -> None:
        ledger.record_videos([A])
        assert refuse(ledger) == "stale"
        assert state(ledger, "image") == state(ledger, "api") == ("video", None, None)

    def test_another_reference_is_tried_first(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            add_references(connection, [OTHER])
        assert refuse(ledger) == "moved"
        assert field(ledger, "secret") == OTHER.secret
        assert state(ledger, "image") == state(ledger, "api") == DUE
        assert evidence(ledger) == {}
        assert refuse(ledger, place=OTHER) == "refused"
        assert state(ledger, "image") == REFUSED

    def test_a_picture_on_disk_is_kept_under_its_reference(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            add_references(connection, [OTHER])
        ledger.record_picture(A, PICTURE)
        assert refuse(ledger) == "refused"
        assert state(ledger, "image") == ("ok", None, "answered 404")
        assert field(ledger, "image_sha256") == PICTURE.sha256
        assert field(ledger, "secret") == PLACE.secret
        assert evidence(ledger)[A, "image"] == ("gone", "picture", "live", 404, 0)


class TestARefusalOfAKnownPost:
    def test_the_api_contradicts_it_the_first_time_only(self, ledger: Ledger) -> None:
        answer(ledger, A)
        assert refuse(ledger) == "contradicted"
        assert state(ledger, "image") == ("failed", None, "answered 404, although its post exists")
        assert state(ledger, "api") == ("ok", None, None)
        assert evidence(ledger) == {(A, "image"): ("gone", "picture", "live", 404, 0)}
        assert refuse(ledger) == "refused"
        assert state(ledger, "image") == REFUSED
        assert state(ledger, "api") == ("ok", None, None)

    def test_it_is_no_contradiction_if_the_post_was_withdrawn(self, ledger: Ledger) -> None:
        answer(ledger, A)
        ledger.record_final_post(A, "gone", "Photo not found")
        assert refuse(ledger) == "refused"
        assert state(ledger, "image") == REFUSED

    def test_it_is_no_contradiction_while_the_post_is_due_again(self, ledger: Ledger) -> None:
        answer(ledger, A)
        ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)
        assert refuse(ledger) == "refused"
        # Flickr gave this post, so only the API may settle it.
        assert state(ledger, "api") == ("ok", 0.0, None)

    def test_it_settles_a_post_from_metadata_but_drops_nothing_yet(self, ledger: Ledger) -> None:
        answer(ledger, A, source=METADATA_SOURCE)
        assert refuse(ledger) == "refused"
        assert state(ledger, "api") == SETTLED
        assert field(ledger, "title") == "A title"

    def test_without_settling_the_api_is_asked_about_a_post_from_metadata(
        self, ledger: Ledger
    ) -> None:
        answer(ledger, A, source=METADATA_SOURCE)
        assert refuse(ledger, settle=False) == "refused"
        assert state(ledger, "image") == REFUSED
        assert state(ledger, "api") == DUE


class TestEvidence:
    def test_the_apis_own_names_no_host_and_replaces_what_was_there(self, ledger: Ledger) -> None:
        refuse(ledger)
        started = now()
        with ledger.transaction() as connection:
            record_evidence(connection, A, "api", None, sure=True, outcome="private")
        assert evidence(ledger) == {
            (A, "image"): ("gone", "picture", "live", 404, 0),
            (A, "api"): ("private", "api", None, None, 1),
        }
        (row,) = ledger.query("SELECT at FROM evidence WHERE what = 'api'")
        assert started <= row["at"] <= now()

    def test_a_witness_may_be_named(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            record_evidence(
                connection, A, "image", None, sure=True, outcome="corrupt", witness="picture"
            )
        assert evidence(ledger) == {(A, "image"): ("corrupt", "picture", None, None, 1)}

    def test_that_of_one_outcome_is_forgotten(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        refuse(ledger, B, settle=False)
        with ledger.transaction() as connection:
            forget(connection, A, "image")
        assert set(evidence(ledger)) == {(A, "api"), (B, "image")}

    def test_the_api_confirms_one_photo_and_its_refused_picture(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        refuse(ledger, B)
        with ledger.transaction() as connection:
            confirm(connection, A, "private")
        assert evidence(ledger)[A, "api"] == ("private", "api", None, None, 1)
        assert sure(ledger) == {(A, "api"), (A, "image")}

    def test_the_api_confirms_no_picture_that_was_not_refused(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            record_evidence(connection, A, "image", None, sure=False, outcome=VOUCHED)
            confirm(connection, A, "gone")
        assert sure(ledger) == {(A, "api")}

    def test_only_the_apis_word_makes_a_photo_withdrawn(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        ledger.record_final_post(B, "gone", "no")
        ledger.record_final_post(C, "private", "no")
        with ledger.transaction() as connection:  # D is due again, although the API called it gone.
            record_evidence(connection, D, "api", None, sure=True, outcome="gone")
        rows = ledger.query(f"SELECT photo_id FROM photos WHERE {WITHDRAWN} ORDER BY photo_id")
        assert [row["photo_id"] for row in rows] == [B, C]


class TestBelieving:
    def test_all_refusals_become_sure_and_nothing_else(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        refuse(ledger, B, "placeholder", host="other", settle=False)
        with ledger.transaction() as connection:
            record_evidence(connection, C, "image", None, sure=False, outcome=VOUCHED)
            believe(connection)
        assert sure(ledger) == {(A, "api"), (A, "image"), (B, "image")}

    def test_posts_from_metadata_that_a_picture_settled_are_dropped(self, ledger: Ledger) -> None:
        answer(ledger, A, B, source=METADATA_SOURCE)
        answer(ledger, C)
        refuse(ledger, A)
        refuse(ledger, C)
        with ledger.transaction() as connection:
            believe(connection)
        assert [field(ledger, "title", it) for it in (A, B, C)] == [None, "A title", "A title"]
        assert field(ledger, "api_source", A) is None
        assert state(ledger, "api") == SETTLED


class TestTakingBack:
    def test_pictures_and_posts_of_one_host_are_due_again(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        refuse(ledger, B, host="other")
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET api_attempts = 3, image_attempts = 3")
            assert take_back(connection, "live") == 1
        assert state(ledger, "image", A) == state(ledger, "api", A) == DUE
        assert (field(ledger, "api_attempts"), field(ledger, "image_attempts")) == (0, 0)
        assert state(ledger, "image", B) == REFUSED
        assert state(ledger, "api", B) == SETTLED
        assert set(evidence(ledger)) == {(B, "image"), (B, "api")}

    def test_without_a_host_those_of_all_hosts_are(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        refuse(ledger, B, host="other")
        with ledger.transaction() as connection:
            assert take_back(connection) == 2
        assert {state(ledger, what, it) for what in ("api", "image") for it in (A, B)} == {DUE}
        assert evidence(ledger) == {}

    def test_sure_refusals_stay(self, ledger: Ledger) -> None:
        refuse(ledger)
        ledger.believe_refusals()
        before = evidence(ledger)
        with ledger.transaction() as connection:
            assert take_back(connection, "live") == take_back(connection) == 0
        assert (state(ledger, "image"), state(ledger, "api")) == (REFUSED, SETTLED)
        assert evidence(ledger) == before

    def test_only_refusals_are_taken_back(self, ledger: Ledger) -> None:
        ledger.record_seen(A)
        with ledger.transaction() as connection:
            record_evidence(connection, A, "image", None, sure=False, outcome=VOUCHED)
            assert take_back(connection) == 0
        assert state(ledger, "image") == ("pending", None, None)
        assert set(evidence(ledger)) == {(A, "image")}

    def test_every_reference_is_tried_again(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        ledger.record_seen(B)  # It is not due, so no doubted answer can have moved it on.
        with ledger.transaction() as connection:
            leave_reference(connection, OTHER)
            leave_reference(connection, replace(OTHER, photo_id=B))
            take_back(connection, "live")
        rows = ledger.query("SELECT photo_id, dead FROM places")
        assert {row["photo_id"]: row["dead"] for row in rows} == {A: 0, B: 1}

    def test_a_picture_on_disk_is_checked_again_and_stays_ok(self, ledger: Ledger) -> None:
        ledger.record_picture(A, PICTURE)
        refuse(ledger)
        with ledger.transaction() as connection:
            assert take_back(connection, "live") == 1
        assert state(ledger, "image") == ("ok", 0.0, None)

    def test_a_post_from_metadata_is_known_as_before(self, ledger: Ledger) -> None:
        answer(ledger, A, source=METADATA_SOURCE)
        refuse(ledger)
        with ledger.transaction() as connection:
            take_back(connection, "live")
        assert state(ledger, "api") == ("ok", None, None)
        assert state(ledger, "image") == DUE

    def test_posts_alone_are_taken_back_and_their_pictures_stay_refused(
        self, ledger: Ledger
    ) -> None:
        refuse(ledger, A)
        refuse(ledger, B, host="other")
        refuse(ledger, C)
        ledger.record_final_post(D, "gone", "no")
        with ledger.transaction() as connection:
            assert take_back_posts(connection, "other") == 1
            assert state(ledger, "api", A) == SETTLED
            assert take_back_posts(connection) == 2
        assert [state(ledger, "api", it) for it in (A, B, C)] == [DUE] * 3
        assert [state(ledger, "image", it) for it in (A, B, C)] == [REFUSED] * 3
        assert state(ledger, "api", D) == ("gone", None, "no")
        assert set(evidence(ledger)) == {(it, "image") for it in (A, B, C)} | {(D, "api")}


class TestAskingAgain:
    def test_posts_that_rest_on_a_picture_alone_are_due_sure_or_not(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        ledger.believe_refusals()
        refuse(ledger, B)
        ledger.record_final_post(C, "gone", "no")
        with ledger.transaction() as connection:
            make_unverified_due(connection, images=True)
        assert state(ledger, "api", A) == state(ledger, "api", B) == DUE
        assert state(ledger, "api", C) == ("gone", None, "no")
        assert state(ledger, "image", A) == REFUSED
        assert set(evidence(ledger)) == {(A, "image"), (B, "image"), (C, "api")}

    @pytest.mark.parametrize("images", [True, False])
    def test_refused_pictures_of_known_posts_are_due_if_pictures_are_wanted(
        self, ledger: Ledger, images: bool
    ) -> None:
        answer(ledger, A, B, C)
        for it in (A, A, B, B):
            refuse(ledger, it)
        ledger.record_seen(C)
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET secret = NULL WHERE photo_id = ?", (B,))
            make_unverified_due(connection, images=images)
        assert field(ledger, "image_next_try", A) == (0.0 if images else None)
        assert field(ledger, "image_next_try", B) is None  # Nobody knows where it is.
        assert field(ledger, "image_next_try", C) is None  # It was not refused.

    def test_pictures_that_an_earlier_crawl_left_to_fetch_are_due(self, ledger: Ledger) -> None:
        for it in (A, B, C, D):
            ledger.record_seen(it)
        with ledger.transaction() as connection:
            record_evidence(connection, A, "image", None, sure=False, outcome=VOUCHED)
            connection.execute(
                "UPDATE photos SET file_secret = '', image_attempts = 5 WHERE photo_id IN (?, ?)",
                (B, C),
            )
            record_evidence(connection, C, "image", None, sure=True, outcome="corrupt")
            make_due_again(connection)
        tries = [field(ledger, "image_next_try", it) for it in (A, B, C, D)]
        # C is known to be broken for good, and nothing is wrong with D.
        assert tries == [0.0, 0.0, None, None]
        assert field(ledger, "image_attempts", B) == 0

    def test_an_unsure_refusal_is_not_due_again_by_itself(self, ledger: Ledger) -> None:
        refuse(ledger)
        with ledger.transaction() as connection:
            make_due_again(connection)
        assert state(ledger, "image") == REFUSED

    def test_a_planned_try_is_not_moved(self, ledger: Ledger) -> None:
        with ledger.transaction() as connection:
            record_evidence(connection, A, "image", None, sure=False, outcome=VOUCHED)
            connection.execute("UPDATE photos SET image_next_try = 9e9, image_attempts = 2")
            make_due_again(connection)
        assert (field(ledger, "image_next_try"), field(ledger, "image_attempts")) == (9e9, 2)


class TestSamples:
    def test_posts_that_only_an_unsure_refusal_settled(self, ledger: Ledger) -> None:
        refuse(ledger, A)
        ledger.believe_refusals()
        refuse(ledger, B)
        refuse(ledger, C, settle=False)
        ledger.record_final_post(D, "gone", "no")
        assert unsure_posts(ledger, 10) == [B]
        ledger.take_back_posts()
        assert unsure_posts(ledger, 10) == []

    def test_there_are_as_many_as_wanted_and_not_always_the_same(self, ledger: Ledger) -> None:
        for it in (A, B, C, D):
            refuse(ledger, it)
        assert sorted(unsure_posts(ledger, 10)) == [A, B, C, D]
        drawn = {tuple(unsure_posts(ledger, 1)) for _ in range(100)}
        assert drawn == {(A,), (B,), (C,), (D,)}

    def test_pictures_that_existed_when_they_were_last_requested(self, ledger: Ledger) -> None:
        ledger.record_picture(A, PICTURE)
        ledger.record_seen(B)
        refuse(ledger, C)
        assert sorted(served_before(ledger, 10)) == [A, B]  # D was not requested yet.
        assert {tuple(served_before(ledger, 1)) for _ in range(50)} == {(A,), (B,)}

    @pytest.mark.parametrize(
        "change",
        ["server = NULL", "secret = NULL", "file_secret = 'bbbbbbbbbb'"],
    )
    def test_no_picture_of_another_reference_or_of_none_is_tried(
        self, ledger: Ledger, change: str
    ) -> None:
        ledger.record_picture(A, PICTURE)
        with ledger.transaction() as connection:
            connection.execute(f"UPDATE photos SET {change} WHERE photo_id = ?", (A,))
        assert served_before(ledger, 10) == []

    def test_no_picture_on_disk_that_was_refused_since_is_tried(self, ledger: Ledger) -> None:
        ledger.record_picture(A, PICTURE)
        refuse(ledger, A)
        assert served_before(ledger, 10) == []
