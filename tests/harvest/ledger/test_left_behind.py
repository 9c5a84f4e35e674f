"""A picture that a killed crawl left on disk before it was recorded in the ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.image_hosts.outcomes import PictureOutcomes
from flickr_emotion.harvest.image_hosts.unchecked_pictures import UncheckedPictures
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from tests.harvest.corpora import jpeg

PHOTO = "11"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / FILE_NAME, create=True) as opened:
        with opened.transaction() as connection:
            connection.execute("INSERT INTO photos (photo_id) VALUES (?)", (PHOTO,))
        yield opened


def quiet(line: str) -> None:
    pass


def outcomes(ledger: Ledger, folder: Path, unchecked: UncheckedPictures) -> PictureOutcomes:
    retry = RetryPolicy()
    trust = PictureTrust(
        ledger, lambda name: Breaker(name, retry=retry, say=quiet), settle_posts=True, say=quiet
    )
    return PictureOutcomes(
        ledger, folder=folder, refresh=False, trust=trust, retry=retry, unchecked=unchecked
    )


def test_it_is_recorded_and_decoded_later(tmp_path: Path, ledger: Ledger) -> None:
    unchecked = UncheckedPictures(tmp_path)
    write_unsynced(image_path(tmp_path, PHOTO), jpeg(1))
    found = outcomes(ledger, tmp_path, unchecked)
    assert found.record_left_behind(ledger.photo("image", PHOTO))
    assert ledger.outcome_counts()[1]["ok"] == len(unchecked) == 1
    assert ledger.next_due("image") is None


def test_of_a_video_it_is_removed(tmp_path: Path, ledger: Ledger) -> None:
    unchecked = UncheckedPictures(tmp_path)
    photo = ledger.photo("image", PHOTO)
    ledger.record_videos([PHOTO])  # The API has said so since the photo was read.
    write_unsynced(image_path(tmp_path, PHOTO), jpeg(1))
    assert outcomes(ledger, tmp_path, unchecked).record_left_behind(photo)
    assert not image_path(tmp_path, PHOTO).exists()
    assert len(unchecked) == 0
    assert ledger.outcome_counts()[1]["video"] == 1
