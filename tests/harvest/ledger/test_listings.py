"""What the ledger knows of listings: open photos, owners, and what calls have covered."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flickr_emotion.harvest.flickr.answers import Answer, ListingPage
from flickr_emotion.harvest.flickr.listings import owner_listing, word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import (
    LARGEST_ID,
    Covered,
    Window,
    Yields,
    known_dates,
    open_photos,
    owners_photos,
    record_page,
    some_pictures,
    subjects,
    windows,
)
from flickr_emotion.harvest.ledger.rows.answered_posts import owner_of
from flickr_emotion.harvest.ledger.rows.lists import search_counts
from flickr_emotion.harvest.sandbox.posts import Post
from tests.harvest.corpora import post
from tests.harvest.parts import answered, ledger_of, reference_of, settle_pictures

POSTS = [post(number) for number in range(12)]
IDS = [int(it.photo_id) for it in POSTS]
OF_WORDS, OF_TAGS = word_listings("awe")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        yield opened


def answer(it: Post) -> Answer:
    return answered(reference_of(it), title=it.title, description=it.description, license="0")


def page(posts: Sequence[Post], *, videos: Sequence[Post] = (), refused: int = 0) -> ListingPage:
    return ListingPage(
        answers=tuple(map(answer, posts)),
        videos=tuple(it.photo_id for it in videos),
        refused=refused,
        total=None,
        pages=None,
    )


def change(ledger: Ledger, sql: str, *values: object) -> None:
    with ledger.transaction() as connection:
        connection.execute(sql, values)


def window(**fields: int) -> Window:
    return Window(
        **{"newest_id": 200, "oldest_id": 100, "results": 10, "sought": 5, "found": 4, "won": 3}
        | fields
    )


class TestOpenPhotos:
    def test_those_without_a_post_whose_picture_is_not_dead(self, ledger: Ledger) -> None:
        change(ledger, "UPDATE photos SET api_next_try = NULL WHERE rowid = 1")
        change(ledger, "UPDATE photos SET image_outcome = 'gone' WHERE rowid = 2")
        change(ledger, "UPDATE photos SET image_outcome = 'placeholder' WHERE rowid = 3")
        settle_pictures(ledger, [POSTS[3]])
        found = open_photos(ledger, "awe")
        assert sorted(found.photo_ids) == IDS[3:]
        assert found.pictures_to_settle == len(IDS[4:])
        assert open_photos(ledger, "fear").photo_ids == ()

    def test_none_beyond_the_limit_and_no_id_that_cannot_be_counted(self, ledger: Ledger) -> None:
        assert sorted(open_photos(ledger, "awe", last_row=4).photo_ids) == IDS[:4]
        huge = str(LARGEST_ID + 1)
        for table in ("photos", "listed"):
            change(
                ledger,
                f"UPDATE {table} SET photo_id = ? WHERE photo_id = ?",
                huge,
                POSTS[0].photo_id,
            )
        assert sorted(open_photos(ledger, "awe", last_row=4).photo_ids) == IDS[1:4]

    def test_subjects_and_their_searches(self, ledger: Ledger) -> None:
        assert subjects(ledger) == ["awe"]
        assert search_counts(ledger) == {}
        for pair, count in (("sunny_sky", 7), ("dark_sky", 0), ("old_sky", None)):
            change(ledger, "INSERT INTO pairs VALUES (?, 0.5, ?)", pair, count)
        assert search_counts(ledger) == {"sunny_sky": 7}


class TestOwners:
    def test_those_of_several_photos_the_busiest_first(self, ledger: Ledger) -> None:
        settle_pictures(ledger, POSTS)
        names = ["one", *["three"] * 3, *["two"] * 2, *["also two"] * 2]
        for rowid, name in enumerate(names, start=1):
            change(ledger, "UPDATE photos SET owner_name = ? WHERE rowid = ?", name, rowid)
        change(ledger, "UPDATE photos SET owner = '3@N01' WHERE rowid = 2")
        found = owners_photos(ledger)
        assert [(it.name, it.nsid, sorted(it.photo_ids)) for it in found] == [
            ("three", "3@N01", IDS[1:4]),
            ("also two", None, IDS[6:8]),
            ("two", None, IDS[4:6]),
        ]
        assert owner_of(ledger, POSTS[1].photo_id) == "3@N01"
        assert owner_of(ledger, POSTS[0].photo_id) is owner_of(ledger, "1") is None

    def test_a_picture_that_is_still_due_may_yet_settle_it(self, ledger: Ledger) -> None:
        change(ledger, "UPDATE photos SET owner_name = 'same'")
        assert owners_photos(ledger) == []
        settle_pictures(ledger, POSTS[:2])
        assert [sorted(it.photo_ids) for it in owners_photos(ledger)] == [IDS[:2]]


class TestPages:
    def test_posts_and_window_are_stored_together(self, ledger: Ledger) -> None:
        settle_pictures(ledger, POSTS)
        made = record_page(
            ledger,
            OF_WORDS,
            page([POSTS[0], POSTS[1], post(99)], videos=[POSTS[2]]),
            Covered(newest_id=IDS[5], oldest_id=IDS[0], oldest_date=1_300_000_000),
            sought={*IDS[:6]},
        )
        assert made == Window(
            newest_id=IDS[5], oldest_id=IDS[0], results=4, sought=6, found=3, won=2
        )
        assert windows(ledger, OF_WORDS) == [made]
        assert windows(ledger, OF_TAGS) == []
        assert known_dates(ledger) == [(IDS[0], 1_300_000_000)]
        sources = ledger.query("SELECT api_source FROM photos WHERE api_outcome = 'ok'")
        assert [row["api_source"] for row in sources] == ["search"] * 2

    def test_dates_of_owners_pages_are_not_believed(self, ledger: Ledger) -> None:
        """An owner may have set them; and a page's end that is no photo has none."""
        for listing, date in ((owner_listing("1@N01"), 1_300_000_000), (OF_WORDS, None)):
            record_page(
                ledger,
                listing,
                page([]),
                Covered(newest_id=9, oldest_id=5, oldest_date=date),
                sought=set(),
            )
        assert known_dates(ledger) == []


