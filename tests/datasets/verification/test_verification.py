"""``verify``: each damage on disk is named in one line, with the command that repairs it."""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.file_digests import with_digests
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.verification.folders import (
    kind_of,
    verify_dataset,
    verify_manifest_file,
)
from flickr_emotion.datasets.verification.harvest import verify_harvest
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.description import KEY
from flickr_emotion.harvest.manifests.file import open_manifest
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.datasets.build.test_engines import files
from tests.harvest.corpora import jpeg, options, post, write_votes

POSTS = [post(number, image=jpeg(number, 300, 280)) for number in range(40)]
SHARD = "data/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A harvest ``h`` of ``list``, its data set ``d`` and its manifest ``m.parquet``."""
    folder = tmp_path_factory.mktemp("made") / "place"
    folder.mkdir()
    published_list = write_votes(folder / "list", POSTS, ("awe", "fear"))
    with SandboxServer(Corpus(POSTS)) as server:
        crawl(options(published_list, folder / "h", server), lambda line: None)
    build(folder)
    export_manifest(folder / "d", folder / "m.parquet", with_urls=False)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(made, tmp_path / "place"))


def build(place: Path) -> list[str]:
    """Build the data set; return what is said, but for the warning that it is small."""
    said: list[str] = []
    build_splits(place / "h", place / "d", BuildOptions(), said.append)
    return [line for line in said if "so its figures say little" not in line]


