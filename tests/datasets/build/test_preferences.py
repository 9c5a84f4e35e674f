"""``build-splits --respect-preferences``, from header fields on the wire to what is excluded."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.reduce import reduce_dataset
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import options, post, write_votes
from tests.harvest.older_ledgers import make_older

# Of each ten posts: header fields and the owner's setting.
STATED: dict[int, dict[str, Any]] = {
    0: {"headers": ("Content-Usage: train-ai=n",)},
    1: {"headers": ("X-Robots-Tag: noindex", "X-Robots-Tag: noimageai")},
    2: {"headers": ("TDM-Reservation: 1",)},
    3: {"candownload": 0},
    4: {"headers": ("Content-Usage: train-ai=y", "X-Robots-Tag: noai"), "candownload": 0},
    5: {"headers": ("Content-Usage: train-ai=y",)},
}
POSTS = [
    post(number, **({"candownload": 1, "license": 4} | STATED.get(number % 10, {})))
    for number in range(80)
]
UNWANTED = {"content-usage": 8, "x-robots-tag": 16, "tdm-reservation": 8, "no-download": 8}


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preferences")
    published = write_votes(folder / "list", POSTS, ("awe", "fear"))
    with SandboxServer(Corpus(POSTS)) as server:
        crawl(options(published, folder / "h", server), lambda line: None)
    return folder / "h"


@pytest.fixture(scope="module")
def plain(harvest: Path) -> Path:
    build_splits(harvest, harvest.parent / "d", BuildOptions(), lambda line: None)
    return harvest.parent / "d"


def counted(folder: Path) -> Counter[str]:
    dataset = open_dataset(folder)
    found: Counter[str] = Counter()
    for split in SPLITS:
        found.update(dataset.counts[split]["preferences"])
    return found


def test_posts_are_counted_and_none_is_excluded_without_the_option(plain: Path) -> None:
    dataset = open_dataset(plain)
    assert dataset.described["excluded"] == {}
    assert counted(plain) == UNWANTED | {"training-allowed": 8, "not-stated": 32}
    for split in SPLITS:
        counts = dataset.counts[split]
        assert sum(counts["preferences"].values()) == counts["total"]
    assert "respect_preferences" not in dataset.options  # Manifests stay as they were.


def test_each_kind_of_no_is_a_reason(harvest: Path, plain: Path, tmp_path: Path) -> None:
    said: list[str] = []
    build_splits(harvest, tmp_path / "d", BuildOptions(respect_preferences=True), said.append)
    assert not any("not known" in line for line in said)
    described = open_dataset(tmp_path / "d").described
    assert described["excluded"] == UNWANTED
    assert described["options"]["respect_preferences"] is True
    assert counted(tmp_path / "d") == {"training-allowed": 8, "not-stated": 32}
    rows = pq.read_table(tmp_path / "d" / "excluded.parquet").to_pylist()
    reasons = {row["photo_id"]: row["reason"] for row in rows}
    assert [reasons[it.photo_id] for it in POSTS[:5]] == [*UNWANTED, "x-robots-tag"]
    # Built again in its place without the option, it is what it would have been.
    build_splits(harvest, tmp_path / "d", BuildOptions(), lambda line: None)
    assert open_dataset(tmp_path / "d").digest == open_dataset(plain).digest


def test_the_licence_is_the_reason_before_a_preference(harvest: Path, tmp_path: Path) -> None:
    chosen = BuildOptions(license="cc0", respect_preferences=True)
    with pytest.raises(DatasetError, match=r"no post that fits the options \(80 license"):
        build_splits(harvest, tmp_path / "d", chosen, lambda line: None)


def test_card_and_page_count_them(plain: Path, tmp_path: Path) -> None:
    card = (plain / "README.md").read_text(encoding="utf-8")
    table = card.partition("## Posts by preference")[2].partition("##")[0]
    (line,) = [line for line in table.splitlines() if line.startswith("| no AI (X-Robots-Tag)")]
    assert sum(map(int, line.strip("| ").split(" | ")[1:])) == 16
    write_page(inspect_dataset(plain), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h2>Posts by preference</h2>" in page
    assert '<th scope="row">no AI (X-Robots-Tag)</th><td class="number">' in page
    assert '<th scope="row">nothing stated</th>' in page


def test_a_reduced_data_set_keeps_the_counts(plain: Path, tmp_path: Path) -> None:
    reduce_dataset(plain, tmp_path / "r", fraction=0.5, seed=1)
    assert counted(tmp_path / "r") == counted(plain)
    described = json.loads((tmp_path / "r" / "croissant.json").read_text(encoding="utf-8"))
    assert described["prov:wasGeneratedBy"]["@id"] == "reduce"
    assert described["prov:wasDerivedFrom"]["prov:wasGeneratedBy"]["@id"] == "build-splits"


def test_an_older_harvest_has_no_preferences_and_the_build_says_so(
    harvest: Path, plain: Path, tmp_path: Path
) -> None:
    older = tmp_path / "h"
    older.mkdir()
    (older / "images").symlink_to(harvest / "images")
    (older / FILE_NAME).write_bytes((harvest / FILE_NAME).read_bytes())
    make_older(older / FILE_NAME, 7)
    said: list[str] = []
    build_splits(older, tmp_path / "d", BuildOptions(respect_preferences=True), said.append)
    (line,) = [line for line in said if "preferences are not known" in line]
    assert line.startswith("warning: of 80 posts")
    assert counted(tmp_path / "d") == {"not-known": 80}
    assert open_dataset(tmp_path / "d").digest == open_dataset(plain).digest


def test_posts_of_ones_own_have_none(tmp_path: Path) -> None:
    rows = "\n".join(f"{n},{'ab'[n % 2]},a quiet walk along the river {n}" for n in range(40))
    (tmp_path / "posts.csv").write_text(f"id,label,text\n{rows}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="--respect-preferences is for a harvest"):
        build_splits(
            tmp_path / "posts.csv",
            tmp_path / "d",
            BuildOptions(respect_preferences=True),
            lambda line: None,
        )
    build_splits(tmp_path / "posts.csv", tmp_path / "d", BuildOptions(), lambda line: None)
    assert "preferences" not in open_dataset(tmp_path / "d").counts["train"]
    assert "preference" not in (tmp_path / "d" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("column", ["usage", "image_headers"])
def test_a_ledger_of_a_stranger_is_refused(harvest: Path, tmp_path: Path, column: str) -> None:
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / FILE_NAME).write_bytes((harvest / FILE_NAME).read_bytes())
    with (
        Ledger(tmp_path / "h" / FILE_NAME, create=True) as ledger,
        ledger.transaction() as connection,
    ):
        connection.execute(f"""UPDATE photos SET {column} = '{{"server": ["x"]}}'""")
    with pytest.raises(HarvestError, match="image_headers or usage of photo"):
        build_splits(tmp_path / "h", tmp_path / "d", BuildOptions(), lambda line: None)
