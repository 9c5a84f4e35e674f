"""``build-splits`` on posts that were never on Flickr, and cross-validation folds."""

import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build import judged_rows, post_picture
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from tests.harvest.corpora import jpeg

TEXT = "We walked along the quiet river in the warm evening light of day"


def own_posts(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "posts.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def some(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Posts with distinct pictures and texts, two alternating classes, without tags."""
    return [
        {
            "photo_id": f"own-{number}",
            "text": f"{TEXT} {number} " + " ".join(f"{word}{number}" for word in "abcdefgh"),
            "image": jpeg(number, 300, 280),
            "label": ("calm", "wild")[number % 2],
            **fields,
        }
        for number in range(count)
    ]


def build(path: Path, out: Path, **fields: Any) -> dict[str, Any]:
    return build_splits(path, out, BuildOptions(**fields), lambda line: None)


def posts_of(dataset: Path, split: str) -> pd.DataFrame:
    return pd.concat(
        pd.read_parquet(path) for path in sorted((dataset / "data").glob(f"{split}-*"))
    )


class TestOwnPosts:
    def test_every_row_is_in_one_place_and_classes_come_from_the_data(self, tmp_path: Path) -> None:
        rows = [
            *some(100),
            *some(3, label=None),
            {"photo_id": "nothing", "text": "too short", "image": None, "label": "calm"},
        ]
        for number, row in enumerate(rows[100:103]):
            row["photo_id"] = f"unlabelled-{number}"
        content = build(own_posts(tmp_path, rows), tmp_path / "d")
        assert content["kind"] == "labels"
        assert content["classes"] == ["calm", "wild"]
        # No post has tags: picture and text are all the modalities in this data.
        assert content["counts"]["test"] == {
            "total": 10,
            "labels": {"calm": 5, "wild": 5},
            "subsets": {"image+text": 10},
            "licenses": {"licence not known": 10},
        }
        assert content["excluded"] == {"empty": 1, "no-label": 3}
        excluded = pd.read_parquet(tmp_path / "d" / "excluded.parquet").set_index("photo_id")
        assert excluded.loc["nothing", "source"] == "posts.parquet:104"
        shown = posts_of(tmp_path / "d", "train").iloc[0]
        assert shown["image"]["bytes"][:3] == b"\xff\xd8\xff"
        card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
        assert "simulation" not in card
        assert "Flickr API" not in card

    def test_votes_count_where_there_are_some(self, tmp_path: Path) -> None:
        rows = some(100)
        for number, row in enumerate(rows):
            row["votes"] = (5, 5, 4, 4, 2)[number // 2 % 5]
        content = build(own_posts(tmp_path, rows), tmp_path / "d")
        assert content["excluded"] == {"votes": 20}
        assert set(posts_of(tmp_path / "d", "test")["votes"]) == {5}
        assert content["counts"]["test"]["total"] == 8

    def test_rows_in_another_order_give_the_same_shards(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        one = build(own_posts(tmp_path / "a", some(60)), tmp_path / "one")
        other = build(own_posts(tmp_path / "b", some(60)[::-1]), tmp_path / "other")
        assert one["digest"] == other["digest"]

    def test_a_manifest_of_them_is_refused(self, tmp_path: Path) -> None:
        build(own_posts(tmp_path, some(60)), tmp_path / "d")
        with pytest.raises(DatasetError, match="posts that are not from Flickr"):
            export_manifest(tmp_path / "d", tmp_path / "m.parquet", with_urls=False)

    def test_a_missing_picture_is_named(self, tmp_path: Path) -> None:
        rows = some(30)
        rows[0]["image"] = "lost.jpg"
        for number, row in enumerate(rows[1:], 1):
            (tmp_path / f"{number}.jpg").write_bytes(row["image"])
            row["image"] = f"{number}.jpg"
        said: list[str] = []
        content = build_splits(
            own_posts(tmp_path, rows), tmp_path / "d", BuildOptions(), said.append
        )
        assert content["counts"]["train"]["subsets"] == {"text": 1, "image+text": 23}
        assert any("own-0" in line and "left out" in line for line in said)

    def test_pictures_of_any_kind(self, tmp_path: Path) -> None:
        """A table as it comes from other programs: other formats, odd paths, and what is lost."""
        rows = some(30)
        scenes = [Image.open(io.BytesIO(row["image"])) for row in rows]
        deep = (np.asarray(scenes[1].convert("L")).astype(np.uint16)) * 257
        kinds = {
            "clear.png": scenes[0].convert("RGBA").copy(),
            "deep.png": Image.fromarray(deep),
            "scan.tiff": scenes[2],
            "old.bmp": scenes[3],
            "new.avif": scenes[4],
        }
        kinds["clear.png"].putalpha(0)
        for row, (name, scene) in zip(rows, kinds.items(), strict=False):
            scene.save(tmp_path / name)
            row["image"] = name
        rows[5]["image"] = "https://example.org/5.jpg"
        (tmp_path / "6.jpg").write_text("<!DOCTYPE html>")
        rows[6]["image"] = f"file://{tmp_path}/6.jpg"
        rows[7]["image"] = "lost\\7.jpg "
        for number, row in enumerate(rows[8:], 8):
            (tmp_path / f"{number}.jpg").write_bytes(row["image"])
            row["image"] = f".\\{number}.jpg "
        said: list[str] = []
        content = build_splits(
            own_posts(tmp_path, rows), tmp_path / "d", BuildOptions(), said.append
        )
        assert sorted(line for line in said if "cannot be read" in line) == [
            "the picture of photo own-5 cannot be read (https://example.org/5.jpg is a URL: "
            "download the picture and give the path of its file): left out",
            f"the picture of photo own-6 cannot be read ({tmp_path}/6.jpg is a web page): left out",
            f"the picture of photo own-7 cannot be read ({tmp_path}/lost/7.jpg is not there): "
            "left out",
        ]
        assert content["counts"]["train"]["subsets"]["text"] == 3
        posts = pd.concat(posts_of(tmp_path / "d", split) for split in SPLITS)
        stored = dict(zip(posts["photo_id"], posts["image"], strict=True))
        for number, scene in enumerate(scenes):
            if number in (5, 6, 7):
                continue
            shown = Image.open(io.BytesIO(stored[f"own-{number}"]["bytes"]))
            wanted = scene.convert("L").convert("RGB") if number == 1 else scene
            wanted = wanted.resize(shown.size)
            expected = np.full_like(wanted, 255) if number == 0 else np.asarray(wanted)
            assert np.abs(np.asarray(shown).astype(int) - expected).mean() < 8, number

    def test_flat_pictures_are_no_group(self, tmp_path: Path) -> None:
        """They are kept when they are built again, too."""
        rows = some(100)
        for number, row in enumerate(rows):
            fog = Image.new("RGB", (300, 280), (150 + number, 150 + number, 160))
            data = io.BytesIO()
            fog.save(data, "JPEG")
            row["image"] = data.getvalue()
        path = own_posts(tmp_path, rows)
        first = build(path, tmp_path / "d", group_by=("near-duplicate",))
        assert first["counts"]["test"]["subsets"] == {"image+text": 10}
        assert first["leakage"]["test"]["picture"] == 0
        shards = {file.name: file.read_bytes() for file in (tmp_path / "d" / "data").iterdir()}
        with mock.patch.object(post_picture, "prepare_picture", side_effect=AssertionError):
            again = build(path, tmp_path / "d", group_by=("near-duplicate",))
        assert again == first
        for name, content in shards.items():
            assert (tmp_path / "d" / "data" / name).read_bytes() == content

    def test_the_digest_has_the_rule_of_pictures_that_depend_on_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain, clear = some(30), some(30)
        for row in clear[:3]:
            data = io.BytesIO()
            Image.open(io.BytesIO(row["image"])).convert("RGBA").save(data, "PNG")
            row["image"] = data.getvalue()
        digests = []
        for rule in (2, 3):
            monkeypatch.setattr(judged_rows, "PREPARATION", rule)
            for name, rows in (("plain", plain), ("clear", clear)):
                (tmp_path / name).mkdir(exist_ok=True)
                path = own_posts(tmp_path / name, rows)
                digests.append(build(path, tmp_path / f"{name}{rule}")["digest"])
        assert digests[0] == digests[2]
        assert digests[1] != digests[3]

    def test_pipes_and_devices_given_as_pictures_are_refused(self, tmp_path: Path) -> None:
        rows = some(30)
        os.mkfifo(tmp_path / "pipe")
        for number, row in enumerate(rows):
            (tmp_path / f"{number}.jpg").write_bytes(row["image"])
            row["image"] = ["pipe", "/dev/null"][number] if number < 2 else f"{number}.jpg"
        path = own_posts(tmp_path, rows)
        done = subprocess.run(
            [sys.executable, "cli.py", "build-splits", str(path), "--out", str(tmp_path / "d")],
            cwd=PROJECT, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert open_dataset(tmp_path / "d").counts["train"]["subsets"]["text"] == 2
        for name in ("pipe", "/dev/null"):
            assert f"{name} is not a file): left out" in done.stderr

    def test_too_many_different_labels(self, tmp_path: Path) -> None:
        rows: list[dict[str, Any]] = [
            {"photo_id": str(n), "text": TEXT, "label": f"label {n}"} for n in range(1001)
        ]
        with pytest.raises(DatasetError, match=r"more than 1000 .* row 1001"):
            build(own_posts(tmp_path, rows), tmp_path / "d")
        rows[1000]["label"] = None
        content = build(own_posts(tmp_path, rows), tmp_path / "d")
        assert len(content["classes"]) == 1000


class TestFolds:
    @pytest.mark.parametrize("group_by", [(), ("near-duplicate",), ("owner",)])
    def test_test_sets_are_disjoint_and_cover_all(
        self, tmp_path: Path, group_by: tuple[str, ...]
    ) -> None:
        rows = some(90)
        for number, row in enumerate(rows):
            row["owner"] = f"owner {number // 4}"
            if number % 10 == 9:
                row["image"] = rows[number - 2]["image"]  # of the same class
            if number % 7 == 6:
                row["text"] = None
        path = own_posts(tmp_path, rows)
        tested: Counter[str] = Counter()
        for fold in range(1, 4):
            content = build(path, tmp_path / "d", fold=f"{fold}/3", group_by=group_by)
            split_of = {
                row["photo_id"]: split
                for split in ("train", "validation", "test")
                for _, row in posts_of(tmp_path / "d", split).iterrows()
            }
            assert len(split_of) == 90
            tested.update(photo_id for photo_id, split in split_of.items() if split == "test")
            assert 24 <= content["counts"]["test"]["total"] <= 36
            assert content["counts"]["validation"]["total"] > 0
            for number, row in enumerate(rows):
                if "owner" in group_by:
                    first = rows[number // 4 * 4]
                    assert split_of[row["photo_id"]] == split_of[first["photo_id"]]
                if "near-duplicate" in group_by and number % 10 == 9:
                    assert split_of[f"own-{number}"] == split_of[f"own-{number - 2}"]
            kind = {"owner": "owner", "near-duplicate": "picture"}.get("".join(group_by))
            leaks = content["leakage"]["test"]
            if kind:
                assert leaks[kind] == 0
            else:
                assert leaks["owner"] > 0
        assert tested == Counter({row["photo_id"]: 1 for row in rows})

    @pytest.mark.parametrize("fold", ["0/5", "6/5", "1/1", "1", "a/b", "1/5/2"])
    def test_invalid_folds(self, tmp_path: Path, fold: str) -> None:
        with pytest.raises(DatasetError, match="--fold"):
            build(own_posts(tmp_path, some(30)), tmp_path / "d", fold=fold)

    def test_an_unknown_grouping(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="--group-by camera is not known: give owner or"):
            build(own_posts(tmp_path, some(30)), tmp_path / "d", group_by=("camera",))


def test_a_second_build_at_the_same_time_is_refused(tmp_path: Path) -> None:
    path = own_posts(tmp_path, some(30))
    refused: list[str] = []

    def while_at_work(line: str) -> None:
        with pytest.raises(DatasetError) as error:
            build_splits(path, tmp_path / "d", BuildOptions(), lambda line: None)
        refused.append(str(error.value))

    rows = some(30)
    rows[0]["image"] = b"no picture"
    build_splits(own_posts(tmp_path, rows), tmp_path / "d", BuildOptions(), while_at_work)
    assert "another build is at work" in refused[0]
    assert open_dataset(tmp_path / "d").counts["train"]["total"] > 0
