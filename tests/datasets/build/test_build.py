"""``build-splits`` on real harvests."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import jpeg, options, post, url_of, write_votes

FRENCH = "La vieille maison est au bord de la rivière tranquille"
POSTS = [
    *(post(number) for number in range(100)),
    *(post(number, tags=()) for number in range(100, 110)),
    *(post(number, title="", description="") for number in range(110, 120)),
    *(post(number, title=FRENCH, description="") for number in range(120, 125)),
    *(post(number, title="One two", description="three", tags=()) for number in range(125, 130)),
    *(post(number, status="deleted") for number in range(130, 135)),
    *(post(number, status="private") for number in range(135, 138)),
]


def harvest(folder: Path, posts: list[Post], published_list: Path) -> Path:
    with SandboxServer(Corpus(posts)) as server:
        crawl(options(published_list, folder, server), lambda line: None)
    return folder


@pytest.fixture(scope="module")
def votes_harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("votes")
    published_list = write_votes(folder / "list", POSTS, ("awe", "fear"))
    extra = [
        f"awe,{url_of(post(900))},3,2",  # too few votes
        f"awe,{url_of(post(901))},0,4\nfear,{url_of(post(901))},1,4",  # a tie
        "awe,http://example.org/x.jpg,0,5",
        "awe,no row",
    ]
    with (published_list / "emotions_1.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(extra) + "\n")
    return harvest(folder / "harvest", [*POSTS, post(900), post(901)], published_list)


def build(
    harvest_folder: Path, out: Path, said: list[str] | None = None, **fields: Any
) -> dict[str, Any]:
    said = [] if said is None else said
    return build_splits(harvest_folder, out, BuildOptions(**fields), said.append)


def read(out: Path, split: str) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in sorted((out / "data").glob(f"{split}-*"))])


class TestVotes:
    def test_every_listed_photo_is_in_one_place(self, votes_harvest: Path, tmp_path: Path) -> None:
        content = build(votes_harvest, tmp_path / "d")
        counts = content["counts"]
        assert {split: counts[split]["total"] for split in counts} == {
            "train": 110,
            "validation": 10,
            "test": 10,
        }
        assert counts["train"]["subsets"] == {
            "image": 5,
            "image+text": 10,
            "image+tags": 15,
            "image+text+tags": 80,
        }
        assert counts["test"]["labels"] == {"awe": 5, "fear": 5}
        excluded = pd.read_parquet(tmp_path / "d" / "excluded.parquet")
        assert Counter(excluded["reason"]) == {
            "gone": 5,
            "private": 3,
            "votes": 1,
            "tie": 1,
            "not-flickr": 1,
            "malformed": 1,
        }
        rows = excluded[excluded["photo_id"].isna()]
        assert list(rows["source"]) == ["list/emotions_1.csv:142", "list/emotions_1.csv:143"]
        shards = pd.concat([read(tmp_path / "d", split) for split in counts])
        everywhere = [*shards["photo_id"], *excluded["photo_id"].dropna()]
        assert sorted(everywhere) == sorted(p.photo_id for p in [*POSTS, post(900), post(901)])

    def test_a_row_holds_the_post(self, votes_harvest: Path, tmp_path: Path) -> None:
        build(votes_harvest, tmp_path / "d")
        rows = pd.concat([read(tmp_path / "d", s) for s in ("train", "validation", "test")])
        row = rows.set_index("photo_id").loc[POSTS[0].photo_id]
        assert row["text"] == (
            "The house on the hill number 0 We walked along the river in the warm evening light"
        )
        assert list(row["tags"]) == ["evening", "house0", "river"]
        assert row["image"] == {"bytes": POSTS[0].jpeg(), "path": f"{POSTS[0].photo_id}.jpg"}
        assert (row["label"], row["votes"], row["modalities"]) == ("awe", 5, "image+text+tags")
        assert POSTS[0].owner not in row["owner"]
        no_text = rows.set_index("photo_id").loc[POSTS[120].photo_id]
        assert no_text["text"] is None or pd.isna(no_text["text"])

    def test_same_input_and_seed_same_bytes(self, votes_harvest: Path, tmp_path: Path) -> None:
        for name in ("a", "b"):
            build(votes_harvest, tmp_path / name)
        files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
        assert len(files) == 12
        for file in files:
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        assert build(votes_harvest, tmp_path / "c", seed=1)["digest"] != (
            open_dataset(tmp_path / "a").digest
        )
        owners = [set(read(tmp_path / name, "train")["owner"]) for name in ("a", "c")]
        assert not owners[0] & owners[1], "under another seed nobody has the same name"

    def test_the_digest_tells_the_short_side(self, votes_harvest: Path, tmp_path: Path) -> None:
        """Although no picture here is so large that it would be reduced."""
        posts = "image", "text", "tags", "label"
        builds = [build(votes_harvest, tmp_path / str(side), short_side=side) for side in (99, 98)]
        first, second = (read(tmp_path / name, "test")[[*posts]] for name in ("99", "98"))
        assert first.astype(str).equals(second.astype(str))
        assert builds[0]["digest"] != builds[1]["digest"]

    def test_the_vocabulary_counts_training_alone(
        self, votes_harvest: Path, tmp_path: Path
    ) -> None:
        build(votes_harvest, tmp_path / "d", min_count=90)
        vocabulary = open_dataset(tmp_path / "d").vocabulary()
        train = read(tmp_path / "d", "train")
        assert vocabulary.words["river"] == train["text"].str.contains("river").sum() == 90
        assert vocabulary.tags["river"] == sum("river" in tags for tags in train["tags"])
        assert vocabulary.kept_words()[0] == "the"
        assert "house0" not in vocabulary.kept_tags()
        assert list(vocabulary.words.values()) == sorted(vocabulary.words.values(), reverse=True)

    def test_incomplete_posts_may_be_dropped(self, votes_harvest: Path, tmp_path: Path) -> None:
        content = build(votes_harvest, tmp_path / "d", incomplete="drop")
        assert content["excluded"]["incomplete"] == 30
        assert list(content["counts"]["train"]["subsets"]) == ["image+text+tags"]

    def test_only_posts_of_the_licences_that_are_named(self, tmp_path: Path) -> None:
        """Flickr's ids 4, 11 and 9 are CC BY 2.0, CC BY 4.0 and CC0."""
        posts = [post(number, license=(4, 11, 9, 1, 0)[number % 5]) for number in range(50)]
        held = harvest(tmp_path / "h", posts, write_votes(tmp_path / "list", posts, ("awe",)))
        content = build(held, tmp_path / "d", license="by,cc0")
        assert content["excluded"] == {"license": 20}
        assert {*read(tmp_path / "d", "train")["license"]} == {"4", "11", "9"}
        totals: Counter[str] = Counter()
        for counts in content["counts"].values():
            totals.update(counts["licenses"])
        names = {"CC BY 2.0": 10, "CC BY 4.0": 10, "Public Domain Dedication (CC0)": 10}
        assert totals == names
        card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
        assert "## Posts by licence" in card
        assert "| CC BY 2.0 | " in card
        write_page(inspect_dataset(tmp_path / "d"), tmp_path / "page.html")
        assert "Public Domain Dedication (CC0)" in (tmp_path / "page.html").read_text()
        assert build(held, tmp_path / "all")["counts"]["train"]["total"] == 40

    def test_the_card_and_its_front_matter(self, votes_harvest: Path, tmp_path: Path) -> None:
        build(votes_harvest, tmp_path / "d")
        card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
        assert card.startswith("---\nlicense: other\n")
        assert "| image+text+tags | 80 | 10 | 10 |" in card
        assert "| gone | 5 |" in card
        assert "simulation" in card

    def test_the_schema_is_the_documented_one(self, votes_harvest: Path, tmp_path: Path) -> None:
        build(votes_harvest, tmp_path / "d")
        schema = pq.read_schema(tmp_path / "d" / "data" / "test-00000-of-00001.parquet")
        assert schema.names == [
            *("photo_id", "image", "text", "tags", "label", "votes", "sentiment", "owner"),
            *("license", "modalities", "vote_distribution"),
        ]
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert list(features) == schema.names


