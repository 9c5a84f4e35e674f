"""A build takes over what has not changed, and gives what a build from nothing gives."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flickr_emotion.common.takedown.tombstones import POST, Tombstones, tombstone
from flickr_emotion.datasets.build import reuse
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.folder.layout import BUILT_FROM, JUDGED
from flickr_emotion.datasets.judging import local_engine, text_filter
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.takedown.takedown import take_down_dataset
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.pictures.files import image_path
from tests.harvest.corpora import crawl_posts, jpeg, post

POSTS = [
    *(post(number, title=f"The tall house number {number} by the sea") for number in range(30)),
    *(post(number, title="La maison est au bord de la rivière") for number in range(30, 35)),
    *(post(number, status="deleted") for number in range(35, 38)),
]


@pytest.fixture(scope="module")
def texts_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    crawl_posts(folder, POSTS, images=False)
    return folder / "harvest"


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictured")
    crawl_posts(folder, [post(number, image=jpeg(number, 400, 300)) for number in range(20)])
    return folder / "harvest"


@pytest.fixture
def harvest(texts_only: Path, tmp_path: Path) -> Path:
    """A harvest that a test may change."""
    return Path(shutil.copytree(texts_only, tmp_path / "harvest"))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are judged from now on."""
    found: list[str] = []
    judge = text_filter.TextFilter.judge

    def counting(it: Any, texts: Any, known: Any = None) -> Any:
        found.extend(texts)
        return judge(it, texts, known)

    monkeypatch.setattr(text_filter.TextFilter, "judge", counting)
    return found


def build(harvest: Path, out: Path, said: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    say = ([] if said is None else said).append
    return build_splits(harvest, out, BuildOptions(**fields), say)


def change(harvest: Path, sql: str) -> None:
    with sqlite3.connect(harvest / "ledger.sqlite") as ledger:
        ledger.execute(sql)
    ledger.close()


def differing(one: Path, other: Path) -> list[str]:
    """Return the names of files that two data sets do not have with the same bytes."""
    folders = [
        {path.relative_to(it).as_posix(): path.read_bytes() for path in it.rglob("*.*")}
        for it in (one, other)
    ]
    # Both name the harvest's folder; in the second, what lies under nulls may differ too.
    names = sorted({*folders[0], *folders[1]} - {BUILT_FROM, JUDGED})
    tables = [pa.ipc.open_file(it / JUDGED).read_all() for it in (one, other)]
    judged = [table.drop_columns("picture_error").to_pydict() for table in tables]
    assert judged[0] == judged[1]
    return [name for name in names if folders[0].get(name) != folders[1].get(name)]


class TestNothingChanged:
    def test_the_data_set_stays_and_warnings_are_said_again(
        self, harvest: Path, tmp_path: Path, judged: list[str]
    ) -> None:
        first: list[str] = []
        again: list[str] = []
        content = build(harvest, tmp_path / "d", first)
        inode = (tmp_path / "d").stat().st_ino
        judged.clear()
        assert build(harvest, tmp_path / "d", again) == json.loads(json.dumps(content))
        assert not judged
        assert (tmp_path / "d").stat().st_ino == inode, "it was not even written again"
        assert again[:-1] == first
        assert "nothing has changed" in again[-1]

    @pytest.mark.parametrize("fields", [{"min_votes": 4}, {"max_words": 50}, {"seed": 3}])
    def test_other_options(self, harvest: Path, tmp_path: Path, fields: dict[str, Any]) -> None:
        build(harvest, tmp_path / "d")
        build(harvest, tmp_path / "d", **fields)
        build(harvest, tmp_path / "new", **fields)
        assert not differing(tmp_path / "d", tmp_path / "new")

    def test_other_code(
        self, harvest: Path, tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(harvest, tmp_path / "d")
        judged.clear()
        monkeypatch.setattr(reuse, "_code", lambda: "another edition")
        build(harvest, tmp_path / "d")
        assert len(judged) == 35

    @pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "README.md", BUILT_FROM])
    def test_a_file_is_damaged_or_missing(self, harvest: Path, tmp_path: Path, name: str) -> None:
        build(harvest, tmp_path / "new")
        build(harvest, tmp_path / "d")
        path = tmp_path / "d" / name
        if name.endswith(".parquet"):
            path.write_bytes(path.read_bytes()[:-20] + bytes(20))
        else:
            path.unlink()
        build(harvest, tmp_path / "d")
        assert not differing(tmp_path / "d", tmp_path / "new")

    @pytest.mark.parametrize(
        ("sql", "message"),
        [
            ("UPDATE photos SET farm = 'no number' WHERE rowid = 3", "farm in table photos"),
            ("UPDATE listed SET agree = 'many' WHERE row = 4", "agree in table listed"),
            # The rows of a photo cannot be put into an order.
            (
                "INSERT INTO listed (file, row, photo_id) "
                "SELECT x'00', 1, photo_id FROM photos WHERE rowid = 3",
                "file in table listed",
            ),
            ("INSERT INTO tombstones VALUES ('a', 'nothing', 'b', '')", "what in table tombstones"),
        ],
    )
    def test_a_changed_ledger_is_checked_again(
        self, harvest: Path, tmp_path: Path, sql: str, message: str
    ) -> None:
        build(harvest, tmp_path / "d")
        change(harvest, sql)
        with pytest.raises(HarvestError, match=f"its {message}"):
            build(harvest, tmp_path / "d")

    def test_pictures_are_looked_at(self, pictured: Path, tmp_path: Path) -> None:
        """The ledger does not say whether the file of a picture is still the same."""
        harvest = Path(shutil.copytree(pictured, tmp_path / "harvest"))
        build(harvest, tmp_path / "d")
        build(harvest, tmp_path / "d")
        changed, damaged, gone = (
            image_path(harvest / "images", post(number).photo_id) for number in range(3)
        )
        changed.write_bytes(jpeg(99, 400, 300))
        damaged.write_bytes(damaged.read_bytes()[:-9])
        gone.unlink()
        # A build asks the ledger for such pictures again, so each needs its own.
        shutil.copytree(harvest, tmp_path / "copy")
        said: list[str] = []
        build(harvest, tmp_path / "d", said)
        assert sum("left out" in line for line in said) == 4
        build(tmp_path / "copy", tmp_path / "new")
        assert not differing(tmp_path / "d", tmp_path / "new")
        # They are looked at until they are whole.
        shutil.rmtree(harvest)
        shutil.copytree(pictured, harvest)
        build(harvest, tmp_path / "d")
        build(pictured, tmp_path / "whole")
        assert not differing(tmp_path / "d", tmp_path / "whole")


