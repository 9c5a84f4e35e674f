"""``manifest verify`` of real harvests after owners have edited or removed posts."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.manifests.verify import Verification, verify_manifest
from flickr_emotion.datasets.rules.tags import former_tags, normalise_tags
from flickr_emotion.datasets.rules.text import post_text
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.commands import run
from tests.datasets.manifest_folder import row, write_dataset
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post

POSTS = [post(number) for number in range(12)]


def manifest_of(folder: Path, posts: list[Post], **of_row: object) -> Path:
    """Return the manifest of a data set with these posts."""
    rows = [
        row(
            number,
            photo_id=it.photo_id,
            server=it.server,
            secret=it.secret,
            farm=str(it.farm),
            text=post_text(it.title, it.description),
            tags=normalise_tags(it.tags),
            image_sha256=hashlib.sha256(it.jpeg()).hexdigest(),
            split="train",
        )
        | of_row
        for number, it in enumerate(posts)
    ]
    write_dataset(folder / "D", rows)
    export_manifest(folder / "D", folder / "m.parquet", with_urls=False)
    return folder / "m.parquet"


def harvested(folder: Path, manifest: Path, posts: list[Post], **fields: object) -> Path:
    """Return a harvest made from the manifest when Flickr holds these posts."""
    with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
        crawl(options(manifest, folder / "h", server, **fields), lambda line: None)
    return folder / "h"


def edited(changes: dict[int, Callable[[Post], Post]]) -> list[Post]:
    return [changes[number](it) if number in changes else it for number, it in enumerate(POSTS)]


def verified(folder: Path, posts: list[Post], **of_row: object) -> Verification:
    manifest = manifest_of(folder, POSTS, **of_row)
    return verify_manifest(manifest, harvested(folder, manifest, posts), out=folder / "v.parquet")


def verdicts(folder: Path) -> dict[int, tuple[str, str | None]]:
    """Return the verdicts of the posts that are not the same, by number."""
    found = pq.read_table(folder / "v.parquet").to_pylist()
    assert [it["photo_id"] for it in found] == [it.photo_id for it in POSTS]
    return {
        int(it["photo_id"]) - 3_700_000_000: (it["verdict"], it["edited"])
        for it in found
        if it["verdict"] != "same"
    }


def test_tags_match_by_the_rule_of_version_1(tmp_path: Path) -> None:
    posts = [replace(it, tags=("river", "rock’n’roll", "ม้า")) for it in POSTS[:3]]
    former = former_tags(posts[0].tags)
    assert former == ["river", "rocknroll", "มา"]
    manifest = manifest_of(tmp_path, posts, tags=former)
    first = tmp_path / "m1.parquet"
    table = pq.read_table(manifest)
    key = b"flickr-emotion-manifest"
    described = json.loads(table.schema.metadata[key]) | {"version": 1}
    described.pop("image_size", None)
    pq.write_table(table.replace_schema_metadata({key: json.dumps(described).encode()}), first)
    assert verify_manifest(first, harvested(tmp_path, manifest, posts)).all_same


def test_a_video_is_reported(tmp_path: Path) -> None:
    found = verified(tmp_path, edited({3: lambda it: replace(it, media="video")}))
    assert (found.verdicts["video"], found.verdicts["same"]) == (1, 11)
    assert verdicts(tmp_path) == {3: ("video", None)}


class TestVerdicts:
    def test_nothing_changed(self, tmp_path: Path) -> None:
        found = verified(tmp_path, POSTS)
        assert found.all_same
        assert found.verdicts["same"] == 12
        assert verdicts(tmp_path) == {}

    def test_each_change_is_reported(self, tmp_path: Path) -> None:
        found = verified(
            tmp_path,
            edited(
                {
                    0: lambda it: replace(it, title="Another house on the hill"),
                    1: lambda it: replace(it, tags=(*it.tags, "sold")),
                    2: lambda it: replace(it, image=jpeg(99)),
                    3: lambda it: replace(it, title="", description="", tags=()),
                    4: lambda it: replace(it, status="deleted"),
                    5: lambda it: replace(it, status="private"),
                    6: lambda it: replace(it, status="placeholder"),
                    # Changes that the rules ignore: markup, spaces, the spelling and order of tags.
                    7: lambda it: replace(
                        it,
                        description=f" {it.description.replace('<b>', '<i>')} ",
                        tags=tuple(tag.upper() for tag in reversed(it.tags)),
                    ),
                    # A text that is too long is dropped.
                    8: lambda it: replace(it, description="We walked along the river " * 40),
                }
            ),
        )
        assert verdicts(tmp_path) == {
            0: ("edited", "text"),
            1: ("edited", "tags"),
            2: ("edited", "image"),
            3: ("edited", "text+tags"),
            4: ("gone", None),
            5: ("private", None),
            6: ("gone", None),
            8: ("edited", "text"),
        }
        assert found.content() == {
            "posts": 12, "same": 4, "edited": 5, "unknown": 0, "gone": 2, "private": 1,
            "video": 0, "withdrawn": 0, "missing": 0, "still_held": 0,
            "edited_modalities": {"image": 1, "text": 3, "tags": 2},
            "image_sizes": ["", ""],
        }  # fmt: skip
        assert "edited             5  (1 image, 3 text, 2 tags)" in found.table()

    def test_modalities_that_the_manifest_lacks_do_not_count(self, tmp_path: Path) -> None:
        changed = edited({1: lambda it: replace(it, title="Another house on the green hill")})
        found = verified(tmp_path, changed, text=None)
        assert found.all_same

    def test_a_text_that_the_options_drop_is_not_the_same(self, tmp_path: Path) -> None:
        # Its digest matches, but a build with the manifest's options would drop it.
        french = "La vieille maison est au bord de la rivière tranquille"
        posts = [replace(POSTS[0], title=french, description="")]
        manifest = manifest_of(tmp_path, posts)
        found = verify_manifest(manifest, harvested(tmp_path, manifest, posts))
        assert found.edited == {"image": 0, "text": 1, "tags": 0}

    def test_posts_not_fetched_are_missing(self, tmp_path: Path) -> None:
        manifest = manifest_of(tmp_path, POSTS)
        harvest = harvested(tmp_path, manifest, POSTS, limit=5)
        assert verify_manifest(manifest, harvest).verdicts["missing"] == 7
        harvested(tmp_path, manifest, POSTS)
        image_path(harvest / "images", POSTS[3].photo_id).unlink()
        found = verify_manifest(manifest, harvest)
        assert (found.verdicts["missing"], found.verdicts["same"]) == (1, 11)

    def test_pictures_not_requested_are_missing(self, tmp_path: Path) -> None:
        manifest = manifest_of(tmp_path, POSTS)
        harvest = harvested(tmp_path, manifest, POSTS, images=False)
        assert verify_manifest(manifest, harvest).verdicts["missing"] == 12

    def test_posts_that_the_harvest_does_not_list(self, tmp_path: Path) -> None:
        few = manifest_of(tmp_path, POSTS[:5])
        harvest = harvested(tmp_path, few, POSTS)
        (tmp_path / "all").mkdir()
        found = verify_manifest(manifest_of(tmp_path / "all", POSTS), harvest)
        assert (found.verdicts["same"], found.verdicts["missing"]) == (5, 7)


class TestFiles:
    def test_csv_and_parquet_hold_the_same(self, tmp_path: Path) -> None:
        changed = edited(
            {1: lambda it: replace(it, tags=()), 4: lambda it: replace(it, status="deleted")}
        )
        verified(tmp_path, changed)
        verify_manifest(tmp_path / "m.parquet", tmp_path / "h", out=tmp_path / "v.csv")
        csv = pd.read_csv(tmp_path / "v.csv", dtype=str)
        pd.testing.assert_frame_equal(
            csv, pd.read_parquet(tmp_path / "v.parquet"), check_dtype=False
        )

    @pytest.mark.parametrize("name", ["v.txt", "v", "absent/v.csv"])
    def test_a_file_that_cannot_be_written(self, tmp_path: Path, name: str) -> None:
        manifest = manifest_of(tmp_path, POSTS)
        harvest = harvested(tmp_path, manifest, POSTS)
        with pytest.raises(DatasetError, match="v"):
            verify_manifest(manifest, harvest, out=tmp_path / name)

    def test_no_harvest(self, tmp_path: Path) -> None:
        manifest = manifest_of(tmp_path, POSTS)
        with pytest.raises(HarvestError, match="is not there"):
            verify_manifest(manifest, tmp_path / "h", out=tmp_path / "v.csv")
        assert not (tmp_path / "v.csv").exists()


class TestCommands:
    def test_export_verify_and_diff(self, tmp_path: Path) -> None:
        manifest = manifest_of(tmp_path, POSTS)
        done = run(
            "manifest", "export", tmp_path / "D", "--out", tmp_path / "n.parquet", "--with-urls"
        )
        assert done.code == 0, done.err
        assert done.out.startswith("12 posts in ")
        same = run("manifest", "diff", manifest, tmp_path / "n.parquet", "--json")
        assert (same.code, json.loads(same.out)["equal"]) == (0, True)
        harvest = harvested(tmp_path, manifest, POSTS[1:])
        done = run("manifest", "verify", manifest, harvest, "--json", "--out", tmp_path / "v.csv")
        assert (done.code, json.loads(done.out)["gone"]) == (3, 1)
        assert "3700000000,gone" in (tmp_path / "v.csv").read_text().replace('"', "")
        (tmp_path / "fewer").mkdir()
        fewer = manifest_of(tmp_path / "fewer", POSTS[1:])
        done = run("manifest", "verify", fewer, harvest)
        assert (done.code, done.out.split()[:2]) == (0, ["same", "11"])
        done = run("manifest", "diff", manifest, fewer)
        assert done.code == 3
        assert "they differ" in done.out

    def test_an_invalid_manifest_is_reported_in_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "m").write_bytes(b"PAR1")
        for command in (("verify", tmp_path / "m", tmp_path), ("diff", tmp_path / "m", tmp_path)):
            done = run("manifest", *command)
            assert done.code == 1
            assert len(done.err.splitlines()) == 1
            assert "is refused" in done.err
