"""All the references of a photo that are known: one dead one does not end it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.evidence import Refusal
from flickr_emotion.harvest.ledger.rows.references import add_references, leave_reference, move_on
from tests.harvest.corpora import post
from tests.harvest.parts import ledger_of, reference_of

POST = post(1)
LISTED = reference_of(POST)
OTHER = replace(LISTED, secret="aaaaaaaaaa")
THIRD = replace(LISTED, server="9", secret="bbbbbbbbbb")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, [POST]) as opened:
        yield opened


def asked_for(ledger: Ledger) -> tuple[str, str, float | None]:
    (row,) = ledger.query("SELECT server, secret, image_next_try FROM photos")
    return tuple(row)


def places(ledger: Ledger) -> dict[str, int]:
    return {row["secret"]: row["dead"] for row in ledger.query("SELECT * FROM places")}


def test_others_than_the_one_that_is_asked_for_are_kept(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        add_references(connection, [LISTED, OTHER, OTHER, replace(OTHER, secret=None)])
        add_references(connection, [replace(OTHER, photo_id="1")])  # which no list names
    assert asked_for(ledger)[1] == LISTED.secret
    assert places(ledger) == {OTHER.secret: 0}


def test_a_photo_without_one_takes_the_first(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        connection.execute("UPDATE photos SET server = NULL, secret = NULL, image_next_try = NULL")
        add_references(connection, [OTHER, THIRD])
    assert asked_for(ledger) == (OTHER.server, OTHER.secret, 0)
    assert places(ledger) == {THIRD.secret: 0}


def test_where_one_is_dead_the_next_is_asked_until_there_is_none(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        connection.execute("UPDATE photos SET image_attempts = 3, image_next_try = NULL")
        assert not move_on(connection, LISTED)
        add_references(connection, [OTHER, THIRD])
        seen = {LISTED.secret}
        for _ in range(2):
            server, secret, _ = asked_for(ledger)
            assert move_on(connection, replace(LISTED, server=server, secret=secret))
            seen.add(asked_for(ledger)[1])
            assert asked_for(ledger)[2] == 0
        server, secret, _ = asked_for(ledger)
        assert not move_on(connection, replace(LISTED, server=server, secret=secret))
    assert seen == {LISTED.secret, OTHER.secret, THIRD.secret}
    assert places(ledger)[POST.secret] == 1
    assert ledger.query("SELECT image_attempts FROM photos")[0][0] == 0


def test_a_dead_one_stays_dead_until_it_is_doubted(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        add_references(connection, [OTHER])
        leave_reference(connection, OTHER)
        assert not move_on(connection, LISTED)
        add_references(connection, [OTHER])
        assert places(ledger) == {OTHER.secret: 1}


def test_a_photo_that_moved_on_because_of_a_doubted_answer_moves_back(ledger: Ledger) -> None:
    wrong = Refusal(outcome="gone", reason="answered 404", host="of pictures", status=404)
    with ledger.transaction() as connection:
        add_references(connection, [OTHER])
    assert ledger.record_refusal(LISTED, wrong, settle=True) == "moved"
    ledger.take_back_refusals("of pictures")
    assert ledger.record_refusal(OTHER, wrong, settle=True) == "moved"
    assert asked_for(ledger) == (LISTED.server, LISTED.secret, 0)


def test_a_refresh_tries_every_reference_of_a_dead_photo_again(ledger: Ledger) -> None:
    dead = Refusal(outcome="gone", reason="answered 410", host="of pictures", status=410)
    with ledger.transaction() as connection:
        add_references(connection, [OTHER])
    assert ledger.record_refusal(LISTED, dead, settle=True) == "moved"
    assert ledger.record_refusal(OTHER, dead, settle=True) == "refused"
    ledger.believe_refusals()
    ledger.start_crawl(images=True, verify_gone=False, refresh=True, limit=None)
    assert ledger.record_refusal(OTHER, dead, settle=True) == "moved"
    assert asked_for(ledger) == (LISTED.server, LISTED.secret, 0)
