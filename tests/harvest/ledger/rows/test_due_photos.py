"""Which photos a crawl has to ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pictures.files import read_picture
from tests.harvest.corpora import post
from tests.harvest.parts import ledger_of, reference_of

POSTS = [post(number) for number in range(5)]
IDS = [it.photo_id for it in POSTS]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        yield opened


def start(ledger: Ledger, *, limit: int | None = None, **flags: bool) -> int:
    wanted = {"images": True, "verify_gone": False, "refresh": False} | flags
    return ledger.start_crawl(limit=limit, **wanted)


def due(
    ledger: Ledger, what: str, *, last_row: int = ALL_ROWS, after_image: bool = False
) -> list[str]:
    found = ledger.due(what, now=now(), count=100, last_row=last_row, after_image=after_image)
    return sorted(it.reference.photo_id for it in found)


def settle(ledger: Ledger, what: str, photo_id: str, outcome: str) -> None:
    if what == "api":
        ledger.record_final_post(photo_id, outcome, "no")
    else:
        ledger.record_final_picture(photo_id, outcome, "no")


def test_all_of_a_new_list(ledger: Ledger) -> None:
    assert due(ledger, "image") == due(ledger, "api") == IDS
    assert due(ledger, "api", after_image=True) == []
    assert (ledger.left("image"), ledger.next_due("api")) == (5, 0)
    photo = ledger.photo("image", IDS[0])
    assert photo.reference == reference_of(POSTS[0])
    assert (photo.attempts, photo.picture_known, photo.fetch_anew) == (0, False, False)
    ledger.record_seen(IDS[2])
    assert due(ledger, "api", after_image=True) == [IDS[2]]


def test_the_longest_due_first_and_no_more_than_wanted(ledger: Ledger) -> None:
    for number, photo_id in enumerate(IDS):
        ledger.postpone("api", photo_id, "later", delay=-10.0 * number)
    found = [it.reference.photo_id for it in ledger.due("api", now=now(), count=3)]
    assert found == IDS[:1:-1]
    ledger.postpone("api", IDS[4], "later", delay=900)
    assert IDS[4] not in due(ledger, "api")
    assert ledger.left("api") == 5
    assert (ledger.next_due("api") or 0) < now()


def test_what_an_earlier_crawl_gave_up_is_due_at_once_and_with_all_attempts(
    ledger: Ledger,
) -> None:
    for what in ("api", "image"):
        ledger.record_failure(what, IDS[0], "answered 500", delay=None)
        settle(ledger, what, IDS[1], "gone")
        ledger.postpone(what, IDS[2], "later", delay=9e9)  # a clock that was wrong
    start(ledger)
    for what in ("api", "image"):
        assert due(ledger, what) == [IDS[0], *IDS[2:]]
        assert ledger.photo(what, IDS[0]).attempts == 0
        assert ledger.photo(what, IDS[1]).attempts == 0


def test_a_limit_takes_the_first_that_are_due(ledger: Ledger) -> None:
    for what in ("api", "image"):
        settle(ledger, what, IDS[0], "gone")
    last = start(ledger, limit=2)
    assert due(ledger, "api", last_row=last) == IDS[1:3]
    assert due(ledger, "image", last_row=last) == IDS[1:3]
    assert ledger.left("api", last_row=last) == 2
    api, _ = ledger.outcome_counts(last_row=last)
    assert api["pending"] + api["gone"] == 3
    assert start(ledger) == ALL_ROWS
    assert due(ledger, "api") == IDS[1:]


def test_pictures_that_were_only_looked_for_are_fetched_when_they_are_wanted(
    ledger: Ledger,
) -> None:
    for photo_id in IDS[:3]:
        ledger.record_seen(photo_id)
    start(ledger, images=False)
    assert due(ledger, "image") == IDS[3:]
    start(ledger, images=True)
    assert due(ledger, "image") == IDS


def test_a_refresh_asks_for_everything_but_videos(ledger: Ledger) -> None:
    ledger.record_picture(IDS[0], read_picture(POSTS[0].jpeg()))
    ledger.record_final_post(IDS[2], "private", "no")
    ledger.record_videos([IDS[1]])
    start(ledger, refresh=True)
    assert due(ledger, "api") == [IDS[0], *IDS[2:]]
    # What the public may not see is asked of the API first.
    assert due(ledger, "image") == [IDS[0], *IDS[3:]]
    photo = ledger.photo("image", IDS[0])
    assert photo.picture_known
    assert not photo.fetch_anew
