"""``attribution``: whom to name, by the ledger of a real harvest."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.inspect.attribution import write_attribution
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.commands import run
from tests.harvest.corpora import options, post, write_votes

LICENSES = (4, 16, 9, 0)  # CC BY 2.0, CC BY-NC-ND 4.0, CC0, all rights reserved
HOSTILE = "=1+1 [a](http://x.example) <b>|`code`\u202e"
POSTS = [
    post(number, license=LICENSES[number % 4], **({"title": HOSTILE} if number == 0 else {}))
    for number in range(40)
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("attribution")
    published = write_votes(folder / "list", POSTS, ("awe", "fear"))
    with SandboxServer(Corpus(POSTS)) as server:
        crawl(options(published, folder / "h", server), lambda line: None)
    build_splits(folder / "h", folder / "d", BuildOptions(), lambda line: None)
    return folder / "d", folder / "h"


def test_each_post_whose_licence_asks_for_it_is_named(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run("attribution", *folders, "--out", tmp_path / "a.csv")
    assert (done.code, done.err) == (0, "")
    assert "20 posts in" in done.out
    assert "10 posts need no attribution, and for 10 no licence allows use" in done.out
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["photo_id"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {it.photo_id for it in POSTS if it.license in (4, 16)}
    assert rows[POSTS[5].photo_id] == {
        "photo_id": POSTS[5].photo_id,
        "title": POSTS[5].title,
        "owner": POSTS[5].owner,
        "owner_name": "",
        "license": "CC BY-NC-ND 4.0",
        "license_url": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
        "page": f"https://www.flickr.com/photos/{POSTS[5].owner}/{POSTS[5].photo_id}",
    }


def test_a_title_adds_no_markup(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = write_attribution(*folders, tmp_path / "a.md")
    assert (found.named, found.free, found.reserved, found.missing) == (20, 10, 10, 0)
    (line,) = [
        line
        for line in (tmp_path / "a.md").read_text(encoding="utf-8").splitlines()
        if f"/{POSTS[0].photo_id})" in line
    ]
    assert line == (
        f"- [=1+1 \\[a\\](http://x.example) &lt;b>\\|\\`code\\`\ufffd]"
        f"(https://www.flickr.com/photos/{POSTS[0].owner}/{POSTS[0].photo_id}) by "
        f"{POSTS[0].owner}, [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)"
    )


def test_posts_that_the_harvest_has_dropped_are_counted(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset, harvest = folders
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / FILE_NAME).write_bytes((harvest / FILE_NAME).read_bytes())
    with closing(sqlite3.connect(tmp_path / "h" / FILE_NAME)) as connection, connection:
        connection.execute(
            "UPDATE photos SET api_outcome = 'gone', title = NULL, owner = NULL, license = NULL "
            "WHERE photo_id = ?",
            [POSTS[0].photo_id],
        )
    found = write_attribution(dataset, tmp_path / "h", tmp_path / "a.csv")
    assert (found.named, found.missing) == (19, 1)


@pytest.mark.parametrize(
    ("dataset", "harvest", "out", "message"),
    [
        ("d", "h", "a.txt", "give a file that ends with .csv or .md"),
        ("h", "h", "a.csv", "dataset.json is not there"),
        ("d", "d", "a.csv", "ledger.sqlite is not there"),
        ("d", "h", "none/a.csv", "cannot be written"),
    ],
)
def test_wrong_places(
    folders: tuple[Path, Path], tmp_path: Path, dataset: str, harvest: str, out: str, message: str
) -> None:
    places = dict(zip("dh", folders, strict=True))
    with pytest.raises((DatasetError, HarvestError), match=message):
        write_attribution(places[dataset], places[harvest], tmp_path / out)


def test_names_are_in_no_file_of_the_data_set_and_in_no_manifest(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset, _ = folders
    manifest = tmp_path / "m.parquet"
    export_manifest(dataset, manifest)
    tables = [*dataset.rglob("*.parquet"), manifest]
    said = "".join(str(pq.read_table(it).to_pylist()) for it in tables)
    for text in (*dataset.glob("*.json"), *dataset.glob("*.md")):
        said += text.read_text(encoding="utf-8")
    assert POSTS[0].photo_id in said
    assert not [it.owner for it in POSTS if it.owner in said or it.owner_name in said]
