"""Posts that owners withdrew: dropped when all was asked and the service was seen well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.crawl.withdrawals import (
    _may_be_dropped,
    ask_again,
    controls,
    finish,
    now_allowed,
    restart_count,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.rows.posts import REFRESHED
from flickr_emotion.harvest.ledger.rows.withdrawals import (
    RefreshCounts,
    refresh_counts,
    staged_posts,
    unstage_all,
)
from flickr_emotion.harvest.pictures.files import image_path, read_picture
from tests.harvest.corpora import post
from tests.harvest.parts import answered, ledger_of

POSTS = [post(number) for number in range(60)]


def change(ledger: Ledger, sql: str) -> None:
    with ledger.transaction() as connection:
        connection.execute(sql)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """All posts are known, and nothing is asked for any more."""
    with ledger_of(tmp_path, POSTS) as opened:
        change(
            opened,
            "UPDATE photos SET api_outcome = 'ok', api_source = 'getInfo', title = 'a title', "
            "api_next_try = NULL, image_next_try = NULL",
        )
        yield opened


def stage(ledger: Ledger, count: int, answered: int = 0) -> None:
    """Have the API say twice that the first posts are gone, and find others alive."""
    for it in 2 * POSTS[:count]:
        ledger.record_final_post(it.photo_id, "gone", "Error: 1")
    if answered:
        ledger.set_meta(REFRESHED, str(answered))


class TestAllowed:
    @pytest.mark.parametrize(
        ("staged", "known", "answered", "most", "allowed"),
        [
            (20, 60, 21, 0.01, True),  # as few as they may always be
            (20, 60, 20, 0.01, False),  # but not where no more were found alive
            (21, 60, 39, 0.01, False),
            (100, 10_000, 9_900, 0.01, True),  # or as are usual
            (101, 10_000, 9_899, 0.01, False),
            (30, 60, 0, 0.5, True),  # or as the user says, however it was answered
            (31, 60, 0, 0.5, False),
        ],
    )
    def test_so_many(
        self, staged: int, known: int, answered: int, most: float, allowed: bool
    ) -> None:
        found = RefreshCounts(staged=staged, known=known, answered=answered)
        assert _may_be_dropped(found, most) == allowed


class TestFinish:
    def test_what_may_go_goes_with_its_picture(self, ledger: Ledger) -> None:
        images = ledger.path.parent / "images"
        first = POSTS[0]
        write_unsynced(image_path(images, first.photo_id), first.jpeg())
        ledger.record_picture(first.photo_id, read_picture(first.jpeg()))
        stage(ledger, 3, answered=57)
        said: list[str] = []
        assert refresh_counts(ledger) == RefreshCounts(staged=3, known=60, answered=57)
        assert finish(ledger, images, most=0.01, say=said.append) == 0
        assert said == [
            "3 posts were withdrawn by their owners: their text, tags and pictures are dropped"
        ]
        assert not image_path(images, first.photo_id).exists()
        rows = ledger.query("SELECT title, api_outcome, image_sha256 FROM photos ORDER BY rowid")
        assert [tuple(row) for row in rows[:4]] == [
            *[(None, "gone", None)] * 3,
            ("a title", "ok", None),
        ]
        assert refresh_counts(ledger) == RefreshCounts(staged=0, known=57, answered=0)

    def test_too_many_are_kept_back_and_it_is_said_how_to_go_on(self, ledger: Ledger) -> None:
        stage(ledger, 30, answered=30)
        said: list[str] = []
        assert finish(ledger, ledger.path.parent, most=0.01, say=said.append) == 30
        assert "30 of 60 known posts are gone or private, and answered for 30 of them" in said[0]
        assert f"photo {POSTS[0].photo_id} (gone: Error: 1)" in said[0]
        assert "--max-withdrawn 0.51 to drop them without further calls" in said[0]
        assert refresh_counts(ledger).staged == 30
        assert not now_allowed(ledger, 0.01)
        assert not now_allowed(ledger, 0.4)
        assert now_allowed(ledger, 0.51)
        assert finish(ledger, ledger.path.parent, most=0.51, say=said.append) == 0
        assert refresh_counts(ledger).staged == 0

    def test_nothing_happens_while_posts_are_still_asked_for(self, ledger: Ledger) -> None:
        stage(ledger, 3, answered=57)
        change(ledger, "UPDATE photos SET api_next_try = 0 WHERE rowid = 60")
        assert finish(ledger, ledger.path.parent, most=0.01, say=print) == 0
        assert refresh_counts(ledger).staged == 3
        assert not now_allowed(ledger, 0.5)

    def test_a_refresh_that_was_interrupted_counts_the_living_anew(self, ledger: Ledger) -> None:
        stage(ledger, 3, answered=57)
        restart_count(ledger)
        assert refresh_counts(ledger).answered == 57
        change(ledger, "UPDATE photos SET api_next_try = 0 WHERE rowid = 60")
        restart_count(ledger)
        assert refresh_counts(ledger) == RefreshCounts(staged=3, known=60, answered=0)
        unstage_all(ledger)
        assert refresh_counts(ledger).staged == 0


class TestControls:
    def test_some_that_live_are_asked_for_again_before_any_is_dropped(self, ledger: Ledger) -> None:
        assert controls(ledger, 0.01) == []
        stage(ledger, 3, answered=57)
        asked = [it.reference.photo_id for it in controls(ledger, 0.01)]
        assert asked == [it.photo_id for it in POSTS[3:6]]
        assert controls(ledger, 0.5) == [], "the user has said that it is true"

    @pytest.mark.parametrize("what", ["one answers", "none answers", "one is gone"])
    def test_where_one_is_gone_too_or_none_answers_nothing_is_dropped(
        self, ledger: Ledger, what: str
    ) -> None:
        stage(ledger, 3, answered=57)
        some = controls(ledger, 0.01)

        def ask(photo: DuePhoto) -> bool:
            if what == "one is gone" and photo is some[1]:
                ledger.record_final_post(photo.reference.photo_id, "gone", "Error: 1")
            return what != "none answers" and photo is not some[0]

        ask_again(ledger, some, ask)
        kept_back = finish(ledger, ledger.path.parent, most=0.01, say=lambda line: None)
        assert kept_back == {"one answers": 0, "none answers": 3, "one is gone": 4}[what]

    def test_a_post_that_was_reported_once_is_requested_again_before_it_is_dropped(
        self, ledger: Ledger
    ) -> None:
        stage(ledger, 1, answered=57)
        gone, alive, silent = POSTS[1:4]
        for it in (gone, alive, silent):
            ledger.record_final_post(it.photo_id, "gone", "Error: 1")
        asked: list[str] = []

        def ask(photo: DuePhoto) -> bool:
            photo_id = photo.reference.photo_id
            asked.append(photo_id)
            if photo_id == gone.photo_id:
                ledger.record_final_post(photo_id, "gone", "Error: 1")
            elif photo_id != silent.photo_id:
                answer = answered(photo.reference, title="a title")
                ledger.record_answers([answer], source="getInfo")
            return photo_id != silent.photo_id

        ask_again(ledger, controls(ledger, 0.01), ask)
        assert asked[3:] == [gone.photo_id, alive.photo_id, silent.photo_id]
        said: list[str] = []
        assert finish(ledger, ledger.path.parent, most=0.01, say=said.append) == 1
        assert said[0].startswith("2 posts were withdrawn")
        assert said[1].startswith("1 posts that the API reported as gone or private are kept")
        assert [it.photo_id for it in staged_posts(ledger, 10)] == [silent.photo_id]
        assert finish(ledger, ledger.path.parent, most=0.5, say=said.append) == 0