class TestSentiment:
    def test_vso(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(60)]
        incomplete = post(60, tags=())
        both = post(61)
        unknown = post(62)
        pairs = {
            "happy_dog": [(url_of(p), "a") for p in (*posts[:30], incomplete, both)],
            "sad_dog": [(url_of(p), "a") for p in (*posts[30:], both)],
            "candid_guy": [(url_of(unknown), "a")],
        }
        ontology = {"happy_dog": (1.5, 10), "sad_dog": (-1.0, 10)}
        write_vso_lists(tmp_path / "list", pairs, ontology)
        folder = harvest(tmp_path / "h", [*posts, incomplete, both, unknown], tmp_path / "list")
        content = build(folder, tmp_path / "d")
        assert content["classes"] == ["negative", "positive"]
        assert content["counts"]["test"]["labels"] == {"negative": 3, "positive": 3}
        assert content["excluded"] == {"conflict": 1, "incomplete": 1, "no-sentiment": 1}
        train = read(tmp_path / "d", "train")
        assert set(zip(train["label"], train["sentiment"], strict=True)) == {
            ("positive", 1.5),
            ("negative", -1.0),
        }
        assert train["votes"].isna().all()


class TestBadInput:
    def test_no_harvest(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="is not there"):
            build(tmp_path / "absent", tmp_path / "d")
        assert not (tmp_path / "d").exists()

    def test_no_post_left_names_the_reasons(self, tmp_path: Path) -> None:
        posts = [post(number, status="deleted") for number in range(3)]
        folder = harvest(tmp_path / "h", posts, write_votes(tmp_path / "list", posts))
        with pytest.raises(DatasetError, match=r"no post that fits the options \(3 gone"):
            build(folder, tmp_path / "d")
        assert not (tmp_path / "d").exists()

    @pytest.mark.parametrize("beside", [[], ["dataset.json"], ["dataset.json", "data"]])
    def test_a_folder_that_is_no_data_set_is_not_overwritten(
        self, votes_harvest: Path, tmp_path: Path, beside: list[str]
    ) -> None:
        for name in ("thesis.tex", *beside):
            (tmp_path / name).write_text("years of work", encoding="utf-8")
        with pytest.raises(DatasetError, match=r"holds '(thesis\.tex|data)'"):
            build(votes_harvest, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["thesis.tex", *beside])

    def test_a_data_set_is_not_built_inside_another(
        self, votes_harvest: Path, tmp_path: Path
    ) -> None:
        build(votes_harvest, tmp_path / "d")
        with pytest.raises(DatasetError, match="lies inside the data set"):
            build(votes_harvest, tmp_path / "d" / "data" / "inner")

    def test_the_harvest_is_not_overwritten(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(20)]
        folder = harvest(tmp_path / "d" / "features", posts, write_votes(tmp_path / "list", posts))
        with pytest.raises(DatasetError, match="holds the input"):
            build(folder, tmp_path / "d")
        assert (folder / "ledger.sqlite").is_file()

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"language": "EN"}, "--language EN: give one of af, "),
            ({"incomplete": "maybe"}, "--incomplete maybe is not known: give keep or drop"),
            ({"min_words": 9, "max_words": 8}, "--min-words 9"),
            ({"short_side": 1}, "--short-side 1"),
        ],
    )
    def test_invalid_options(
        self, votes_harvest: Path, tmp_path: Path, fields: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(DatasetError, match=said):
            build(votes_harvest, tmp_path / "d", **fields)
        assert not list(tmp_path.iterdir())

    def test_empty_validation_and_test_are_reported(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(4)]
        folder = harvest(tmp_path / "h", posts, write_votes(tmp_path / "list", posts))
        said: list[str] = []
        build(folder, tmp_path / "d", said)
        assert any("validation or test is empty" in line for line in said)

    def test_a_harvest_on_a_read_only_file_system_is_read(self, tmp_path: Path) -> None:
        # Root may write anywhere, so writing the log of the ledger is made impossible instead.
        posts = [post(number) for number in range(20)]
        folder = harvest(tmp_path / "h", posts, write_votes(tmp_path / "list", posts))
        for ending in ("-wal", "-shm"):
            (folder / f"ledger.sqlite{ending}").unlink(missing_ok=True)
            (folder / f"ledger.sqlite{ending}").mkdir()
        assert build(folder, tmp_path / "d")["counts"]["train"]["total"] == 16

    def test_a_failed_build_leaves_the_previous_data_set(
        self, votes_harvest: Path, tmp_path: Path
    ) -> None:
        build(votes_harvest, tmp_path / "d")
        before = open_dataset(tmp_path / "d")
        with pytest.raises(DatasetError, match="no post that fits the options"):
            build(votes_harvest, tmp_path / "d", min_votes=1000)
        assert open_dataset(tmp_path / "d") == before
        assert [path.name for path in tmp_path.iterdir()] == ["d"]

    def test_a_picture_that_does_not_decode_is_named_and_left_out(self, tmp_path: Path) -> None:
        posts = [post(number, image=jpeg(number, 400, 300)) for number in range(5)]
        folder = harvest(tmp_path / "h", posts, write_votes(tmp_path / "list", posts))
        image_path(folder / "images", posts[0].photo_id).write_bytes(posts[0].jpeg()[:500])
        image_path(folder / "images", posts[1].photo_id).unlink()
        image_path(folder / "images", posts[2].photo_id).write_bytes(jpeg(99))
        said: list[str] = []
        content = build(folder, tmp_path / "d", said)
        assert content["counts"]["train"]["subsets"]["text+tags"] == 3
        for lost in posts[:3]:
            assert any(lost.photo_id in line and "left out" in line for line in said)

    def test_pictures_left_out_are_fetched_again_by_the_next_crawl(self, tmp_path: Path) -> None:
        posts = [post(number, image=jpeg(number, 400, 300)) for number in range(5)]
        published_list = write_votes(tmp_path / "list", posts)
        folder = harvest(tmp_path / "h", posts, published_list)
        for spoilt, data in ((posts[0], posts[0].jpeg()[:500]), (posts[2], jpeg(99))):
            image_path(folder / "images", spoilt.photo_id).write_bytes(data)
        image_path(folder / "images", posts[1].photo_id).unlink()
        said: list[str] = []
        with FileLock(folder / ".crawl.lock"):  # a crawl is at work
            build(folder, tmp_path / "d", said)
        assert any("3 pictures are not marked to be fetched again" in line for line in said)
        build(folder, tmp_path / "d", said)
        assert any(line.endswith("fetches 3 pictures again") for line in said)
        with SandboxServer(Corpus(posts)) as server:
            crawl(options(published_list, folder, server), print)
            assert (server.stats.images, server.stats.api.total()) == (3, 0)
        content = build(folder, tmp_path / "d", said)
        complete = [it["subsets"]["image+text+tags"] for it in content["counts"].values()]
        assert complete == [3, 1, 1]

    def test_a_damaged_data_set_from_before_digests_is_named(
        self, votes_harvest: Path, tmp_path: Path
    ) -> None:
        content = build(votes_harvest, tmp_path / "d")
        for name in ("files", "sha256"):
            del content[name]
        content["version"] = 2
        (tmp_path / "d" / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
        shard = tmp_path / "d" / "data" / "test-00000-of-00001.parquet"
        whole = shard.read_bytes()
        table = pq.read_table(shard)
        pq.write_table(table.slice(0, 3), shard)
        with pytest.raises(DatasetError, match="holds 3 posts of test"):
            open_dataset(tmp_path / "d")
        pq.write_table(table.drop_columns(["modalities"]), shard)
        with pytest.raises(DatasetError, match="lacks the column modalities"):
            open_dataset(tmp_path / "d")
        shard.write_bytes(whole[:-100])
        with pytest.raises(DatasetError, match="cannot be read"):
            open_dataset(tmp_path / "d")
        shard.write_bytes(whole)
        (tmp_path / "d" / "vocabulary.json").write_text('{"words": {}}', encoding="utf-8")
        with pytest.raises(DatasetError, match=r"vocabulary\.json is damaged"):
            open_dataset(tmp_path / "d").vocabulary()

    def test_no_data_set(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"dataset\.json is not there"):
            open_dataset(tmp_path)
        (tmp_path / "dataset.json").write_text("{", encoding="utf-8")
        with pytest.raises(DatasetError, match="cannot be read"):
            open_dataset(tmp_path)
