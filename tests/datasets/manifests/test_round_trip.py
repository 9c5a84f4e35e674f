"""A data set that is rebuilt from its manifest is the same."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.manifests.verify import verify_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.manifests.description import KEY
from flickr_emotion.harvest.manifests.file import open_manifest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.simulation.simulation import simulation
from tests.harvest.corpora import jpeg, options, post, url_of, write_votes
from tests.harvest.older_ledgers import make_older
from tests.harvest.written_manifests import write_manifest

SHIPPED = PROJECT / "manifests" / "simulation.parquet"

POSTS = [
    *(post(number, image=jpeg(number, 400, 300)) for number in range(60)),
    *(post(number, tags=()) for number in range(60, 70)),
    *(post(number, title="One two", description="three") for number in range(70, 75)),
    *(post(number, status="deleted") for number in range(75, 80)),
]


def harvest(folder: Path, posts: Sequence[Post], published_list: Path) -> Path:
    with SandboxServer(Corpus(list(posts))) as server:
        crawl(options(published_list, folder, server), lambda line: None)
    return folder


def build(source: Path, out: Path, **fields: int | str) -> Path:
    build_splits(source, out, BuildOptions(**fields), lambda line: None)  # type: ignore[arg-type]
    return out


def split_of(dataset: Path) -> dict[str, str]:
    found = {}
    for shard in (dataset / "data").glob("*.parquet"):
        for photo_id in pq.read_table(shard, columns=["photo_id"]).column(0).to_pylist():
            found[photo_id] = shard.name.split("-")[0]
    return found


def shards(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (dataset / "data").iterdir()}


@pytest.fixture(scope="module")
def votes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set ``d`` built with non-default options, and its manifest ``m.parquet``."""
    folder = tmp_path_factory.mktemp("votes")
    published_list = write_votes(folder / "list", POSTS, ("awe", "fear", "joy"))
    # Two photos are listed under a second emotion, one of them with repeated rows.
    more = [f"fear,{url_of(POSTS[0])},3,2\n", f"joy,{url_of(POSTS[1])},1,0\n" * 2]
    (folder / "list" / "more.csv").write_text("".join(more), encoding="utf-8")
    harvest(folder / "h", POSTS, published_list)
    build(folder / "h", folder / "d", seed=3, short_side=200, min_words=4)
    export_manifest(folder / "d", folder / "m.parquet", with_urls=False)
    return folder


class TestNothingLost:
    def test_the_rebuilt_data_set_gives_the_same_manifest(
        self, votes: Path, tmp_path: Path
    ) -> None:
        harvest(tmp_path / "h", POSTS, votes / "m.parquet")
        assert verify_manifest(votes / "m.parquet", tmp_path / "h").all_same
        build(tmp_path / "h", tmp_path / "d")
        assert shards(tmp_path / "d") == shards(votes / "d")
        assert open_dataset(tmp_path / "d").options == open_dataset(votes / "d").options
        export_manifest(tmp_path / "d", tmp_path / "m.parquet", with_urls=False)
        assert (tmp_path / "m.parquet").read_bytes() == (votes / "m.parquet").read_bytes()

    def test_vso(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(60)]
        both = post(60)
        pairs = {
            "happy_dog": [(url_of(p), "a") for p in (*posts[:30], both)],
            "glad_cat": [(url_of(both), "a")],
            "sad_dog": [(url_of(p), "a") for p in posts[30:]],
        }
        ontology = {"happy_dog": (1.5, 10), "glad_cat": (0.5, 10), "sad_dog": (-1.0, 10)}
        write_vso_lists(tmp_path / "list", pairs, ontology)
        built = build(harvest(tmp_path / "h", [*posts, both], tmp_path / "list"), tmp_path / "d")
        export_manifest(built, tmp_path / "m.parquet", with_urls=True)
        again = build(
            harvest(tmp_path / "h2", [*posts, both], tmp_path / "m.parquet"), tmp_path / "d2"
        )
        assert shards(again) == shards(built)
        assert "glad_cat" in pq.read_table(tmp_path / "m.parquet").column("pair").to_pylist()
        export_manifest(again, tmp_path / "m2.parquet", with_urls=True)
        assert (tmp_path / "m2.parquet").read_bytes() == (tmp_path / "m.parquet").read_bytes()

    def test_every_vote_goes_from_list_to_shard_to_manifest(self, votes: Path) -> None:
        shares = {
            photo_id: (label, shares)
            for shard in (votes / "d" / "data").iterdir()
            for photo_id, label, shares in zip(
                *pq.read_table(shard, columns=["photo_id", "label", "vote_distribution"]),
                strict=True,
            )
        }
        shares = {key.as_py(): (it[0].as_py(), it[1].as_py()) for key, it in shares.items()}
        assert shares[POSTS[0].photo_id] == ("awe", [(5 + 3 / 2) / 10, 2 / 10, 3 / 2 / 10])
        assert shares[POSTS[1].photo_id] == ("fear", [1 / 7, 6 / 7, 0.0])
        assert shares[POSTS[2].photo_id] == ("joy", [0.0, 0.0, 1.0])
        manifest = open_manifest(votes / "m.parquet")
        assert manifest.description.version == 3
        rows = {it["photo_id"]: it for batch in manifest.batches() for it in batch.to_pylist()}
        assert {
            key: (it["label"], list(it["vote_distribution"].values())) for key, it in rows.items()
        } == shares
        assert list(rows[POSTS[0].photo_id]["vote_distribution"]) == ["awe", "fear", "joy"]

    def test_a_ledger_without_the_column_is_built_without_distributions(
        self, votes: Path, tmp_path: Path
    ) -> None:
        harvest(tmp_path / "h", POSTS, votes / "m.parquet")
        make_older(tmp_path / "h" / "ledger.sqlite", 6)
        build(tmp_path / "h", tmp_path / "d")
        assert not open_dataset(tmp_path / "d").has_distributions

    def test_a_class_that_is_lost_leaves_its_share_to_the_others(
        self, votes: Path, tmp_path: Path
    ) -> None:
        left = [it for number, it in enumerate(POSTS) if number % 3 != 1]
        harvest(tmp_path / "h", left, votes / "m.parquet")
        build(tmp_path / "h", tmp_path / "d")
        dataset = open_dataset(tmp_path / "d")
        assert dataset.classes == ("awe", "joy")
        rows = [
            it
            for split in ("train", "validation", "test")
            for batch in dataset.batches(split, ["photo_id", "vote_distribution"])
            for it in batch
        ]
        found = {it["photo_id"]: it["vote_distribution"] for it in rows}
        assert found[POSTS[0].photo_id] == pytest.approx([0.65 / 0.8, 0.15 / 0.8])


