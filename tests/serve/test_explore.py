"""Filters take the posts that they say, counts follow them, and hostile posts stay texts."""

import re
import threading
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.inspect.suspects import SCHEMA
from flickr_emotion.serve import shard_reader
from flickr_emotion.serve.explorer import SEARCHED, _with_word
from flickr_emotion.serve.filters import Filter, filter_of
from flickr_emotion.serve.server import PageServer
from flickr_emotion.serve.site import Site, open_site
from tests.harvest.corpora import jpeg
from tests.serve.conftest import ATTACK, Reader

Row = dict[str, Any]
Meets = Callable[[Row], bool]


@pytest.fixture(scope="session")
def rows(data: Path) -> list[Row]:
    """All posts as they are in the shards, with their split."""
    dataset = open_dataset(data)
    names = [it for it in dataset.schema.names if it != "image"]
    return [
        row | {"split": split}
        for split in ("train", "validation", "test")
        for batch in dataset.batches(split, names)
        for row in batch
    ]


CONDITIONS: list[tuple[Filter, Meets]] = [
    (Filter(), lambda it: True),
    (Filter(label="awe"), lambda it: it["label"] == "awe"),
    (Filter(split="test"), lambda it: it["split"] == "test"),
    (Filter(subset="image+tags"), lambda it: it["modalities"] == "image+tags"),
    (Filter(license="CC BY 2.0"), lambda it: True),
    (Filter(license="CC0"), lambda it: False),
    (Filter(words="storm"), lambda it: "storm" in (it["text"] or "")),
    (Filter(words="rage storm"), lambda it: "storm" in (it["text"] or "")),
    (Filter(words="storm sky"), lambda it: False),
    (Filter(words="stor"), lambda it: False),
    (Filter(words="number7"), lambda it: "number7" in (it["text"] or "").split()),
    (Filter(tag="riot"), lambda it: "riot" in it["tags"]),
    (Filter(tag="rio"), lambda it: False),
    (Filter(owner="o", split="train"), lambda it: it["split"] == "train"),
    (Filter(owner="nobody"), lambda it: False),
    (Filter(label="no such"), lambda it: False),
    (
        Filter(label="awe", words="sky", tag="peak", subset="text+tags"),
        lambda it: it["label"] == "awe" and it["modalities"] == "text+tags",
    ),
]


@pytest.mark.parametrize(("wanted", "meets"), CONDITIONS)
def test_a_filter_takes_the_posts_that_meet_it(
    site: Site, rows: list[Row], wanted: Filter, meets: Meets
) -> None:
    assert site.explorer is not None
    expected = [number for number, row in enumerate(rows) if meets(row)]
    assert site.explorer.find(wanted).posts.tolist() == expected


@pytest.mark.parametrize(("wanted", "meets"), CONDITIONS)
def test_counts_are_of_the_posts_that_one_more_choice_would_show(
    site: Site, rows: list[Row], wanted: Filter, meets: Meets
) -> None:
    assert site.explorer is not None
    counts = site.explorer.find(wanted).counts
    for facet, values in (("label", ("anger", "awe")), ("subset", SUBSETS)):
        for value in values:
            chosen = filter_of({**vars_of(wanted), facet: value})
            assert counts[facet][value] == len(site.explorer.find(chosen).posts)


def vars_of(wanted: Filter) -> dict[str, str]:
    return {name: value for name, value in vars(wanted).items() if isinstance(value, str)}


@pytest.mark.parametrize(
    "wanted",
    [Filter(), Filter(like=0, near=True), Filter(words="a b", tag="é", label="x&y", suspects=True)],
)
def test_an_address_holds_the_whole_filter(wanted: Filter) -> None:
    assert filter_of(dict(parse_qsl(wanted.address()))) == wanted


