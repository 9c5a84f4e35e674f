"""``takedown`` over real folders, as a user calls it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from flickr_emotion.commands.takedown import spread
from flickr_emotion.common.takedown.tombstones import POST, digest_of
from flickr_emotion.datasets.corrections.table import (
    UNFIT,
    Correction,
    corrections_beside,
    read_corrections,
    write_corrections,
)
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path
from tests.byte_scan import traces
from tests.commands import refusal, run
from tests.full_disk import files_of_at_most
from tests.harvest.corpora import post, url_of
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset
from tests.takedown_world import (
    OTHER,
    OTHERS,
    OWNER,
    POSTS,
    WITHDRAWN,
    build,
    copied,
    crawl_list,
    make_list,
    traces_of,
)

GONE = WITHDRAWN.photo_id
PAGE = f"https://www.flickr.com/photos/{OWNER}/{GONE}/"
TRACES = traces_of(WITHDRAWN)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list, its harvest, the data set and its manifest: do not change them."""
    folder = tmp_path_factory.mktemp("takedown")
    crawl_list(make_list(folder / "list"), folder / "harvest")
    build(folder / "harvest", folder / "dataset")
    assert run("manifest", "export", folder / "dataset", "--out", folder / "m1.parquet").code == 0
    return folder


@pytest.fixture(scope="module")
def after(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a takedown of harvest and data set: do not change it."""
    folder = copied(before, tmp_path_factory.mktemp("after") / "place")
    done = run("takedown", PAGE, "--in", folder / "harvest", folder / "dataset", "--reason", "why")
    assert done.code == 0, done
    assert run("manifest", "export", folder / "dataset", "--out", folder / "m2.parquet").code == 0
    return folder


@pytest.fixture(scope="module")
def theirs(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collaborator's harvest and data set, from the manifest before the takedown."""
    folder = tmp_path_factory.mktemp("theirs")
    crawl_list(before / "m1.parquet", folder / "harvest")
    build(folder / "harvest", folder / "dataset")
    return folder


@pytest.fixture
def place(before: Path, tmp_path: Path) -> Path:
    """A copy of the folders before any takedown."""
    return copied(before, tmp_path / "place")


def rows_of(dataset: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(dataset / name).to_pylist()  # type: ignore[no-any-return]


def shards(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((dataset / "data").iterdir())}


def ledger_rows(harvest: Path, table: str) -> list[dict[str, Any]]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return [dict(row) for row in ledger.query(f"SELECT * FROM {table}")]


def held(folder: Path) -> set[str]:
    return {line.partition(" in ")[0] for line in traces([folder], TRACES)}


class TestNothingIsLeft:
    def test_everything_is_there_before_and_nothing_afterwards(
        self, before: Path, after: Path
    ) -> None:
        both = [before / "harvest", before / "dataset"]
        assert {line.partition(" in ")[0] for line in traces(both, TRACES)} == {*TRACES}
        assert traces([after / "harvest", after / "dataset", after / "m2.parquet"], TRACES) == []

    def test_what_stays_is_whole(self, after: Path) -> None:
        for folder in ("harvest", "dataset"):
            done = run("verify", after / folder)
            assert done.code == 0, done
        assert json.loads(run("status", after / "harvest", "--json").out)["photos"] == len(OTHERS)
        assert "withdrawn  1" in run("inspect", after / "dataset").out

    def test_a_row_deleted_long_before_is_not_left_in_free_pages(self, place: Path) -> None:
        """Older versions of a post's text are in pages that SQLite has freed."""
        ledger = place / "harvest" / FILE_NAME
        with sqlite3.connect(ledger) as connection:
            connection.executescript(
                "PRAGMA secure_delete = OFF; CREATE TABLE older (text TEXT);"
                "INSERT INTO older VALUES ('A petrichor of long ago'); DROP TABLE older;"
                "PRAGMA wal_checkpoint(TRUNCATE)"
            )
        connection.close()
        assert b"petrichor of long ago" in ledger.read_bytes()
        run("takedown", GONE, "--in", place / "harvest")
        assert held(place / "harvest") == set()


class TestOtherPosts:
    def test_their_rows_are_the_same(self, before: Path, after: Path) -> None:
        for table in ("photos", "listed", "evidence", "places", "calls", "files", "pairs"):
            old = [it for it in ledger_rows(before / "harvest", table) if GONE not in it.values()]
            assert ledger_rows(after / "harvest", table) == old
        for name in ("references.parquet", "data/train-00000-of-00001.parquet"):
            old = [it for it in rows_of(before / "dataset", name) if it["photo_id"] != GONE]
            assert rows_of(after / "dataset", name) == old
        for it in OTHERS:
            path = image_path(after / "harvest" / "images", it.photo_id)
            assert path.read_bytes() == it.image

    def test_shards_without_the_post_are_the_same_bytes(self, before: Path, after: Path) -> None:
        old, new = shards(before / "dataset"), shards(after / "dataset")
        assert {name for name in old if old[name] != new[name]} == {"train-00000-of-00001.parquet"}

    def test_counts_and_vocabulary_are_those_of_the_posts(self, after: Path) -> None:
        dataset = open_dataset(after / "dataset")
        train = [it for batch in dataset.batches("train", ["text", "tags"]) for it in batch]
        vocabulary = dataset.vocabulary()
        assert vocabulary.words == Counter(w for it in train for w in words(it["text"]))
        assert vocabulary.tags == Counter(tag for it in train for tag in it["tags"])
        assert sum(it["total"] for it in dataset.counts.values()) == len(OTHERS)
        assert dataset.described["texts"]["kept"] == len(OTHERS)
        assert dataset.described["excluded"] == {"withdrawn": 1}
        excluded = rows_of(after / "dataset", "excluded.parquet")
        name = f"tombstone {digest_of(POST, GONE)[:16]}"
        assert excluded == [{"photo_id": None, "source": name, "reason": "withdrawn"}]

    @pytest.mark.slow
    def test_the_next_build_decides_nothing_anew(self, after: Path, tmp_path: Path) -> None:
        """What was decided on the other posts stays, and on the withdrawn one nothing does."""
        old = rows_of(after / "dataset", "decisions.parquet")
        place = copied(after, tmp_path / "place")
        build(place / "harvest", place / "dataset")
        new = rows_of(place / "dataset", "decisions.parquet")
        assert sorted(it["digest"] for it in new) == sorted(it["digest"] for it in old)


class TestItStaysAway:
    def test_a_tombstone_says_when_and_why(self, after: Path) -> None:
        (stone,) = json.loads((after / "dataset" / "tombstones.json").read_text())["tombstones"]
        assert stone["digest"] == digest_of(POST, GONE)
        assert (stone["what"], stone["reason"], len(stone["date"])) == ("post", "why", 10)
        assert ledger_rows(after / "harvest", "tombstones") == [stone]

    def test_no_list_and_no_build_brings_it_back(self, after: Path, tmp_path: Path) -> None:
        place = copied(after, tmp_path / "place")
        crawl_list(place / "list", place / "harvest")
        more = post(500)
        with (place / "list" / "emotions_1.csv").open("a") as file:  # a file of other content
            file.write(f"awe,{url_of(more)},0,5\n")
        crawl_list(place / "list", place / "harvest", [*POSTS, more])
        crawl_list(place / "list", place / "harvest", [*POSTS, more], refresh=True)
        assert len(ledger_rows(place / "harvest", "photos")) == len(OTHERS) + 1
        build(place / "harvest", place / "dataset")
        build(place / "harvest", place / "another")
        folders = [place / name for name in ("harvest", "dataset", "another")]
        assert traces(folders, TRACES) == []
        for dataset in folders[1:]:
            assert open_dataset(dataset).described["excluded"]["withdrawn"] == 1
            assert len(open_dataset(dataset).tombstones) == 1

    def test_a_build_over_a_data_set_keeps_to_its_tombstones(self, place: Path) -> None:
        """The harvest was not given, so it still holds the post."""
        run("takedown", GONE, "--in", place / "dataset")
        build(place / "harvest", place / "dataset")
        assert held(place / "dataset") == set()
        assert "id" in held(place / "harvest")

    def test_own_posts(self, tmp_path: Path) -> None:
        rows = [f"p{n},awe,walking along the river in warm light {n},me\n" for n in range(30)]
        rows += [f"q{n},fear,running from the tall dark tower again {n},you\n" for n in range(30)]
        posts = tmp_path / "posts.csv"
        posts.write_text("id,label,text,owner\n" + "".join(rows))
        dataset = build(posts, tmp_path / "d")
        assert run("takedown", "p7", "--owner", "you", "--in", dataset).code == 0
        build(posts, dataset)
        total = sum(it["total"] for it in open_dataset(dataset).counts.values())
        assert (total, open_dataset(dataset).described["excluded"]) == (29, {"withdrawn": 31})
        assert traces([dataset], {"an id": b"q17", "a text": b"dark tower"}) == []
        assert run("verify", dataset).code == 0

    def test_the_corrections_beside_the_data_set(self, place: Path) -> None:
        found = {
            it: Correction(photo_id=it, what=UNFIT, was="awe", when="2026-11-30T12:00:00Z")
            for it in (GONE, OTHERS[0].photo_id)
        }
        table = corrections_beside(place / "dataset")
        write_corrections(found, table)
        said = run("takedown", GONE, "--in", place / "dataset").out
        assert "dataset.corrections.csv: the rows that name a withdrawn post are removed" in said
        assert [*read_corrections(table)] == [OTHERS[0].photo_id]
        write_corrections(found, table)  # a reader whose page was still open
        run("takedown", GONE, "--in", place / "dataset")
        assert [*read_corrections(table)] == [OTHERS[0].photo_id]

    def test_a_reduced_data_set_keeps_the_tombstones(self, after: Path, tmp_path: Path) -> None:
        run("reduce", after / "dataset", "--out", tmp_path / "r", "--fraction", 0.5)
        assert len(open_dataset(tmp_path / "r").tombstones) == 1
        run("takedown", OTHERS[0].photo_id, "--in", tmp_path / "r")
        assert run("verify", tmp_path / "r").code == 0
        assert len(open_dataset(tmp_path / "r").tombstones) == 2


class TestCollaborators:
    def test_a_newer_manifest_comes_after_a_takedown_of_their_own(
        self, after: Path, theirs: Path, tmp_path: Path
    ) -> None:
        place = copied(theirs, tmp_path / "place")
        assert run("takedown", OTHERS[3].photo_id, "--in", place / "harvest").code == 0
        crawl_list(after / "m2.parquet", place / "harvest")
        assert held(place / "harvest") == set()
        assert len(ledger_rows(place / "harvest", "photos")) == len(OTHERS) - 1

    def test_a_newer_manifest_takes_the_post_from_their_folders(
        self, after: Path, theirs: Path, tmp_path: Path
    ) -> None:
        place = copied(theirs, tmp_path / "place")
        found = run("manifest", "verify", after / "m2.parquet", place / "harvest", "--json")
        assert (found.code, json.loads(found.out)["still_held"]) == (3, 1)
        said = crawl_list(after / "m2.parquet", place / "harvest")
        assert any("1 posts were withdrawn" in line for line in said)
        build(place / "harvest", place / "dataset")
        assert traces([place / "harvest", place / "dataset"], TRACES) == []
        found = run("manifest", "verify", after / "m2.parquet", place / "harvest")
        assert found.code == 0, found
        assert open_dataset(place / "dataset").digest == open_dataset(after / "dataset").digest
        again = run("manifest", "export", place / "dataset", "--out", tmp_path / "m3.parquet")
        assert again.code == 0
        assert (tmp_path / "m3.parquet").read_bytes() == (after / "m2.parquet").read_bytes()

    def test_the_older_manifest_is_not_taken_back(self, after: Path, before: Path) -> None:
        found = run("manifest", "verify", before / "m1.parquet", after / "harvest", "--json")
        assert (found.code, json.loads(found.out)["withdrawn"]) == (3, 1)

    @pytest.mark.slow
    def test_a_new_harvest_of_it_never_asks_for_the_post(self, after: Path, tmp_path: Path) -> None:
        crawl_list(after / "m2.parquet", tmp_path / "harvest")
        build(tmp_path / "harvest", tmp_path / "dataset")
        assert len(open_dataset(tmp_path / "dataset").tombstones) == 1
        assert open_dataset(tmp_path / "dataset").digest == open_dataset(after / "dataset").digest

    def test_its_tombstones_are_enough_for_a_takedown(
        self, after: Path, theirs: Path, tmp_path: Path
    ) -> None:
        place = copied(theirs, tmp_path / "place")
        both = [place / "dataset", place / "harvest"]
        assert run("takedown", "--file", after / "m2.parquet", "--in", *both).code == 0
        assert traces(both, TRACES) == []

    @pytest.mark.slow
    def test_a_manifest_of_other_posts_is_another_one(
        self, after: Path, before: Path, tmp_path: Path
    ) -> None:
        build(before / "harvest", tmp_path / "other", seed=5)
        run("takedown", GONE, "--in", tmp_path / "other")
        run("manifest", "export", tmp_path / "other", "--out", tmp_path / "m.parquet")
        crawl_list(after / "m2.parquet", tmp_path / "h")
        with pytest.raises(Exception, match=r"is another one: .* run `takedown --file"):
            crawl_list(tmp_path / "m.parquet", tmp_path / "h")


class TestOwners:
    def test_all_posts_of_an_owner_go(self, place: Path) -> None:
        both = [place / "dataset", place / "harvest"]
        assert run("takedown", "--owner", OWNER, "--in", *both).code == 0
        assert traces(both, TRACES) == []
        assert {it["what"] for it in ledger_rows(place / "harvest", "tombstones")} == {
            "owner",
            "post",
        }
        assert len(ledger_rows(place / "harvest", "photos")) == len(OTHERS)

    def test_a_data_set_alone_knows_its_owners(self, place: Path) -> None:
        assert run("takedown", "--owner", OWNER, "--in", place / "dataset").code == 0
        assert held(place / "dataset") == set()

    def test_posts_that_were_not_fetched_yet_do_not_come(
        self, before: Path, tmp_path: Path
    ) -> None:
        harvest = tmp_path / "harvest"
        crawl_list(before / "list", harvest, limit=10)
        assert run("takedown", "--owner", OWNER, "--in", harvest).code == 0
        said = crawl_list(before / "list", harvest)
        assert "1 withdrawn posts are removed, and nothing of them is kept" in said
        assert held(harvest) == set()
        assert len(ledger_rows(harvest, "photos")) == len(OTHERS)


class TestHowPostsAreNamed:
    @pytest.mark.parametrize(
        "name", [GONE, PAGE, f"https://flic.kr/p/{'2gwFz8y'}", url_of(WITHDRAWN), f"{GONE}.jpg"]
    )
    def test_by_any_name_of_a_photo(self, name: str) -> None:
        from flickr_emotion.harvest.takedown.requests import withdrawal_of

        found = withdrawal_of([name], [], None, "why")
        assert GONE in found.photo_ids or name.startswith("https://flic.kr")

    def test_several_in_a_file(self, place: Path) -> None:
        file = place / "gone.txt"
        file.write_text(f"# asked for on Monday\n{PAGE}\n\n{OTHERS[0].photo_id}\n")
        done = run("takedown", "--file", file, "--in", place / "dataset", place / "harvest")
        assert done.code == 0, done
        assert "2 posts removed from the data set" in done.out
        assert len(ledger_rows(place / "harvest", "photos")) == len(OTHERS) - 1

    def test_an_unknown_photo_gets_a_tombstone(self, place: Path) -> None:
        listed = post(77_777)
        done = run("takedown", listed.photo_id, "--in", place / "harvest", place / "dataset")
        assert (done.code, f"no folder holds photo {listed.photo_id}" in done.out) == (0, True)
        with (place / "list" / "emotions_1.csv").open("a") as file:
            file.write(f"awe,{url_of(listed)},0,5\n")
        crawl_list(place / "list", place / "harvest", [*POSTS, listed])
        assert len(ledger_rows(place / "harvest", "photos")) == len(POSTS)


def test_folders_stand_after_one_option() -> None:
    given = ["takedown", "1", "--in", "h", "d", "--owner", "o", "--in=r", "s", "--file", "f"]
    ins = ["takedown", "1", "--in", "h", "--in", "d", "--owner", "o", "--in=r", "--in", "s"]
    assert spread(given) == [*ins, "--file", "f"]
    assert spread(["crawl", "--in", "a", "b"]) == ["crawl", "--in", "a", "b"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "nothing is named"),
            (["https://example.org/1"], "on no site of Flickr"),
            (["https://www.flickr.com/photos/me/"], "names no photo"),
            (["--file", "{place}/missing.txt"], "cannot be read"),
            (["--file", "{place}/list/emotions_1.csv"], "emotions_1.csv:1: "),
            (["--file", "{place}/m1.parquet"], "names no withdrawn posts"),
            (["--owner", "two words"], "is no NSID"),
            ([GONE, "--reason", f"about {GONE}"], f"names '{GONE}', which is to go"),
            (["by"], "--reason: the reason 'withdrawn by its owner' names 'by'"),
            ([GONE, "--reason", "x" * 300], "at most 200"),
        ],
    )
    def test_what_names_no_post(self, before: Path, arguments: list[str], says: str) -> None:
        given = [it.format(place=before) for it in arguments]
        assert says in refusal("takedown", *given, "--in", before / "dataset")

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("m1.parquet", "is a manifest, and nothing is removed from one"),
            ("list", "is not a data set, run or harvest folder"),
            ("nowhere", "is not there"),
        ],
    )
    def test_a_folder_of_another_kind_changes_nothing(
        self, before: Path, name: str, says: str
    ) -> None:
        digest = open_dataset(before / "dataset").digest
        assert says in refusal("takedown", GONE, "--in", before / "dataset", before / name)
        assert open_dataset(before / "dataset").digest == digest
        assert "id" in held(before / "harvest")

    @pytest.mark.parametrize(
        ("folder", "lock", "says"),
        [
            ("harvest", ".crawl.lock", "a crawl is running"),
            ("dataset", "../.dataset.building/.flickr-emotion-workspace", "a build is at work"),
            ("dataset", "features/x-0123456789abcdef/lock", "a training is computing features"),
        ],
    )
    def test_a_folder_in_use(self, place: Path, folder: str, lock: str, says: str) -> None:
        path = place / folder / lock
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            assert says in refusal("takedown", GONE, "--in", place / folder)
        assert "id" in held(place / folder)

    def test_a_damaged_data_set(self, place: Path) -> None:
        (place / "dataset" / "vocabulary.json").write_text("{}")
        assert "is damaged" in refusal("takedown", GONE, "--in", place / "dataset")

    def test_damage_does_not_get_a_new_digest(self, place: Path) -> None:
        path = place / "dataset" / "data" / "train-00000-of-00001.parquet"
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
        assert "is damaged" in refusal("takedown", GONE, "--in", place / "dataset")
        assert path.read_bytes() == damaged

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: "{}",
            lambda text: text[:-9],
            lambda text: text.replace('"from"', '"since"'),
            lambda text: text.replace('"post"', '"photo"'),
        ],
    )
    def test_damaged_tombstones_stop_a_build(
        self, after: Path, tmp_path: Path, damage: Callable[[str], str]
    ) -> None:
        place = copied(after, tmp_path / "place")
        path = place / "dataset" / "tombstones.json"
        path.write_text(damage(path.read_text()))
        line = refusal("build-splits", place / "harvest", "--out", place / "dataset")
        assert "withdrawn posts would come back" in line

    def test_a_ledger_with_tombstones_of_another_kind(self, after: Path, tmp_path: Path) -> None:
        place = copied(after, tmp_path / "place")
        with sqlite3.connect(place / "harvest" / FILE_NAME) as connection:
            connection.execute("UPDATE tombstones SET date = 'yesterday'")
        connection.close()
        for command in (["takedown", "1", "--in"], ["build-splits", "--out", place / "d"]):
            assert "is refused: the tombstone" in refusal(*command, place / "harvest")

    @pytest.mark.parametrize(
        ("name", "size"),
        [("dataset", 500), ("dataset", 5_000), ("harvest", 5_000), ("harvest", 40_000)],
    )
    def test_a_full_disk(self, place: Path, name: str, size: int) -> None:
        digest = open_dataset(place / "dataset").digest
        with files_of_at_most(size):
            line = refusal("takedown", GONE, "--in", place / name)
        assert "cannot be written" in line or "disk I/O error" in line
        assert open_dataset(place / "dataset").digest == digest
        if name == "dataset":
            assert run("verify", place / name).code == 0
        assert sorted(it.name for it in place.iterdir()) == [
            *("dataset", "harvest", "list", "m1.parquet")
        ]
        assert run("takedown", GONE, "--in", place / name).code == 0
        assert held(place / name) == set()


