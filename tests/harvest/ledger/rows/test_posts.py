"""How posts come into the ledger's rows, and leave them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.flickr.answers import Answer
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import Refusal
from flickr_emotion.harvest.ledger.rows.posts import REFRESHED
from flickr_emotion.harvest.ledger.rows.references import add_references
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE
from flickr_emotion.harvest.pictures.files import read_picture
from tests.harvest.corpora import post
from tests.harvest.parts import ledger_of, reference_of

POSTS = [post(number) for number in range(3)]
FIRST = POSTS[0]
PLACE = reference_of(FIRST)
ANSWER = Answer(
    reference=PLACE,
    title="A title",
    description="<b>words</b>",
    tags=("river", "näher"),
    owner="1@N01",
    license="4",
    date_upload=1_300_000_000,
    date_taken="2011-01-01 00:00:00",
)
REFUSED = Refusal(outcome="gone", reason="answered 404", host="h", status=404)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        yield opened


def row(ledger: Ledger, photo_id: str = FIRST.photo_id) -> dict[str, Any]:
    return dict(ledger.query("SELECT * FROM photos WHERE photo_id = ?", (photo_id,))[0])


def fetched(ledger: Ledger) -> None:
    ledger.record_picture(FIRST.photo_id, read_picture(FIRST.jpeg()))


def evidence(ledger: Ledger, what: str) -> str | None:
    rows = ledger.query(
        "SELECT outcome FROM evidence WHERE photo_id = ? AND what = ?", (FIRST.photo_id, what)
    )
    return rows[0]["outcome"] if rows else None


class TestStoring:
    def test_a_post_is_all_that_the_answer_says(self, ledger: Ledger) -> None:
        assert ledger.record_answers([ANSWER], source="getInfo") == 1
        found = row(ledger)
        assert (found["title"], found["description"]) == ("A title", "<b>words</b>")
        assert found["tags"] == '["river", "näher"]'
        assert (found["owner"], found["license"]) == ("1@N01", "4")
        assert (found["date_upload"], found["date_taken"]) == (1_300_000_000, "2011-01-01 00:00:00")
        assert (found["api_outcome"], found["api_source"]) == ("ok", "getInfo")
        assert found["api_next_try"] is found["api_error"] is None

    def test_posts_that_nobody_listed_or_that_are_known_are_passed_over(
        self, ledger: Ledger
    ) -> None:
        other = replace(ANSWER, reference=reference_of(post(99)))
        assert ledger.record_answers([other, ANSWER], source="search") == 1
        assert ledger.record_answers([replace(ANSWER, title="Another")], source="getInfo") == 0
        assert row(ledger)["title"] == "A title"

    def test_more_than_one_statement_can_name(self, ledger: Ledger) -> None:
        many = [replace(ANSWER, reference=reference_of(post(n))) for n in range(2, 1202)]
        assert ledger.record_answers([*many, ANSWER], source="search") == 2

    def test_one_that_was_thought_to_be_gone_is_back(self, ledger: Ledger) -> None:
        ledger.record_final_post(FIRST.photo_id, "gone", "Error: 1")
        assert row(ledger)["api_outcome"] == evidence(ledger, "api") == "gone"
        assert ledger.record_answers([ANSWER], source="search") == 1
        assert row(ledger)["api_outcome"] == "ok"
        assert evidence(ledger, "api") is None

    def test_a_refresh_counts_the_known_ones_that_live(self, ledger: Ledger) -> None:
        ledger.record_answers([ANSWER], source="getInfo")
        assert ledger.meta(REFRESHED) is None
        ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)
        for expected in ("1", "1"):  # the second time it is not due any more
            ledger.record_answers([replace(ANSWER, title="New")], source="getInfo")
            assert ledger.meta(REFRESHED) == expected
        assert row(ledger)["title"] == "New"


class TestPictures:
    MOVED = replace(ANSWER, reference=replace(PLACE, server="77", secret="eeeeeeeeee"))

    def test_where_the_list_did_not_know_it_is_due_under_the_answers_place(
        self, ledger: Ledger
    ) -> None:
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET server = NULL, image_next_try = NULL")
        ledger.record_answers([ANSWER], source="getInfo")
        found = row(ledger)
        assert (found["server"], found["image_outcome"]) == ("3456", "pending")
        assert found["image_next_try"] == 0

    @pytest.mark.parametrize("on_disk", [True, False])
    def test_at_another_place_it_is_asked_for_there(self, ledger: Ledger, on_disk: bool) -> None:
        if on_disk:
            fetched(ledger)
            ledger.record_answers([ANSWER], source="getInfo")
            ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)
        ledger.record_answers([self.MOVED], source="getInfo")
        found = row(ledger)
        assert (found["server"], found["secret"]) == ("77", "eeeeeeeeee")
        assert found["image_outcome"] == ("ok" if on_disk else "pending")
        assert found["image_next_try"] == 0
        assert evidence(ledger, "image") == ("vouched" if on_disk else None)
        assert ledger.photo("image", PLACE.photo_id).fetch_anew == on_disk

    def refreshed(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([ANSWER], source="getInfo")
        ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)

    def test_a_new_one_is_fetched_although_its_host_refused_it_for_a_time(
        self, ledger: Ledger
    ) -> None:
        self.refreshed(ledger)
        ledger.record_answers([self.MOVED], source="getInfo")
        ledger.record_refusal(self.MOVED.reference, REFUSED, settle=True)
        ledger.start_crawl(images=True, verify_gone=False, refresh=False, limit=None)
        assert row(ledger)["image_next_try"] == 0
        assert ledger.photo("image", PLACE.photo_id).fetch_anew

    def test_a_new_one_that_was_only_seen_is_fetched_by_the_next_crawl(
        self, ledger: Ledger
    ) -> None:
        self.refreshed(ledger)
        ledger.record_answers([self.MOVED], source="getInfo")
        ledger.record_seen(PLACE.photo_id)  # With --no-images.
        assert row(ledger)["image_next_try"] is None
        ledger.start_crawl(images=True, verify_gone=False, refresh=False, limit=None)
        assert row(ledger)["image_next_try"] == 0
        assert ledger.photo("image", PLACE.photo_id).fetch_anew

    def test_one_on_disk_is_not_fetched_anew_if_its_reference_is_named_again(
        self, ledger: Ledger
    ) -> None:
        self.refreshed(ledger)
        for answer, anew in ((self.MOVED, True), (ANSWER, False)):
            ledger.record_answers([answer], source="getInfo")
            assert ledger.photo("image", PLACE.photo_id).fetch_anew == anew
            ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)

    def test_one_on_disk_keeps_its_reference_if_its_host_refuses_it(self, ledger: Ledger) -> None:
        self.refreshed(ledger)
        with ledger.transaction() as connection:
            add_references(connection, [self.MOVED.reference])
        assert ledger.record_refusal(PLACE, REFUSED, settle=True) != "moved"
        assert row(ledger)["secret"] == PLACE.secret

    def test_one_that_came_a_moment_ago_stays_and_the_place_is_known(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([self.MOVED], source="getInfo")
        assert (row(ledger)["server"], row(ledger)["image_next_try"]) == ("3456", None)
        (other,) = ledger.query("SELECT server, secret, dead FROM places")
        assert tuple(other) == ("77", "eeeeeeeeee", 0)

    def test_a_refused_one_whose_photo_lives_is_asked_for_again(self, ledger: Ledger) -> None:
        ledger.record_refusal(PLACE, REFUSED, settle=True)
        assert (row(ledger)["api_outcome"], row(ledger)["image_outcome"]) == ("gone", "gone")
        ledger.record_answers([ANSWER], source="getInfo")
        assert (row(ledger)["image_outcome"], row(ledger)["image_next_try"]) == ("pending", 0)
        assert evidence(ledger, "image") == "vouched"

    def test_under_a_new_place_the_old_one_is_dead(self, ledger: Ledger) -> None:
        ledger.record_refusal(PLACE, REFUSED, settle=True)
        ledger.record_answers([self.MOVED], source="getInfo")
        (old,) = ledger.query("SELECT server, secret, dead FROM places")
        assert tuple(old) == (PLACE.server, PLACE.secret, 1)
        assert evidence(ledger, "image") is None

    def test_metadata_only_fills_what_the_list_left_out(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([self.MOVED], source=METADATA_SOURCE)
        assert row(ledger)["server"] == "3456"
        assert ledger.query("SELECT * FROM places") == []
        assert row(ledger)["title"] == "A title"


class TestWithdrawals:
    def test_a_post_that_nobody_answered_before_is_settled_at_once(self, ledger: Ledger) -> None:
        ledger.record_final_post(FIRST.photo_id, "private", "Error: 2")
        found = row(ledger)
        assert (found["api_outcome"], found["api_error"]) == ("private", "Error: 2")
        assert found["api_next_try"] is None
        assert ledger.query("SELECT * FROM withdrawals") == []

    def test_one_that_flickr_gave_before_is_staged_and_stays(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([ANSWER], source="getInfo")
        ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)
        ledger.record_final_post(FIRST.photo_id, "gone", "Error: 1")
        found = row(ledger)
        assert (found["api_outcome"], found["title"]) == ("ok", "A title")
        assert found["image_sha256"] is not None
        assert found["api_next_try"] is None
        (staged,) = ledger.query("SELECT photo_id, outcome, reason FROM withdrawals")
        assert tuple(staged) == (FIRST.photo_id, "gone", "Error: 1")
        ledger.record_answers([ANSWER], source="getInfo")  # and shows again
        assert ledger.query("SELECT * FROM withdrawals") == []

    def test_one_of_metadata_goes_with_its_picture(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([ANSWER], source=METADATA_SOURCE)
        ledger.record_final_post(FIRST.photo_id, "gone", "Error: 1")
        found = row(ledger)
        assert found["title"] is found["image_sha256"] is found["api_source"] is None
        assert (found["api_outcome"], found["image_outcome"]) == ("gone", "gone")
        assert evidence(ledger, "image") == "gone"

    def test_of_a_video_nothing_stays(self, ledger: Ledger) -> None:
        fetched(ledger)
        ledger.record_answers([ANSWER], source="getInfo")
        ledger.record_videos([FIRST.photo_id])
        found = row(ledger)
        assert (found["api_outcome"], found["image_outcome"]) == ("video", "video")
        assert found["title"] is found["tags"] is found["image_sha256"] is None
        assert found["api_next_try"] is found["image_next_try"] is None
        # What comes of it later does not count.
        assert not ledger.record_picture(FIRST.photo_id, read_picture(FIRST.jpeg()))
        ledger.record_failure("api", FIRST.photo_id, "late", delay=None)
        assert row(ledger)["api_outcome"] == "video"