def test_what_a_post_holds_is_what_the_shards_hold(site: Site, rows: list[Row], data: Path) -> None:
    assert site.explorer is not None
    reader = site.explorer.reader
    names = list(range(len(rows)))
    assert [{**row, "split": None} for row in reader.posts(names)] == [
        {**row, "split": None} for row in rows
    ]
    stored = [
        row["image"]
        for split in ("train", "validation", "test")
        for row in pq.read_table(data / "data" / f"{split}-00000-of-00001.parquet").to_pylist()
    ]
    reader.will_show(names[5:20])
    for number in (19, 7, 0, len(rows) - 1):
        assert reader.picture(number) == (stored[number] and stored[number]["bytes"])


TEXTS = ["Storm at sea", "storms", "a c++ lake", "Été au lac", "l'été", "détente", None, "STRAẞE"]


@pytest.mark.parametrize(
    ("word", "found"),
    [("storm", [0]), ("sea", [0]), ("été", [3, 4]), ("lac", [3]), ("c++", [2]), ("straße", [7])],
)
def test_a_word_is_found_whole_and_in_any_case(word: str, found: list[int]) -> None:
    assert _with_word(word)(pa.array(TEXTS)).tolist() == found


def test_what_is_read_ahead_is_searched_without_the_shards(own_data: Path) -> None:
    explorer = open_site([own_data]).explorer
    assert explorer is not None
    wanted = Filter(words="storm", tag="riot")
    expected = explorer.find(wanted).posts.tolist()
    again = open_site([own_data]).explorer
    assert again is not None
    again.reader.read_ahead(SEARCHED, threading.Event())
    for shard in (own_data / "data").iterdir():
        shard.write_bytes(b"")
    assert expected
    assert again.find(wanted).posts.tolist() == expected


def test_only_so_much_is_kept_for_searches(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_reader, "_MOST_SEARCHED", 100)
    explorer = open_site([own_data]).explorer
    assert explorer is not None
    explorer.reader.read_ahead(SEARCHED, threading.Event())
    for shard in (own_data / "data").iterdir():
        shard.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"cannot be read|is damaged"):
        explorer.find(Filter(words="storm"))


def test_near_posts_are_found(site: Site, rows: list[Row]) -> None:
    assert site.explorer is not None
    twins = [number for number, row in enumerate(rows) if str(row["photo_id"]).startswith("twin")]
    assert site.explorer.find(Filter(like=twins[0])).posts.tolist() == twins
    near = site.explorer.find(Filter(near=True)).posts.tolist()
    assert {*twins} <= {*near}
    assert len(near) < len(rows)


