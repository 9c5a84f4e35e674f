"""``inspect``: correct figures, and a page that is safe with untrusted content."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.inspect.inspection import Inspection, inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.inspect.table import describe
from flickr_emotion.datasets.inspect.tag_counts import TagCounts
from tests.commands import run
from tests.harvest.corpora import jpeg
from tests.model.dataset_folder import StoredPost, picture, separable_post, write_dataset

ATTACK = "<script>alert('x')</script>"


def add_to_description(folder: Path, **fields: Any) -> None:
    path = folder / "dataset.json"
    described = json.loads(path.read_text(encoding="utf-8")) | fields
    path.write_text(json.dumps(described), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    posts = [separable_post(number, ("anger", "awe")[number % 2]) for number in range(40)]
    incomplete = [
        separable_post(100, "awe", "image+text"),
        separable_post(101, "awe", "tags"),
        StoredPost(photo_id="7", label="awe", text=" ".join(["long"] * 37)),
    ]
    folder = write_dataset(
        tmp_path_factory.mktemp("inspected") / "d",
        {"train": [*posts[:30], *incomplete], "validation": posts[30:35], "test": posts[35:]},
    )
    add_to_description(
        folder,
        excluded={"gone": 12, "votes": 3},
        leakage={"validation": {"owner": 0.25}, "test": {"owner": 1, "picture": 2}},
    )
    return folder


class TestFigures:
    def test_counts_by_label_split_and_subset(self, folder: Path) -> None:
        found = inspect_dataset(folder)
        assert found.by_label == {
            "anger": {"train": 15, "validation": 3, "test": 2},
            "awe": {"train": 18, "validation": 2, "test": 3},
        }
        assert found.by_subset["image+text+tags"] == {"train": 30, "validation": 5, "test": 5}
        assert found.by_subset["text"] == {"train": 1, "validation": 0, "test": 0}
        assert found.label_subsets["awe"]["image+text"] == 1
        for split, counts in open_dataset(folder).counts.items():
            assert {label: found.by_label[label][split] for label in found.by_label} == (
                counts["labels"]
            )

    def test_lengths_of_texts(self, folder: Path) -> None:
        found = inspect_dataset(folder)
        assert found.text_lengths == Counter({6: 41, 37: 1})
        assert (found.text_length(0), found.text_length(0.5), found.text_length(1)) == (6, 6, 37)
        assert found.text_bins()[1] == (5, 9, 41)
        assert found.text_bins()[-1] == (35, 39, 1)

    def test_only_training_tags_count(self, folder: Path) -> None:
        found = inspect_dataset(folder)
        assert found.frequent_tags["awe"][:2] == [("peak", 16), ("stars", 16)]
        assert [tag for tag, _ in found.telling_tags["anger"]] == ["protest", "riot"]

    def test_samples_are_the_first_of_each_label(self, folder: Path) -> None:
        found = inspect_dataset(folder)
        train = pq.read_table(folder / "data" / "train-00000-of-00001.parquet").to_pylist()
        for sample in found.samples:
            row = train[sample.row]
            assert (sample.photo_id, sample.text) == (row["photo_id"], row["text"])
        assert Counter(sample.label for sample in found.samples) == {"anger": 6, "awe": 6}
        assert [sample.row for sample in found.samples] == [*range(0, 12, 2), *range(1, 12, 2)]

    def test_a_label_that_the_description_lacks(self, folder: Path, tmp_path: Path) -> None:
        posts = [separable_post(number, "awe") for number in range(3)]
        other = write_dataset(tmp_path / "d", dict.fromkeys(("train", "validation", "test"), posts))
        add_to_description(other, classes=["joy"])
        with pytest.raises(DatasetError, match="label 'awe'"):
            inspect_dataset(other)


LABELLED_TAGS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sets(st.sampled_from("rstuvwxyz"), max_size=4)),
    max_size=40,
)


class TestTags:
    @given(LABELLED_TAGS, st.integers(1, 7))
    def test_batches_are_counted_like_one_table(
        self, posts: list[tuple[str, set[str]]], size: int
    ) -> None:
        counts = TagCounts(list("rstuvwxyz"))
        for first in range(0, len(posts), size):
            batch = posts[first : first + size]
            column = pa.chunked_array(
                [pa.array([sorted(tags) for _, tags in batch], pa.list_(pa.string()))]
            )
            counts.add([label for label, _ in batch], column)
        for label in "abc":
            wanted = Counter(tag for name, tags in posts if name == label for tag in tags)
            assert dict(counts.frequent(label)) == wanted
            numbers = [count for _, count in counts.frequent(label)]
            assert numbers == sorted(numbers, reverse=True)
            for tag, count in counts.telling(label):
                here = [tags for name, tags in posts if name == label]
                others = [tags for name, tags in posts if name != label]
                assert count == sum(tag in tags for tags in here)
                share = sum(tag in tags for tags in others) / len(others)
                assert count / len(here) > share

    def test_a_tag_of_few_posts_is_not_ranked_above_one_of_many(self) -> None:
        counts = TagCounts(["common", "rare", "even"])
        column = [["common", "even"]] * 197 + [["common", "even", "rare"]] * 3
        counts.add(["awe"] * 200, pa.chunked_array([column]))
        counts.add(["fear"] * 200, pa.chunked_array([[["even"]] * 180 + [["common"]] * 20]))
        assert counts.telling("awe")[0] == ("common", 200)
        assert "rare" not in dict(counts.telling("awe"))
        assert counts.frequent("fear") == [("even", 180), ("common", 20)]

    def test_a_single_label_has_no_distinctive_tags(self) -> None:
        counts = TagCounts(["sky"])
        counts.add(["awe"] * 100, pa.chunked_array([[["sky"]] * 100]))
        assert counts.telling("awe") == []
        assert counts.frequent("awe") == [("sky", 100)]


class TestTable:
    def test_all_figures_are_in_it(self, folder: Path) -> None:
        lines = describe(inspect_dataset(folder)).splitlines()
        assert any(line.split() == ["awe", "18", "2", "3", "23"] for line in lines)
        assert any(line.split() == ["image+text", "1", "0", "0", "1"] for line in lines)
        assert any(line.split()[:2] == ["5-9", "41"] for line in lines)
        assert "  validation, owner  0.25" in lines
        assert "  gone   12" in lines
        assert any(line.startswith("  anger  protest 15, riot 15") for line in lines)
        assert "  1000 anger (image+text+tags)" in lines

    def test_a_text_cannot_control_the_terminal(self, tmp_path: Path) -> None:
        post = StoredPost(
            photo_id="1", label="awe\x1b[2J", text="five \x1b]0;owned\x07 words", tags=["\u202eb"]
        )
        folder = write_dataset(tmp_path / "d", {"train": [post], "validation": [], "test": []})
        shown = describe(inspect_dataset(folder))
        assert all(line.isprintable() for line in shown.split("\n"))
        assert "owned" in shown


class Page(HTMLParser):
    """Collects what a browser would find in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        for name, value in attributes:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(inspection: Inspection, path: Path) -> str:
    write_page(inspection, path)
    return path.read_text(encoding="utf-8")


