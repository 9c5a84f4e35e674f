"""Recorded pictures that become due again, and the ledger's counts of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.counts import failure_counts, losses
from flickr_emotion.harvest.ledger.rows.evidence import Refusal
from flickr_emotion.harvest.ledger.rows.pictures import (
    fetch_again,
    recorded_pictures,
    replace_broken,
)
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import read_picture
from tests.harvest.corpora import jpeg

ON_DISK, FAILED, PENDING = "1001", "1002", "1003"
PICTURE = read_picture(jpeg(1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / FILE_NAME, create=True) as opened:
        with opened.transaction() as connection:
            connection.executemany(
                "INSERT INTO photos (photo_id) VALUES (?)", [(ON_DISK,), (FAILED,), (PENDING,)]
            )
        opened.record_picture(ON_DISK, PICTURE)
        opened.record_failure("image", FAILED, "answered 500", delay=None)
        yield opened


def test_what_is_recorded_says_what_is_on_disk(ledger: Ledger) -> None:
    assert list(recorded_pictures(ledger)) == [(ON_DISK, PICTURE.sha256, PICTURE.size)]


def test_a_lost_picture_is_fetched_again_and_no_other_outcome_changes(ledger: Ledger) -> None:
    fetch_again(ledger, [ON_DISK, FAILED])
    image = ledger.outcome_counts().image
    assert (image["pending"], image["failed"], image["ok"]) == (2, 1, 0)
    assert list(recorded_pictures(ledger)) == []
    assert not ledger.photo("image", ON_DISK).fetch_anew


def test_a_broken_picture_is_fetched_although_its_file_is_there(ledger: Ledger) -> None:
    replace_broken(ledger, [ON_DISK, FAILED])
    assert ledger.photo("image", ON_DISK).fetch_anew
    assert not ledger.photo("image", FAILED).fetch_anew
    assert list(recorded_pictures(ledger)) == []


def test_a_broken_picture_is_fetched_although_its_host_refused_it_for_a_time(
    ledger: Ledger,
) -> None:
    place = PhotoReference(photo_id=ON_DISK, server="1", farm=None, secret="aaaaaaaaaa")
    with ledger.transaction() as connection:
        connection.execute("UPDATE photos SET server = '1', secret = 'aaaaaaaaaa'")
    replace_broken(ledger, [ON_DISK])
    refusal = Refusal(outcome="gone", reason="answered 404", host="live", status=404)
    ledger.record_refusal(place, refusal, settle=False)
    assert ledger.take_back_refusals("live") == 1
    assert ledger.photo("image", ON_DISK).fetch_anew
    ledger.record_picture(ON_DISK, PICTURE)
    assert not ledger.photo("image", ON_DISK).fetch_anew


def test_failed_pictures_are_losses_if_pictures_were_requested(ledger: Ledger) -> None:
    assert losses(ledger, images=True) == (3, 1)
    assert losses(ledger, images=False) == (3, 0)
    assert failure_counts(ledger) == [("image", "answered 500", 1)]
