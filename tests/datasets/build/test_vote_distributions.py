"""The column ``vote_distribution``: from votes on every class to shards."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.reduce import reduce_dataset
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.verification.folders import verify_dataset

TEXT = "We walked along the quiet river in the warm evening light number"
WITHOUT = "0e9fdfa659eeb9a1deeb124f1dcdd446f268e2a90eafc5ec8968d386f45c0271"
"""The digest of these posts before there were distributions."""


def own_posts(folder: Path, **changed: Any) -> Path:
    """Write 40 posts of two classes, with votes for each; ``changed``: cells of the first one."""
    path = folder / "posts.csv"
    names = ["photo_id", "text", "label", "votes", "votes_calm", "votes_wild"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for number in range(40):
            wild = number % 2
            row = {
                **dict(zip(names, (f"own-{number}", f"{TEXT} {number}"), strict=False)),
                "label": ("calm", "wild")[wild],
                "votes": 5,
                "votes_calm": 4 - 3 * wild,
                "votes_wild": 1 + 3 * wild,
            }
            writer.writerow(row | (changed if not number else {}))
    return path


def build(path: Path, out: Path, said: list[str] | None = None, **given: Any) -> dict[str, Any]:
    say = (said if said is not None else []).append
    return build_splits(path, out, BuildOptions(min_count=1), say, **given)


def rows_of(dataset: Path) -> pd.DataFrame:
    shards = [pd.read_parquet(path) for path in sorted((dataset / "data").iterdir())]
    return pd.concat(shards).set_index("photo_id")


class TestOwnPosts:
    def test_a_column_a_class_becomes_the_distribution(self, tmp_path: Path) -> None:
        said: list[str] = []
        path = own_posts(tmp_path, votes_calm="", votes_wild="")
        content = build(path, tmp_path / "d", said, columns="distribution=votes_*")
        assert any(
            "votes_calm, votes_wild as the distribution over 2 classes" in line for line in said
        )
        assert (content["version"], content["vote_distributions"]) == (4, 39)
        assert content["classes"] == ["calm", "wild"]
        rows = rows_of(tmp_path / "d")
        assert list(rows["vote_distribution"]["own-1"]) == [0.2, 0.8]
        assert list(rows["vote_distribution"]["own-2"]) == [0.8, 0.2]
        assert rows["vote_distribution"]["own-0"] is None
        assert content["digest"] != WITHOUT

    def test_a_data_set_without_them_is_as_it_was(self, tmp_path: Path) -> None:
        said: list[str] = []
        content = build(own_posts(tmp_path), tmp_path / "d", said)
        assert (content["version"], content["digest"]) == (3, WITHOUT)
        assert "vote_distributions" not in content
        assert (
            "vote_distribution"
            not in pq.read_schema(tmp_path / "d" / "data" / "train-00000-of-00001.parquet").names
        )
        assert any("--columns distribution=votes_* uses them" in line for line in said)

    def test_only_proportions_count(self, tmp_path: Path) -> None:
        for name, cells in (("a", (1, 3)), ("b", ("0.25", "0.75")), ("c", (" 2.5e-1", ".75"))):
            (tmp_path / name).mkdir()
            path = own_posts(tmp_path / name, votes_calm=cells[0], votes_wild=cells[1])
            build(path, tmp_path / name / "d", columns="distribution=votes_*")
        digests = {open_dataset(tmp_path / name / "d").digest for name in "abc"}
        assert len(digests) == 1

    @pytest.mark.parametrize(
        ("columns", "changed", "said"),
        [
            ("distribution=votes", {}, "with one * for the class"),
            ("distribution=n_*", {}, "has 0 such columns, and two classes need two"),
            ("distribution=votes_*", {"votes_calm": -1}, "row 1: the votes for calm are '-1'"),
            (
                "distribution=votes_*",
                {"votes_wild": "many"},
                "row 1: the votes for wild are 'many'",
            ),
            ("distribution=votes_*", {"label": "dull"}, "the label 'dull' has no column of votes"),
        ],
    )
    def test_a_mistake_is_one_line(
        self, tmp_path: Path, columns: str, changed: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(DatasetError) as refused:
            build(own_posts(tmp_path, **changed), tmp_path / "d", columns=columns)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)

    def test_a_reduced_data_set_keeps_it(self, tmp_path: Path) -> None:
        build(own_posts(tmp_path), tmp_path / "d", columns="distribution=votes_*")
        reduce_dataset(tmp_path / "d", tmp_path / "r", fraction=0.5, seed=0)
        assert open_dataset(tmp_path / "r").has_distributions
        assert list(rows_of(tmp_path / "r")["vote_distribution"]["own-1"]) == [0.2, 0.8]
        assert not verify_dataset(tmp_path / "r", deep=False).damaged