class TestPage:
    def test_plots_tables_and_thumbnails(self, folder: Path, tmp_path: Path) -> None:
        page = Page(page_of(inspect_dataset(folder), tmp_path / "page.html"))
        assert page.elements["svg"] == 3
        assert page.elements["img"] == 12
        assert "Content digest" in " ".join(page.texts)
        assert "12" in page.texts  # photos that are gone

    def test_nothing_is_fetched_from_elsewhere(self, folder: Path, tmp_path: Path) -> None:
        content = page_of(inspect_dataset(folder), tmp_path / "page.html")
        page = Page(content)
        assert page.addresses
        assert all(re.match(r"data:image/jpeg;base64,|#", where) for where in page.addresses)
        assert not page.elements.keys() & {"script", "link", "iframe", "object", "embed"}
        assert "url(http" not in content
        assert "@import" not in content
        assert "default-src 'none'" in content

    def test_untrusted_content_is_escaped(self, tmp_path: Path) -> None:
        label = f'{ATTACK} $\\frac{{ "&--> 日本'
        posts = [
            StoredPost(
                photo_id=f"{number}{ATTACK}",
                label=label,
                text=f"{ATTACK} one two <img src=x onerror=alert(1)>",
                tags=[ATTACK, '"onload="x'],
            )
            for number in range(3)
        ]
        folder = write_dataset(
            tmp_path / "d", {"train": posts, "validation": posts[:1], "test": []}
        )
        add_to_description(
            folder,
            digest=ATTACK,
            excluded={ATTACK: 1},
            leakage={ATTACK: {ATTACK: ATTACK}},
            reduced={"fraction": ATTACK, "seed": 0},
        )
        content = page_of(inspect_dataset(folder), tmp_path / "page.html")
        page = Page(content)
        assert not page.elements["script"]
        assert not page.elements["img"]
        assert "<script" not in content
        shown = "".join(page.texts)
        assert label in shown
        assert f"{ATTACK} one two <img src=x onerror=alert(1)>" in shown

    def test_thumbnails_are_small_and_complete(self, tmp_path: Path) -> None:
        posts = [
            StoredPost(photo_id="1", label="awe", image=picture((9, 9, 200), (1200, 900))),
            StoredPost(photo_id="2", label="awe", image=jpeg(1, 120, 90)),
            StoredPost(photo_id="3", label="awe", image=b"no picture <script>"),
            StoredPost(photo_id="4", label="awe", text="one two three four five"),
        ]
        folder = write_dataset(tmp_path / "d", {"train": posts, "validation": [], "test": []})
        content = page_of(inspect_dataset(folder), tmp_path / "page.html")
        thumbnails = [
            Image.open(io.BytesIO(base64.b64decode(where.partition(",")[2])))
            for where in Page(content).addresses
            if where.startswith("data:")
        ]
        assert [thumbnail.size for thumbnail in thumbnails] == [(213, 160), (120, 90)]
        assert content.count("The picture cannot be read") == 1

    def test_pictures_match_their_samples_in_any_row_group(self, tmp_path: Path) -> None:
        posts = [separable_post(number, "anger") for number in range(25)]
        posts += [StoredPost(photo_id=str(n), label="awe", image=jpeg(n, 60, 40)) for n in range(3)]
        folder = write_dataset(tmp_path / "d", {"train": posts, "validation": [], "test": []})
        shard = folder / "data" / "train-00000-of-00001.parquet"
        table = pq.read_table(shard)
        pq.write_table(table.slice(0, 13), folder / "data" / "train-00000-of-00002.parquet", 4)
        pq.write_table(table.slice(13), folder / "data" / "train-00001-of-00002.parquet", 4)
        shard.unlink()
        content = page_of(inspect_dataset(folder), tmp_path / "page.html")
        encoded = [
            base64.b64encode(post.image or b"").decode() for post in (*posts[:6], *posts[25:])
        ]
        assert re.findall(r"base64,([^\"]+)", content) == encoded

    def test_same_data_set_same_bytes(self, folder: Path, tmp_path: Path) -> None:
        inspection = inspect_dataset(folder)
        assert page_of(inspection, tmp_path / "a") == page_of(inspection, tmp_path / "b")

    def test_an_output_that_cannot_be_written(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"--html .* cannot be written"):
            write_page(inspect_dataset(folder), tmp_path / "absent" / "page.html")
        with pytest.raises(DatasetError, match="cannot be written"):
            write_page(inspect_dataset(folder), tmp_path)
        assert not list(tmp_path.iterdir())


def test_the_command_needs_no_display_and_no_home(folder: Path, tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    without, with_home = tmp_path / "a.html", tmp_path / "b.html"
    done = subprocess.run(
        [sys.executable, "cli.py", "inspect", str(folder), "--html", str(without)],
        cwd=PROJECT,
        env=environment | {"HOME": str(tmp_path / "absent")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("posts by label")
    here = run("inspect", folder, "--html", with_home)
    assert (here.code, here.out) == (0, done.stdout)
    assert without.read_bytes() == with_home.read_bytes()