def test_a_data_set_of_the_first_version(tmp_path: Path) -> None:
    """It has neither digests of its files nor references."""
    numbers = {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}
    posts: dict[str, Sequence[StoredPost]] = {
        split: [separable_post(number, ("awe", "anger")[number % 2]) for number in of_split]
        for split, of_split in numbers.items()
    }
    described = write_dataset(tmp_path / "d", posts) / "dataset.json"
    options = BuildOptions().recorded() | {"incomplete": "keep"}
    content = json.loads(described.read_text()) | {"options": options, "excluded": {}, "texts": {}}
    described.write_text(json.dumps(content))
    digest = open_dataset(tmp_path / "d").digest
    gone = posts["train"][3]
    assert run("takedown", gone.photo_id, "--in", tmp_path / "d").code == 0
    found = open_dataset(tmp_path / "d")
    assert (found.digest == digest, found.counts["train"]["total"]) == (False, 19)
    assert traces([tmp_path / "d"], {"id": f"{gone.photo_id}.jpg".encode(), "tag": b"only3"}) == []


class TestExcludedPosts:
    def test_an_excluded_post_is_forgotten_too(self, before: Path, tmp_path: Path) -> None:
        foreign = replace(
            WITHDRAWN,
            title="La vieille maison est au bord de la rivière",
            description="nous avons ri jusqu'au soir",
            tags=(),
            image=b"",
            status="deleted",
        )
        posts = [foreign if it.photo_id == GONE else it for it in POSTS]
        crawl_list(before / "list", tmp_path / "harvest", posts)
        build(tmp_path / "harvest", tmp_path / "dataset")
        assert "id" in held(tmp_path / "dataset")
        digest = open_dataset(tmp_path / "dataset").digest
        run("takedown", GONE, "--in", tmp_path / "harvest", tmp_path / "dataset")
        folders = [tmp_path / "harvest", tmp_path / "dataset"]
        assert traces(folders, {"id": GONE.encode(), "number": TRACES["id as a number"]}) == []
        assert open_dataset(tmp_path / "dataset").digest == digest
        assert open_dataset(tmp_path / "dataset").described["excluded"] == {"withdrawn": 1}
        assert run("verify", tmp_path / "dataset").code == 0


