"""``reduce``: the rule, and the data set that it writes."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.datasets.build.reduce import kept_modalities, reduce_dataset
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from tests.model.dataset_folder import separable_post, write_dataset

Rows = list[tuple[str, str, str]]

ROWS = st.lists(
    st.tuples(
        st.integers(0, 10**6).map(str),
        st.sampled_from(["awe", "fear", "joy"]),
        st.sampled_from([COMPLETE, COMPLETE, COMPLETE, *SUBSETS]),
    ),
    unique_by=lambda row: row[0],
    max_size=120,
)
FRACTIONS = st.floats(0, 1)


class TestRule:
    @given(ROWS, FRACTIONS, st.integers(0, 3))
    def test_every_class_is_reduced_as_in_the_paper(
        self, rows: Rows, fraction: float, seed: int
    ) -> None:
        kept = kept_modalities(rows, fraction=fraction, seed=seed)
        assert list(kept) == [photo_id for photo_id, *_ in rows]
        for label in {label for _, label, _ in rows}:
            complete = [row[0] for row in rows if row[1] == label and row[2] == COMPLETE]
            counts = Counter(kept[photo_id] for photo_id in complete)
            assert abs(counts[COMPLETE] - fraction * len(complete)) <= 0.5
            thirds = [counts[modality] for modality in MODALITIES]
            assert thirds == sorted(thirds, reverse=True)
            assert thirds[0] - thirds[2] <= 1
            assert counts[COMPLETE] + sum(thirds) == len(complete)

    @given(ROWS, FRACTIONS)
    def test_incomplete_posts_keep_what_they_have(self, rows: Rows, fraction: float) -> None:
        kept = kept_modalities(rows, fraction=fraction, seed=0)
        assert all(kept[row[0]] == row[2] for row in rows if row[2] != COMPLETE)

    @given(ROWS, FRACTIONS, FRACTIONS)
    def test_posts_complete_at_a_fraction_are_complete_at_larger_ones(
        self, rows: Rows, one: float, other: float
    ) -> None:
        less, more = (
            {
                photo_id
                for photo_id, subset in kept_modalities(rows, fraction=fraction, seed=1).items()
                if subset == COMPLETE
            }
            for fraction in sorted((one, other))
        )
        assert less <= more

    @given(ROWS, FRACTIONS, st.randoms())
    def test_the_order_of_rows_does_not_matter(
        self, rows: Rows, fraction: float, random: Any
    ) -> None:
        shuffled = random.sample(rows, len(rows))
        assert kept_modalities(shuffled, fraction=fraction, seed=0) == (
            kept_modalities(rows, fraction=fraction, seed=0)
        )

    @given(ROWS.filter(bool), FRACTIONS, st.data())
    def test_a_lost_post_moves_at_most_three_of_its_class(
        self, rows: Rows, fraction: float, data: st.DataObject
    ) -> None:
        lost = data.draw(st.sampled_from(rows))
        before = kept_modalities(rows, fraction=fraction, seed=0)
        left = [row for row in rows if row != lost]
        after = kept_modalities(left, fraction=fraction, seed=0)
        moved = [row for row in left if before[row[0]] != after[row[0]]]
        assert len(moved) <= 3
        assert {row[1] for row in moved} <= {lost[1]}

    def test_another_seed_draws_other_posts(self) -> None:
        rows = [(str(number), "awe", COMPLETE) for number in range(100)]
        one, other = (kept_modalities(rows, fraction=0.5, seed=seed) for seed in (0, 1))
        assert one != other

    def test_most_posts_keep_the_same_modality_at_another_fraction(self) -> None:
        rows = [(str(number), "awe", COMPLETE) for number in range(3000)]
        few, fewer = (kept_modalities(rows, fraction=fraction, seed=0) for fraction in (0.5, 0.1))
        cut = [photo_id for photo_id in few if few[photo_id] != COMPLETE]
        assert sum(few[photo_id] == fewer[photo_id] for photo_id in cut) > 0.9 * len(cut)

    @pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan"), float("inf")])
    def test_an_invalid_fraction(self, fraction: float) -> None:
        with pytest.raises(DatasetError, match="give a number from 0 to 1"):
            kept_modalities([], fraction=fraction, seed=0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    posts = [separable_post(number, ("anger", "awe")[number % 2]) for number in range(60)]
    incomplete = [separable_post(100, "awe", "image+text"), separable_post(101, "awe", "tags")]
    folder = write_dataset(
        tmp_path / "d",
        {"train": [*posts[:40], *incomplete], "validation": posts[40:50], "test": posts[50:]},
    )
    described = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    described |= {
        "options": {"language": "en"},
        "service": "other",
        "excluded": {"votes": 1},
        "texts": {"kept": 1},
        "leakage": {"test": {"owner": 1}},
    }
    (folder / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    pq.write_table(
        pa.table({"photo_id": ["9"], "source": ["list:1"], "reason": ["votes"]}),
        folder / "excluded.parquet",
    )
    listed = [post.photo_id for post in (*posts[:40], *incomplete, *posts[40:])]
    pq.write_table(
        pa.table(
            {
                "photo_id": listed,
                "server": ["1"] * len(listed),
                "image_sha256": [None if post == "1101" else f"sha-{post}" for post in listed],
            }
        ),
        folder / "references.parquet",
    )
    return folder


def read(folder: Path, split: str) -> pd.DataFrame:
    shards = sorted((folder / "data").glob(f"{split}-*.parquet"))
    return pd.concat([pd.read_parquet(path) for path in shards]).set_index("photo_id")


class TestDataSet:
    def test_training_posts_hold_what_the_rule_keeps(self, source: Path, tmp_path: Path) -> None:
        content = reduce_dataset(source, tmp_path / "r", fraction=0.25, seed=0)
        assert content["counts"]["train"]["subsets"] == {
            "image": 10,
            "text": 10,
            "tags": 11,
            "image+text": 1,
            "image+text+tags": 10,
        }
        before, after = read(source, "train"), read(tmp_path / "r", "train")
        assert list(after.index) == list(before.index)
        rows = [(key, row.label, row.modalities) for key, row in before.iterrows()]
        kept = kept_modalities(rows, fraction=0.25, seed=0)  # type: ignore[arg-type]
        for photo_id, row in after.iterrows():
            whole = before.loc[str(photo_id)]
            subset = kept[str(photo_id)].split("+")
            assert row["modalities"] == "+".join(subset)
            assert row["image"] == (whole["image"] if "image" in subset else None)
            assert pd.isna(row["text"]) if "text" not in subset else row["text"] == whole["text"]
            assert list(row["tags"]) == (list(whole["tags"]) if "tags" in subset else [])
            assert (row["label"], row["owner"]) == (whole["label"], whole["owner"])

    def test_the_folder_is_a_complete_data_set(self, source: Path, tmp_path: Path) -> None:
        content = reduce_dataset(source, tmp_path / "r", fraction=0.5, seed=3)
        opened = open_dataset(tmp_path / "r")
        assert opened.described == content
        assert content["reduced"] == {"fraction": 0.5, "seed": 3}
        assert "leakage" not in content
        assert opened.digest != open_dataset(source).digest
        train = read(tmp_path / "r", "train")
        assert opened.vocabulary().tags == Counter(t for tags in train["tags"] for t in tags)
        for split in ("validation", "test"):
            name = f"data/{split}-00000-of-00001.parquet"
            assert (tmp_path / "r" / name).read_bytes() == (source / name).read_bytes()
        assert "Reduced on purpose" in (tmp_path / "r" / "README.md").read_text(encoding="utf-8")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "r"]

    def test_references_have_no_digest_of_removed_pictures(
        self, source: Path, tmp_path: Path
    ) -> None:
        reduce_dataset(source, tmp_path / "r", fraction=0, seed=0)
        posts = pd.concat([read(tmp_path / "r", s) for s in ("train", "validation", "test")])
        references = pd.read_parquet(tmp_path / "r" / "references.parquet")
        assert list(references["photo_id"]) == list(posts.index)
        assert list(references["image_sha256"].notna()) == list(posts["image"].notna())

    def test_same_fraction_and_seed_same_bytes(self, source: Path, tmp_path: Path) -> None:
        for name in ("a", "b", "b"):
            reduce_dataset(source, tmp_path / name, fraction=0.5, seed=0)
        files = [path for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
        assert len(files) == 9
        for path in files:
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.read_bytes() == other.read_bytes()
        digests = {
            reduce_dataset(source, tmp_path / "c", fraction=fraction, seed=seed)["digest"]
            for fraction, seed in ((0.5, 0), (0.5, 1), (0.25, 0))
        }
        assert len(digests) == 3


class TestBadInput:
    def test_nothing_is_written_for_an_invalid_fraction(self, source: Path, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"fraction 1\.5"):
            reduce_dataset(source, tmp_path / "r", fraction=1.5, seed=0)
        assert [path.name for path in tmp_path.iterdir()] == ["d"]

    def test_a_reduced_data_set_is_not_reduced_again(self, source: Path, tmp_path: Path) -> None:
        reduce_dataset(source, tmp_path / "r", fraction=0.5, seed=0)
        with pytest.raises(DatasetError, match="is already reduced"):
            reduce_dataset(tmp_path / "r", tmp_path / "s", fraction=0.5, seed=0)

    def test_the_source_and_other_files_are_not_replaced(
        self, source: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(DatasetError, match="holds the input"):
            reduce_dataset(source, source, fraction=0.5, seed=0)
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "thesis.tex").touch()
        with pytest.raises(DatasetError, match=r"holds 'thesis\.tex'"):
            reduce_dataset(source, tmp_path / "own", fraction=0.5, seed=0)
        with pytest.raises(DatasetError, match="is a file"):
            reduce_dataset(source, source / "dataset.json", fraction=0.5, seed=0)
        assert open_dataset(source).counts["train"]["total"] == 42

    def test_a_failure_leaves_the_previous_data_set(self, source: Path, tmp_path: Path) -> None:
        before = reduce_dataset(source, tmp_path / "r", fraction=0.5, seed=0)
        broken = shutil.copytree(source, tmp_path / "broken")
        (broken / "excluded.parquet").unlink()
        with pytest.raises(DatasetError, match="cannot be written"):
            reduce_dataset(broken, tmp_path / "r", fraction=0.1, seed=0)
        assert open_dataset(tmp_path / "r").described == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "d", "r"]