def test_near_pictures_are_found_by_the_hashes_of_the_build(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    lines = ["photo_id,image,text,label"]
    for number in range(24):
        seed = 7 if number in (7, 20) else number
        (tmp_path / "pictures" / f"{number}.jpg").write_bytes(jpeg(seed, 96, 64))
        text = f"a lake of number{number} and of other{number} words{number}"
        lines.append(f"{number},pictures/{number}.jpg,{text},{('awe', 'fear')[number % 2]}")
    (tmp_path / "posts.csv").write_text("\n".join(lines), encoding="utf-8")
    build_splits(tmp_path / "posts.csv", tmp_path / "d", say=lambda _: None)
    explorer = open_site([tmp_path / "d"]).explorer
    assert explorer is not None
    seven = explorer.index.number_of("7")
    found = explorer.find(Filter(like=seven)).posts
    assert sorted(explorer.index.photo_ids.take(pa.array(found)).to_pylist()) == ["20", "7"]


def test_suspects_come_the_worst_first(data: Path, rows: list[Row], tmp_path: Path) -> None:
    judged = [
        {
            "photo_id": row["photo_id"],
            "split": row["split"],
            "label": row["label"],
            "suggested": "anger",
            "score": score,
            "votes": 5,
            "suspect": score < 0.5,
        }
        for row, score in zip(rows[10:13], (0.3, 0.9, 0.1), strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(judged, schema=SCHEMA), tmp_path / "s.parquet")
    opened = open_site([data], suspects=tmp_path / "s.parquet")
    assert opened.explorer is not None
    assert opened.explorer.find(Filter(suspects=True)).posts.tolist() == [12, 10]
    with PageServer(opened) as server, Reader(server) as reader:
        shown = reader.show("/explore?suspects=1")
        assert "looks like anger (score 0.100)" in shown
    (tmp_path / "bad.csv").write_text("photo_id,score\n1,2\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="cannot be read"):
        open_site([data], suspects=tmp_path / "bad.csv")


class TestPages:
    def test_the_page_tells_count_and_posts(self, reader: Reader) -> None:
        shown = reader.show("/explore?label=awe&split=test")
        assert ">6 of 90 posts<" in shown.replace("\n", "")
        assert len(re.findall(r'<li class="post">', shown)) == 6
        assert re.search(r'<option value="awe" selected>awe \(6\)</option>', shown)
        assert re.search(r'<option value="anger">anger \(5\)</option>', shown)

    def test_more_posts_follow(self, reader: Reader) -> None:
        addresses = []
        at = "/explore?split=train"
        while at:
            shown = reader.show(at)
            addresses += re.findall(r'href="/post/(\d+)\?split=train"', shown)
            link = re.search(r'id="more" href="([^"]+)"', shown)
            at = unescape(link[1]) if link else ""
        assert list(map(int, addresses)) == list(range(70))

    def test_no_post(self, reader: Reader) -> None:
        assert "No post meets all of these conditions" in reader.show("/explore?words=zebra")

    def test_a_hostile_post_is_text(self, reader: Reader) -> None:
        for address in ("/explore?split=validation", "/post/70", "/try?post=70"):
            shown = reader.show(address)
            assert ATTACK not in shown
            assert "&lt;script&gt;alert(&#39;x&#39;)" in shown
            assert "<img src=x" not in shown
            assert "\u202e" not in shown
        assert "{{ 7*7 }}" in shown

    @pytest.mark.parametrize(
        "address",
        [
            f"/explore?words={ATTACK}&tag={ATTACK}&owner={ATTACK}&label={ATTACK}&license={ATTACK}",
            "/explore?like=99999999999&from=99999999999",
            "/explore?like=x&from=-1&near=2&suspects=1",
            "/explore?words=" + "a" * 3000,
            "/explore?words=%00%FF(*[&tag=%F0%9F%98%80",
        ],
    )
    def test_a_hostile_address_is_harmless(self, reader: Reader, address: str) -> None:
        shown = reader.show(address)
        assert ATTACK not in shown
        assert 'id="results"' in shown

    def test_what_is_not_there_is_said(self, reader: Reader) -> None:
        assert "There is no such post" in reader.show("/post/90", 404)
        reader.show("/picture/90", 404)
        reader.show("/absent", 404)

    def test_only_a_jpeg_is_sent_as_a_picture(self, reader: Reader, rows: list[Row]) -> None:
        answer = reader.get(f"{reader.base}/picture/70")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8\xff")
        without = next(n for n, row in enumerate(rows) if "image" not in str(row["modalities"]))
        reader.show(f"/picture/{without}", 404)

    def test_a_post_leads_to_its_neighbours_in_the_filter(self, reader: Reader) -> None:
        shown = reader.show("/post/80?split=test")
        assert 'rel="prev" href="/post/79?split=test"' in shown
        assert 'rel="next" href="/post/81?split=test"' in shown
        assert "2 of 11" in shown


def test_a_damaged_shard_is_said_on_the_page(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_reader, "_MOST_SEARCHED", 0)
    shard = own_data / "data" / "train-00000-of-00001.parquet"
    with PageServer(open_site([own_data])) as server, Reader(server) as reader:
        raw = bytearray(shard.read_bytes())
        place = raw.index(b"storm shout")
        raw[place - 100 : place + 200] = bytes(300)
        shard.write_bytes(raw)
        assert f"{shard} cannot be read" in reader.show("/explore?words=storm", 400)