def test_rows_of_a_foreign_table_go_and_notes_are_named(place: Path) -> None:
    (place / "harvest" / "notes.txt").write_text(f"ask about {GONE}")
    (place / "harvest" / "answers.csv").write_text(f'photo_id,text\n{GONE},"a\nb"\n1{GONE},c\n')
    pq.write_table(
        pa.table({"photo_id": [GONE, "1"], "label": ["awe", "fear"]}),
        place / "harvest" / "verdicts.parquet",
    )
    run("inspect", place / "dataset", "--html", place / "harvest" / "page.html")
    done = run("takedown", GONE, "--in", place / "harvest")
    assert done.code == 3
    assert "notes.txt is not a file of this program and names a withdrawn post" in done.out
    assert (place / "harvest" / "answers.csv").read_text() == f"photo_id,text\n1{GONE},c\n"
    assert rows_of(place / "harvest", "verdicts.parquet") == [{"photo_id": "1", "label": "fear"}]
    assert not (place / "harvest" / "page.html").exists()
    assert OTHER not in done.out


def test_what_describes_the_data_set_is_counted_anew(before: Path, after: Path) -> None:
    """Preferences, which only ``references.parquet`` holds, and Croissant's votes and checksums."""
    (split,) = [
        name
        for name, counts in open_dataset(before / "dataset").counts.items()
        if counts["total"] != open_dataset(after / "dataset").counts[name]["total"]
    ]
    counted = [
        sum(open_dataset(place / "dataset").counts[split]["preferences"].values())
        for place in (before, after)
    ]
    assert counted[0] - counted[1] == 1
    described = json.loads((after / "dataset" / "croissant.json").read_text(encoding="utf-8"))
    assert f"({len(POSTS) - 1} posts)" in described["rai:annotationsPerItem"]
    assert "1 withdrawn" in described["rai:dataCollectionMissingData"]
    files = open_dataset(after / "dataset").files
    named = {it["@id"]: it.get("sha256") for it in described["distribution"]}
    assert all(named[name] == files[name]["sha256"] for name in files if name in named)
    assert {"tombstones.json", "references.parquet"} <= named.keys()