class TestSomethingLost:
    def test_verify_names_the_losses_and_the_rest_keeps_its_split(
        self, votes: Path, tmp_path: Path
    ) -> None:
        now = list(POSTS)
        now[0] = replace(now[0], status="deleted")
        now[1] = replace(now[1], status="private")
        now[2] = replace(now[2], title="Its owner has written another title since then")
        now[3] = replace(now[3], tags=("other", "tags"))
        now[4] = replace(now[4], image=jpeg(999, 400, 300))
        # This post has no words any more: its text is dropped, its other modalities stay.
        now[5] = replace(now[5], title="", description="")
        # This post has tags now, which it did not have in the manifest.
        now[60] = replace(now[60], tags=("late", "tags"))
        harvest(tmp_path / "h", now, votes / "m.parquet")
        found = verify_manifest(votes / "m.parquet", tmp_path / "h", out=tmp_path / "found.csv")
        assert found.content() == {
            "posts": 75,
            "same": 69,
            "edited": 4,
            "unknown": 0,
            "gone": 1,
            "private": 1,
            "video": 0,
            "withdrawn": 0,
            "missing": 0,
            "still_held": 0,
            "edited_modalities": {"image": 1, "text": 2, "tags": 1},
            "image_sizes": ["", ""],
        }
        build(tmp_path / "h", tmp_path / "d")
        before, after = split_of(votes / "d"), split_of(tmp_path / "d")
        lost = {now[0].photo_id, now[1].photo_id}
        assert after == {photo_id: s for photo_id, s in before.items() if photo_id not in lost}
        rows = pd.concat(pd.read_parquet(path) for path in (tmp_path / "d" / "data").iterdir())
        rows = rows.set_index("photo_id")
        assert rows.loc[now[5].photo_id, "modalities"] == "image+tags"
        assert rows.loc[now[60].photo_id, "modalities"] == "image+text"
        assert not list(rows["tags"][now[60].photo_id])
        excluded = pd.read_parquet(tmp_path / "d" / "excluded.parquet")
        assert dict(zip(excluded["photo_id"], excluded["reason"], strict=True)) == {
            now[0].photo_id: "gone",
            now[1].photo_id: "private",
        }

    def test_an_option_that_the_manifest_fixes_at_another_value(
        self, votes: Path, tmp_path: Path
    ) -> None:
        harvest(tmp_path / "h", POSTS, votes / "m.parquet")
        with pytest.raises(DatasetError, match=r"--min-words 6: .* fixes this option at 4"):
            build(tmp_path / "h", tmp_path / "d", min_words=6)
        build(tmp_path / "h", tmp_path / "d", min_words=4)

    @pytest.mark.parametrize(
        ("name", "value"), [("language", "xx"), ("fold", "9/2"), ("group_by", ["camera"])]
    )
    def test_a_manifest_with_an_invalid_option(
        self, votes: Path, tmp_path: Path, name: str, value: object
    ) -> None:
        table = pq.read_table(votes / "m.parquet")
        described = json.loads(table.schema.metadata[KEY.encode()])
        described["options"][name] = value
        schema = open_manifest(votes / "m.parquet").schema
        write_manifest(tmp_path / "m.parquet", table.to_pylist(), schema=schema, metadata=described)
        harvest(tmp_path / "h", POSTS, tmp_path / "m.parquet")
        with pytest.raises(
            DatasetError, match="the harvest's manifest fixes an option that is not valid: --"
        ):
            build(tmp_path / "h", tmp_path / "d")
        assert not (tmp_path / "d").exists()


def test_the_shipped_manifest_is_rebuilt_and_verified(tmp_path: Path) -> None:
    with SandboxServer(simulation().corpus) as server:
        crawl(options(SHIPPED, tmp_path / "h", server), lambda line: None)
    assert verify_manifest(SHIPPED, tmp_path / "h").all_same
    build(tmp_path / "h", tmp_path / "d")
    export_manifest(tmp_path / "d", tmp_path / "m.parquet", with_urls=False)
    assert (tmp_path / "m.parquet").read_bytes() == SHIPPED.read_bytes()
