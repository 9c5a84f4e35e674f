"""Splits of one's own: fractions, a column, rare modalities, and what is said about them."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.summary import describe
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.inspect import table
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.splits import Candidates, fraction_of, given_splits, split_posts

TEXT = "We walked along the quiet river in the warm evening light of day"


def rows(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "photo_id": f"own-{number}",
            "text": f"{TEXT} " + " ".join(f"{word}{number}" for word in "abcdefgh"),
            "label": ("calm", "wild")[number % 2],
            **fields,
        }
        for number in range(count)
    ]


class Built:
    """A data set with what was said while it was built."""

    def __init__(self, folder: Path, posts: list[dict[str, Any]], **options: Any) -> None:
        path = folder / "posts.csv"
        pd.DataFrame(posts).to_csv(path, index=False)
        self.folder = folder / "d"
        self.said: list[str] = []
        self.content = build_splits(path, self.folder, BuildOptions(**options), self.said.append)
        self.totals = [self.content["counts"][split]["total"] for split in SPLITS]

    def split_of(self) -> dict[str, str]:
        return {
            photo_id: split
            for split in SPLITS
            for path in (self.folder / "data").glob(f"{split}-*")
            for photo_id in pd.read_parquet(path)["photo_id"]
        }

    def lines(self, words: str) -> list[str]:
        return [line for line in self.said if words in line]


class TestRareModality:
    def test_one_tag_in_300_posts_empties_nothing(self, tmp_path: Path) -> None:
        """It gave 300 training posts and nothing else."""
        posts = rows(300, tags="")
        posts[7]["tags"] = "river"
        built = Built(tmp_path, posts)
        assert built.totals == [240, 30, 30]
        assert built.lines("tags: only 1 of 300 posts have them") == [
            "tags: only 1 of 300 posts have them, so validation and test are drawn from posts with "
            "text; --complete text,tags would ask for all"
        ]

    def test_complete_asks_for_it(self, tmp_path: Path) -> None:
        posts = rows(300, tags="")
        for post in posts[:40]:
            post["tags"] = "river"
        built = Built(tmp_path, posts, complete="tags,text")
        assert built.totals == [292, 4, 4]
        tagged = {post["photo_id"] for post in posts[:40]}
        assert {i for i, split in built.split_of().items() if split != "train"} <= tagged
        assert built.lines("tags: only") == []

    @pytest.mark.parametrize("given", ["picture", "image,", "image;text", ""])
    def test_unknown_modalities(self, given: str) -> None:
        with pytest.raises(DatasetError, match=r"--complete .* is not known: give image,text"):
            BuildOptions(complete=given)


class TestFractions:
    def test_they_are_of_each_class(self, tmp_path: Path) -> None:
        built = Built(tmp_path, rows(200), test_fraction=0.25, validation_fraction=0.05)
        assert built.totals == [140, 10, 50]
        assert built.content["counts"]["test"]["labels"] == {"calm": 25, "wild": 25}
        assert built.content["options"]["test_fraction"] == 0.25

    def test_a_tenth_is_rounded_as_ever(self) -> None:
        for count in range(400):
            posts = candidates(count)
            assert posts.wanted(0, "test") == posts.wanted(0, "validation") == (count + 5) // 10

    def test_too_few_posts_are_shared_by_the_fractions(self) -> None:
        posts = Candidates(
            classes=np.zeros(100, np.int16),
            complete=np.ones(100, bool),
            eligible=np.arange(100) < 12,
            test=Fraction(3, 10),
            validation=Fraction(1, 10),
        )
        places = split_posts(posts)
        assert Counter(places.places.tolist()) == {0: 88, 1: 3, 2: 9}
        assert places.short_classes == {0: (12, 40)}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"test_fraction": 0.0}, "--test-fraction 0.0: give a number between 0 and 1"),
            ({"test_fraction": 0.5, "validation_fraction": 0.5}, "leave nothing for training"),
            ({"test_fraction": 0.2, "fold": "1/5"}, "omit --test-fraction"),
            ({"split_column": "fold", "fold": "1/5"}, "omit --fold, or --split-column"),
            ({"split_column": "fold", "group_by": ("owner",)}, "omit --group-by"),
            ({"split_column": "fold", "test_fraction": 0.2}, "omit --test-fraction"),
        ],
    )
    def test_contradictions(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(DatasetError, match=message):
            BuildOptions(**options)

    def test_manifests_of_before_have_the_defaults(self) -> None:
        fixed = json.loads(json.dumps(BuildOptions().__dict__))
        for name in ("split_column", "test_fraction", "validation_fraction", "complete"):
            del fixed[name]
        assert BuildOptions().under_manifest(fixed) == BuildOptions()
        with pytest.raises(DatasetError, match=r"fixes this option at 0\.1"):
            BuildOptions(test_fraction=0.2).under_manifest(fixed)


def candidates(count: int) -> Candidates:
    every = np.ones(count, bool)
    return Candidates(classes=np.zeros(count, np.int16), complete=every, eligible=every)


class TestColumn:
    def test_each_post_is_where_it_says(self, tmp_path: Path) -> None:
        names = ("Train", "train", "dev", "TEST", "training", "val", "test", "train")
        posts = rows(160)
        for number, post in enumerate(posts):
            post["fold"] = names[number % 8]
        built = Built(tmp_path, posts, split_column="fold")
        ours = dict.fromkeys(("dev", "val"), "validation") | dict.fromkeys(("TEST", "test"), "test")
        assert built.split_of() == {
            post["photo_id"]: ours.get(post["fold"], "train") for post in posts
        }
        assert built.content["options"]["split_column"] == "fold"

    def test_without_validation_posts_some_training_posts_become_them(self, tmp_path: Path) -> None:
        posts = rows(200)
        for number, post in enumerate(posts):
            post["split"] = "test" if number % 5 == 0 else "" if number == 1 else "train"
        built = Built(tmp_path, posts, split_column="split")
        assert built.totals == [144, 16, 40]
        assert {i for i, s in built.split_of().items() if s == "test"} == {
            f"own-{number}" for number in range(0, 200, 5)
        }
        assert built.lines("names no validation post: 16 are drawn from the train posts")
        assert built.lines("1 posts have no split in the column split: they are not in test")

    def test_another_word_is_named_with_its_row(self, tmp_path: Path) -> None:
        posts = rows(30, split="train")
        posts[4]["split"] = "holdout"
        with pytest.raises(DatasetError, match=r"posts\.csv, row 5: the split is 'holdout': give"):
            Built(tmp_path, posts, split_column="split")

    def test_a_column_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"--split-column part: .* no such column among"):
            Built(tmp_path, rows(30), split_column="part")

    def test_the_rule_for_what_is_given(self) -> None:
        places = np.array([2, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], np.int8)
        found = given_splits(candidates(12), places).places.tolist()
        assert found == [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]
        assert fraction_of(0.1) == Fraction(1, 10)


class TestFewTestPosts:
    def test_fewer_than_fifty(self, tmp_path: Path) -> None:
        built = Built(tmp_path, rows(100))
        assert built.lines("warning: test") == [
            "warning: test has only 10 posts, so its figures say little: `--fold 1/5` to "
            "`--fold 5/5` test every post once"
        ]
        assert Built(tmp_path, rows(100), fold="1/5").lines("warning: test") == []

    def test_a_rare_class(self, tmp_path: Path) -> None:
        posts = rows(600)
        for post in posts[:30]:
            post["label"] = "rare"
        assert Built(tmp_path, posts).lines("warning: test") == [
            "warning: test has fewer than 5 posts of rare (3), so their figures say little: "
            "`--fold 1/5` to `--fold 5/5` test every post once"
        ]


class TestTextsThatGo:
    @pytest.fixture
    def built(self, tmp_path: Path) -> Built:
        posts = rows(60, tags="sea,sun")
        for post in posts[:35]:
            post["text"] = "Wir gingen am stillen Fluss entlang im warmen Licht des Abends"
        for post in posts[35:40]:
            post["text"] = "the river"
        return Built(tmp_path, posts)

    def test_they_are_counted(self, built: Built) -> None:
        told = "20 texts kept, 40 dropped (5 too short, 35 in another language), 0 posts without"
        assert f"texts: {told}" in describe(built.content).splitlines()
        assert told in (built.folder / "README.md").read_text(encoding="utf-8")
        assert told in table.describe(inspect_dataset(built.folder)).splitlines()

    def test_it_is_said_where_most_of_them_go(self, built: Built) -> None:
        assert built.lines("warning: 40 of 60 texts are dropped (5 too short, 35 in another")
        assert "--language" in built.lines("warning: 40 of 60")[0]


class TestOwnerNotKnown:
    def test_no_share_of_an_unknown_owner(self, tmp_path: Path) -> None:
        built = Built(tmp_path, rows(100))
        assert built.content["leakage"]["test"]["owner"] is None
        assert "leakage: owner not known; of test posts 0%" in describe(built.content)
        assert "| test | not known |" in (built.folder / "README.md").read_text(encoding="utf-8")
        assert inspect_dataset(built.folder).leakage()["test, owner"] == "not known"

    def test_a_known_one_has_a_share(self, tmp_path: Path) -> None:
        built = Built(tmp_path, [row | {"owner": "me"} for row in rows(100)])
        assert built.content["leakage"]["test"]["owner"] == 10


class TestSaid:
    def test_classes_that_differ_in_case_or_blanks(self, tmp_path: Path) -> None:
        posts = rows(40)
        for number, name in enumerate(("Calm", "calm", "very calm", "very_calm")):
            for post in posts[number::4]:
                post["label"] = name
        built = Built(tmp_path, posts)
        first, second = built.lines("differ only in case or blanks")
        assert first.startswith("warning: Calm, calm are 2 classes")
        assert second.startswith("warning: very calm, very_calm are 2 classes")

    def test_one_class(self, tmp_path: Path) -> None:
        built = Built(tmp_path, rows(40, label="calm"))
        (line,) = built.lines("learns nothing from one class")
        assert line.startswith("warning: all posts have the label calm")

    def test_no_picture_that_can_be_read(self, tmp_path: Path) -> None:
        built = Built(tmp_path, rows(40, image="gone.jpg"))
        assert built.lines("warning: no picture could be read")

    def test_no_post_with_a_label(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"\(40 no-label\): change the options"):
            Built(tmp_path, rows(40, label=None))