class TestYields:
    def test_what_was_believed_gives_way_to_what_was_seen(self) -> None:
        yields = Yields(hits=0.5)
        assert (yields.hits, yields.usual_span) == (0.5, None)
        for _ in range(1000):
            yields.add(window(sought=10, found=9))
        assert yields.hits == pytest.approx(0.9, abs=0.001)

    def test_it_begins_with_the_calls_to_its_kind(self, ledger: Ledger) -> None:
        for listing, sought in ((OF_TAGS, {1, 2, 3, 4}), (owner_listing("1@N01"), set(range(96)))):
            record_page(
                ledger,
                listing,
                page([], refused=10),
                Covered(newest_id=100, oldest_id=1, oldest_date=None),
                sought=sought,
            )
        assert Yields(ledger, "owner").hits == pytest.approx(4 / 100)
        assert Yields(ledger, "tags").hits == pytest.approx(4 / 8)
        assert Yields(ledger, "text").hits == 1

    def test_the_usual_span_is_the_middle_one(self) -> None:
        yields = Yields()
        spans = []
        for oldest in (199, 0, 100):
            yields.add(window(oldest_id=oldest))
            spans.append(window(oldest_id=oldest).page_span)
        yields.add(window(results=0))
        assert yields.usual_span == sorted(spans)[1]


class TestSomePictures:
    def test_they_are_from_all_parts_of_the_list(self, ledger: Ledger) -> None:
        found = [int(it.photo_id) for it in some_pictures(ledger, 4)]
        assert [(it - IDS[0]) // 3 for it in found] == [0, 1, 2, 3]
        assert some_pictures(ledger, 4)[0] == reference_of(POSTS[found[0] - IDS[0]])

    def test_of_a_short_list_all_that_are_due(self, ledger: Ledger) -> None:
        settle_pictures(ledger, POSTS[:2])
        assert [int(it.photo_id) for it in some_pictures(ledger, 50)] == IDS[2:]

    def test_of_a_part_of_the_list_only_what_lies_in_it(self, ledger: Ledger) -> None:
        assert len(some_pictures(ledger, 50, last_row=3)) == 3
        assert len(some_pictures(ledger, 50)) == len(POSTS)
