"""What the ledger contains after a manifest was added."""

import json
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME, VERSION
from flickr_emotion.harvest.lists.detection import open_list
from tests.harvest.corpora import post, write_votes
from tests.harvest.older_ledgers import make_older
from tests.harvest.written_manifests import (
    described,
    row,
    write_manifest,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger(tmp_path / FILE_NAME, create=True) as opened:
        yield opened


def add(ledger: Ledger, path: Path) -> None:
    add_list(ledger, open_list(path), lambda line: None)


def contents(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("photos", "listed", "manifest_posts", "files", "meta")
    return {name: [tuple(it) for it in ledger.query(f"SELECT * FROM {name}")] for name in tables}


class TestIntoTheLedger:
    def test_votes(self, tmp_path: Path, ledger: Ledger) -> None:
        rows = [row(0), row(1, server=None, secret=None), row(2, split="test", votes=4)]
        add(ledger, write_manifest(tmp_path / "m.bin", rows))
        posts = ledger.query("SELECT * FROM manifest_posts ORDER BY photo_id")
        assert [tuple(it) for it in posts] == [
            (it["photo_id"], it["label"], it["votes"], None, it["split"], it["modalities"], None)
            for it in rows
        ]
        listed = ledger.query("SELECT file, row, photo_id, emotion, pair FROM listed")
        assert [tuple(it) for it in listed] == [
            ("m.bin", number, it["photo_id"], it["label"], None)
            for number, it in enumerate(rows, start=1)
        ]
        due = ledger.query("SELECT photo_id FROM photos WHERE image_next_try IS NOT NULL")
        assert {it["photo_id"] for it in due} == {rows[0]["photo_id"], rows[2]["photo_id"]}
        assert ledger.left("api") == 3
        assert ledger.meta("kind") == "votes"
        assert json.loads(ledger.meta("manifest") or "") == described()

    def test_photos_are_asked_for_pair_by_pair(self, tmp_path: Path, ledger: Ledger) -> None:
        pairs = ["old_house", "cute_dog", None, "old_house", "cute_dog"]
        rows = [row(n, votes=None, sentiment=1.0, pair=pair) for n, pair in enumerate(pairs)]
        path = write_manifest(tmp_path / "m", rows, metadata=described(kind="sentiment"))
        add(ledger, path)
        asked = ledger.query(
            "SELECT pair FROM photos JOIN listed USING (photo_id) ORDER BY photos.rowid"
        )
        assert [it["pair"] for it in asked] == [
            None, "cute_dog", "cute_dog", "old_house", "old_house",
        ]  # fmt: skip

    def test_the_same_again_changes_nothing(self, tmp_path: Path, ledger: Ledger) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2)])
        add(ledger, path)
        ledger.record_final_post(row(1)["photo_id"], "gone", "1")
        before = contents(ledger)
        add(ledger, path.rename(tmp_path / "another name"))
        assert contents(ledger) == before

    def test_another_manifest_is_refused(self, tmp_path: Path, ledger: Ledger) -> None:
        add(ledger, write_manifest(tmp_path / "a", [row(1)]))
        before = contents(ledger)
        other = write_manifest(tmp_path / "b", [row(1, split="test")])
        with pytest.raises(HarvestError, match="contains the manifest a, and"):
            add(ledger, other)
        assert contents(ledger) == before

    def test_lists_and_manifests_do_not_mix(self, tmp_path: Path) -> None:
        manifest = write_manifest(tmp_path / "m", [row(1)])
        votes = write_votes(tmp_path / "list", [post(1)])
        for first, second, said in (
            (manifest, votes, "takes no list"),
            (votes, manifest, "takes no manifest"),
        ):
            with Ledger(tmp_path / f"{first.name}.sqlite", create=True) as ledger:
                add(ledger, first)
                before = contents(ledger)
                with pytest.raises(HarvestError, match=said):
                    add(ledger, second)
                assert contents(ledger) == before

    def test_a_manifest_that_changes_while_it_is_read_leaves_nothing(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2)])
        opened = open_list(path)
        write_manifest(path, [row(1), row(2, label="joy")])
        before = contents(ledger)
        with pytest.raises(HarvestError, match="row 2"):
            add_list(ledger, opened, lambda line: None)
        assert contents(ledger) == before
        assert ledger.query("SELECT name FROM sqlite_temp_master") == []

    @pytest.mark.parametrize("version", range(1, VERSION))
    def test_ledgers_of_older_versions_become_new_ones(self, tmp_path: Path, version: int) -> None:
        path = tmp_path / FILE_NAME
        Ledger(path, create=True).close()
        make_older(path, version)
        with Ledger(path, create=True) as ledger:
            add(ledger, write_manifest(tmp_path / "m", [row(1)]))
            assert len(ledger.query("SELECT * FROM manifest_posts")) == 1
            assert ledger.query("PRAGMA user_version")[0][0] == VERSION