class TestSomePostsChanged:
    @pytest.mark.parametrize(
        ("sql", "count"),
        [
            ("UPDATE photos SET title = 'Another one beside the sea' WHERE rowid % 10 = 0", 3),
            ("UPDATE photos SET tags = '[\"sea\"]', owner = 'x' WHERE rowid = 2", 1),
            ("UPDATE photos SET api_outcome = 'gone' WHERE rowid = 2", 0),
            ("UPDATE photos SET api_outcome = 'ok', title = 'a' WHERE rowid = 37", 1),
            ("UPDATE listed SET agree = 1 WHERE row % 7 = 0", 0),
            ("UPDATE listed SET emotion = 'fear'", 35),
            ("DELETE FROM listed WHERE row = 4", 0),
        ],
    )
    def test_only_they_are_judged(
        self, harvest: Path, tmp_path: Path, judged: list[str], sql: str, count: int
    ) -> None:
        build(harvest, tmp_path / "d")
        change(harvest, sql)
        judged.clear()
        build(harvest, tmp_path / "d")
        assert len(judged) == count
        build(harvest, tmp_path / "new")
        assert not differing(tmp_path / "d", tmp_path / "new")

    def test_other_processes_judge_and_check_the_same(
        self, harvest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(harvest, tmp_path / "d")
        build(harvest, tmp_path / "new")
        change(harvest, "UPDATE photos SET title = 'Another one by the sea' WHERE rowid IN (1, 33)")
        build(harvest, tmp_path / "new")
        with monkeypatch.context() as patch:
            patch.setattr(local_engine, "POSTS_PER_BATCH", 4)
            patch.setattr(local_engine, "_RANGES_HERE", 0)
            build_splits(harvest, tmp_path / "d", processes=2)
            assert not differing(tmp_path / "d", tmp_path / "new")
            change(harvest, "UPDATE photos SET farm = 'no number' WHERE rowid = 30")
            with pytest.raises(HarvestError, match="its farm in table photos"):
                build_splits(harvest, tmp_path / "d", processes=2)

    def test_pictures_are_taken_over(
        self, pictured: Path, tmp_path: Path, judged: list[str]
    ) -> None:
        harvest = Path(shutil.copytree(pictured, tmp_path / "harvest"))
        build(harvest, tmp_path / "d", group_by=("owner",))
        for title in ("Another title of this post", "Yet another title"):
            change(harvest, f"UPDATE photos SET title = '{title}' WHERE rowid = 5")
            judged.clear()
            build(harvest, tmp_path / "d", group_by=("owner",))
            assert len(judged) < 20
        build(harvest, tmp_path / "new", group_by=("owner",))
        assert not differing(tmp_path / "d", tmp_path / "new")

    @pytest.mark.parametrize("damage", ["a bit", "all", "gone"])
    def test_damaged_judged_posts_cost_only_time(
        self, harvest: Path, tmp_path: Path, judged: list[str], damage: str
    ) -> None:
        build(harvest, tmp_path / "d")
        change(harvest, "UPDATE photos SET title = 'Another one beside the sea' WHERE rowid = 1")
        path = tmp_path / "d" / JUDGED
        whole = bytearray(path.read_bytes())
        whole[len(whole) // 2] ^= 1
        path.write_bytes(whole if damage == "a bit" else b"ARROW1")
        if damage == "gone":
            path.unlink()
        judged.clear()
        build(harvest, tmp_path / "d")
        assert len(judged) == 35
        build(harvest, tmp_path / "new")
        assert not differing(tmp_path / "d", tmp_path / "new")


def test_takedown_leaves_nothing_of_a_withdrawn_post(harvest: Path, tmp_path: Path) -> None:
    build(harvest, tmp_path / "d")
    stones = Tombstones.of([tombstone(POST, POSTS[0].photo_id, "asked")])
    take_down_dataset(tmp_path / "d", stones, {}, lambda ids: {}, [POSTS[0].photo_id])
    assert not (tmp_path / "d" / BUILT_FROM).exists()
    assert not (tmp_path / "d" / JUDGED).exists()
