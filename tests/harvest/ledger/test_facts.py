"""The facts about a whole harvest: what is read is what was kept, and its text stays the same."""

from collections.abc import Iterator

import pytest

from flickr_emotion.harvest.ledger import facts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from tests.harvest.parts import undone


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with Ledger(tmp_path_factory.mktemp("facts") / FILE_NAME, create=True) as opened:
        yield opened


@pytest.fixture
def ledger(shared: Ledger) -> Iterator[Ledger]:
    with undone(shared) as opened:
        yield opened


def stored(ledger: Ledger) -> dict[str, str]:
    return {row["key"]: row["value"] for row in ledger.query("SELECT * FROM meta")}


def test_a_new_ledger_has_none(ledger: Ledger) -> None:
    assert facts.list_kind(ledger) is None
    assert facts.manifest_description(ledger) is None
    assert facts.service_of_posts(ledger) is None
    assert facts.chosen_image_size(ledger) is None
    assert not facts.pictures_are_synced(ledger)
    assert not facts.was_searched(ledger, "0f", photos=0)
    assert facts.last_quota(ledger) == 0
    assert facts.rest_until(ledger, "live") == 0.0
    assert facts.PlanRecord.load(ledger) == facts.PlanRecord()


def test_each_is_read_as_it_was_kept(ledger: Ledger) -> None:
    facts.keep_list_kind(ledger, "sentiment")
    facts.keep_manifest_description(ledger, "{}")
    facts.keep_service_of_posts(ledger, "other")
    facts.keep_chosen_image_size(ledger, "b")
    facts.keep_pictures_synced(ledger, synced=True)
    facts.keep_searched(ledger, "0f", photos=12)
    facts.keep_quota(ledger, 3_600)
    facts.keep_rest(ledger, "live", 7.5)
    facts.PlanRecord(listed=3, won=2, calls=1).save(ledger)
    assert facts.list_kind(ledger) == "sentiment"
    assert facts.manifest_description(ledger) == "{}"
    assert facts.service_of_posts(ledger) == "other"
    assert facts.chosen_image_size(ledger) == "b"
    assert facts.pictures_are_synced(ledger)
    assert facts.was_searched(ledger, "0f", photos=12)
    assert facts.last_quota(ledger) == 3_600
    assert facts.rest_until(ledger, "live") == 7.5
    assert facts.PlanRecord.load(ledger) == facts.PlanRecord(listed=3, won=2, calls=1)
    # Ledgers of earlier versions hold these texts.
    assert stored(ledger) == {
        "kind": "sentiment",
        "manifest": "{}",
        "service": "other",
        "image_size": "b",
        "pictures": "on disk",
        "metadata 0f": "12",
        "quota": "3600",
        "image rest live": "7.5",
        "plan": '{"listed": 3, "won": 2, "calls": 1}',
    }


def test_pictures_are_not_synced_while_a_crawl_is_at_work(ledger: Ledger) -> None:
    facts.keep_pictures_synced(ledger, synced=False)
    assert not facts.pictures_are_synced(ledger)
    assert stored(ledger) == {"pictures": "at work"}


def test_a_metadata_file_is_searched_again_once_photos_are_added(ledger: Ledger) -> None:
    facts.keep_searched(ledger, "0f", photos=12)
    assert not facts.was_searched(ledger, "0f", photos=13)
    assert not facts.was_searched(ledger, "0e", photos=12)