def flip(path: Path, at: int = -1) -> None:
    """Flip a bit in the middle of a file, or in the byte ``at``."""
    content = bytearray(path.read_bytes())
    content[at if at >= 0 else len(content) // 2] ^= 4
    path.write_bytes(content)


def test_undamaged_folders_are_whole(place: Path) -> None:
    kinds = {name: kind_of(place / name) for name in ("h", "d", "m.parquet")}
    assert kinds == {"h": "harvest", "d": "data set", "m.parquet": "manifest"}
    for found in (
        verify_harvest(place / "h", mend=False),
        verify_dataset(place / "d", deep=True),
        verify_manifest_file(place / "m.parquet"),
    ):
        assert not found.damaged
        assert not found.notes
        assert found.lines() == f"the {found.kind} {found.path} is whole: {found.checked}"
        assert found.content()["whole"] is True


class TestADataSet:
    @pytest.mark.parametrize(
        "name",
        [
            *(SHARD, "dataset.json", "vocabulary.json", "excluded.parquet"),
            *("references.parquet", "decisions.parquet", "croissant.json"),
        ],
    )
    def test_every_file_is_checked_and_a_build_repairs_it(self, place: Path, name: str) -> None:
        whole = files(place / "d")
        flip(place / "d" / name)
        found = verify_dataset(place / "d", deep=False)
        assert len(found.damaged) == 1
        assert found.damaged[0].startswith(str(place / "d" / name))
        assert f"`build-splits H --out {place / 'd'}` again" in found.lines()
        (line,) = build(place)
        assert str(place / "d") in line
        assert "reused" in line
        assert files(place / "d") == whole
        assert not verify_dataset(place / "d", deep=False).damaged

    @pytest.mark.parametrize(
        "name", [SHARD, "dataset.json", "vocabulary.json", "excluded.parquet", "decisions.parquet"]
    )
    def test_a_pipe_in_the_place_of_a_file_does_not_block(self, place: Path, name: str) -> None:
        (place / "d" / name).unlink()
        os.mkfifo(place / "d" / name)
        assert kind_of(place / "d") == "data set"
        try:
            shown = verify_dataset(place / "d", deep=True).lines()
        except DatasetError as error:
            shown = str(error)
        assert name in shown
        with contextlib.suppress(DatasetError):
            build(place)

    @pytest.mark.parametrize("name", [SHARD, "dataset.json", "excluded.parquet"])
    def test_a_file_that_is_not_there(self, place: Path, name: str) -> None:
        (place / "d" / name).unlink()
        (line, *more) = verify_dataset(place / "d", deep=False).damaged
        assert name in line or "lacks a shard of train" in line
        assert len(more) <= 1

    def test_a_folder_that_a_build_refuses_gets_other_advice(self, place: Path) -> None:
        """A build would refuse to replace this folder, so another one is recommended."""
        (place / "d" / "dataset.json").unlink()
        shown = verify_dataset(place / "d", deep=False).lines()
        assert "`build-splits H` into another folder" in shown
        assert f"--out {place / 'd'}` again" not in shown
        with pytest.raises(DatasetError, match=r"no dataset\.json of a data set"):
            build(place)

    def test_file_names_cannot_control_the_terminal(self, place: Path) -> None:
        (place / "d" / "x\x1b[31mred\nthe data set is whole").write_text("mine")
        shown = verify_dataset(place / "d", deep=False).lines()
        assert "\x1b" not in shown
        assert len(shown.splitlines()) == 2

    def test_wrong_counts(self, place: Path) -> None:
        """The digests are right, but the contents of the files do not match each other."""
        described = json.loads((place / "d" / "dataset.json").read_text(encoding="utf-8"))
        labels = described["counts"]["train"]["labels"]
        labels["awe"], labels["fear"] = labels["fear"] + 1, labels["awe"] - 1
        described = with_digests(place / "d", described)
        (place / "d" / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
        (line,) = verify_dataset(place / "d", deep=False).damaged
        assert "has wrong counts of labels in train" in line

    def test_an_old_one_without_digests_is_an_error(self, place: Path) -> None:
        content = open_dataset(place / "d").described | {"version": 2}
        for name in ("files", "sha256"):
            del content[name]
        (place / "d" / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(DatasetError, match="has no digests, because"):
            verify_dataset(place / "d", deep=False)
        assert build(place) == []
        assert not verify_dataset(place / "d", deep=False).damaged

    @pytest.mark.parametrize("gone", [("files",), ("sha256",), ("files", "sha256")])
    def test_removed_digests_are_damage(self, place: Path, gone: tuple[str, ...]) -> None:
        content = open_dataset(place / "d").described
        for name in gone:
            del content[name]
        (place / "d" / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
        (line, *_) = verify_dataset(place / "d", deep=False).damaged
        assert "dataset.json is damaged (its digests are missing)" in line

    def test_foreign_files_are_noted(self, place: Path) -> None:
        (place / "d" / "data" / "notes.txt").write_text("mine")
        found = verify_dataset(place / "d", deep=False)
        assert not found.damaged
        assert found.notes == [f"{place / 'd' / 'data' / 'notes.txt'} is not part of the data set"]


def swapped_pictures(shard: Path) -> None:
    """Give every post of a shard the picture of another: valid files with wrong content."""
    table = pq.read_table(shard)
    images = table["image"].combine_chunks()
    turned = images.take([*range(1, len(images)), 0])
    pq.write_table(table.set_column(1, table.schema.field("image"), turned), shard)


@pytest.mark.parametrize("damage", [flip, swapped_pictures])
def test_nothing_of_a_damaged_shard_is_reused(place: Path, damage: Any) -> None:
    whole = files(place / "d")
    assert build(place) == []
    damage(place / "d" / SHARD)
    (line,) = build(place)
    assert "train-00000-of-00001.parquet is damaged" in line
    assert files(place / "d") == whole


def without_digest(manifest: Path, *, version: int) -> None:
    table = pq.read_table(manifest)
    content = json.loads(table.schema.metadata[KEY.encode()]) | {"version": version}
    if version == 1:
        del content["image_size"]
    table = table.drop_columns("vote_distribution")
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(content)}), manifest)


class TestAManifest:
    def test_a_flipped_bit_is_found(self, place: Path) -> None:
        flip(place / "m.parquet", at=200)
        found = verify_manifest_file(place / "m.parquet")
        assert len(found.damaged) == 1
        assert found.content()["mend"]

    def test_changed_values_in_a_valid_file_are_found(self, place: Path) -> None:
        table = pq.read_table(place / "m.parquet")
        splits = ["train"] * table.num_rows
        changed = table.set_column(
            table.schema.get_field_index("split"), table.schema.field("split"), [splits]
        )
        pq.write_table(changed, place / "m.parquet")
        (line,) = verify_manifest_file(place / "m.parquet").damaged
        assert "its content does not match its digest" in line

    def test_an_old_one_without_digests_is_an_error(self, place: Path) -> None:
        without_digest(place / "m.parquet", version=1)
        with pytest.raises(HarvestError, match="has no digest of its content"):
            verify_manifest_file(place / "m.parquet")

    def test_a_removed_digest_is_damage(self, place: Path) -> None:
        without_digest(place / "m.parquet", version=2)
        (line,) = verify_manifest_file(place / "m.parquet").damaged
        assert "its metadata lack flickr-emotion-manifest-sha256" in line
        with pytest.raises(HarvestError, match="is refused"):
            open_manifest(place / "m.parquet")


class TestAHarvest:
    def test_damaged_pictures_are_named_and_fetched_again(self, place: Path) -> None:
        paths = [image_path(place / "h" / "images", it.photo_id) for it in POSTS[:5]]
        whole = [path.read_bytes() for path in paths]
        flip(paths[0])
        paths[1].unlink()
        paths[2].write_bytes(whole[2][:-1])
        paths[3].write_bytes(whole[4])
        elsewhere = place / "elsewhere.jpg"
        paths[4].rename(elsewhere)
        paths[4].symlink_to(elsewhere)
        found = verify_harvest(place / "h", mend=False)
        for photo, why in zip(
            POSTS[:5], ("differs", "not there", "bytes instead", "", "is a link"), strict=True
        ):
            (line,) = [line for line in found.damaged if photo.photo_id in line]
            assert why in line
        assert len(found.damaged) == 5
        assert "--mend" in found.lines()
        assert (
            "5 pictures are marked to be fetched" in verify_harvest(place / "h", mend=True).lines()
        )
        with SandboxServer(Corpus(POSTS)) as server:
            crawl(options(place / "list", place / "h", server), lambda line: None)
        assert not verify_harvest(place / "h", mend=False).damaged
        assert [path.read_bytes() for path in paths] == whole
        # Nothing was written through the link.
        assert elsewhere.read_bytes() == whole[4]

    def test_files_left_by_a_kill_are_noted_and_links_are_named(self, place: Path) -> None:
        folder = place / "h" / "images" / "000"
        folder.mkdir(exist_ok=True)
        left = [folder / ".2.jpg.part", folder / "1.jpg.part"]  # one of an earlier version
        for path in left:
            path.write_bytes(b"half")
        linked = place / "h" / "images" / "999x"
        linked.symlink_to(place)
        found = verify_harvest(place / "h", mend=False)
        assert [line for line in found.damaged if str(linked) in line]
        assert len(found.damaged) == 1
        assert found.notes == [
            f"{path} was left by a killed crawl: it may be removed" for path in left
        ]

    def test_a_damaged_ledger(self, place: Path) -> None:
        for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
            (place / "h" / name).unlink(missing_ok=True)
        ledger = place / "h" / "ledger.sqlite"
        with ledger.open("r+b") as file:
            file.seek(os.path.getsize(ledger) // 2)  # noqa: PTH202
            file.write(b"\xff" * 20_000)
        found = verify_harvest(place / "h", mend=False)
        assert found.damaged
        assert "no command repairs a ledger" in found.lines()


def test_an_unknown_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a data set, run or harvest folder"):
        kind_of(tmp_path)
    with pytest.raises(DatasetError, match="is not there"):
        kind_of(tmp_path / "absent")
