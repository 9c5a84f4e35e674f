"""Texts that are compared by their words, and what a template leaves in a split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.rules import near_duplicates
from flickr_emotion.datasets.rules.near_duplicates import (
    SIGNATURE_BYTES,
    components,
    near_texts,
    near_texts_among,
    text_signature,
)
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.datasets.rules.word_sets import WordSets, WordSetsFile

ALPHABET = [f"word{number}" for number in range(12)]
ENGLISH = "We walked along the quiet river in the warm evening light of day"
TEMPLATE = "here we go again with one more old picture of {} that was taken near {} last summer"


def signatures_of(texts: list[list[str]]) -> np.typing.NDArray[np.uint8]:
    whole = b"".join(text_signature(text) for text in texts)
    return np.frombuffer(whole, np.uint8).reshape(-1, SIGNATURE_BYTES)


def is_near(one: list[str], other: list[str]) -> bool:
    return 5 * len({*one} & {*other}) >= 4 * len({*one} | {*other})


@given(st.lists(st.lists(st.sampled_from(ALPHABET), min_size=1, max_size=14), min_size=1))
def test_it_is_the_jaccard_index(texts: list[list[str]]) -> None:
    sets = WordSets.of(texts)
    one, other = (side.ravel() for side in np.indices((len(texts), len(texts))))
    found = sets.near(one, other)
    assert found.tolist() == [is_near(texts[a], texts[b]) for a, b in zip(one, other, strict=True)]


def test_a_file_holds_the_same_sets(tmp_path: Path) -> None:
    texts = [["a", "b", "a"], [], ["b", "c", "d", "e"], ["b", "c", "d", "e", "e"]]
    file = WordSetsFile(tmp_path / "words")
    for some in (texts[:1], texts[1:3], [], texts[3:]):
        file.add(pa.array(some, pa.list_(pa.string())))
    sets = file.finish()
    assert sets.near(np.array([2, 0, 0]), np.array([3, 2, 0])).tolist() == [True, False, True]
    assert (
        WordSetsFile(tmp_path / "none").finish().near(np.empty(0, int), np.empty(0, int)).size == 0
    )


def test_ten_words_with_one_changed_are_always_found() -> None:
    """Judged by their signatures, a third of such pairs was not."""
    texts = []
    for pair in range(300):
        text = [f"w{pair}x{number}" for number in range(10)]
        texts += [text, [*text[:9], "changed"]]
    signatures = signatures_of(texts)
    labels = components(600, near_texts(signatures, WordSets.of(texts)))
    assert (labels[::2] == labels[1::2]).all()
    assert len(set(labels.tolist())) == 300
    by_signatures = components(600, near_texts(signatures))
    assert 0.5 < np.mean(by_signatures[::2] == by_signatures[1::2]) < 0.8


def test_an_evaluated_text_finds_its_like_in_a_large_bucket() -> None:
    """Five hundred texts share three words; the last is like none but the first."""
    texts = [
        [f"{place}{number}" for place in "abcdefgh"] + ["x", "y", "z"] for number in range(500)
    ]
    texts.append([*texts[0][:7], "other", "x", "y", "z"])
    one, other = near_texts_among(
        np.array([500, 3]), np.arange(4, 500), signatures_of(texts), WordSets.of(texts)
    )
    assert (one.tolist(), other.tolist()) == ([], [])
    one, other = near_texts_among(
        np.array([500]), np.arange(500), signatures_of(texts), WordSets.of(texts)
    )
    assert (one.tolist(), other.tolist()) == ([500], [0])


class TestTemplates:
    """Posts of one text that differ in two words: eight neighbours in a bucket missed some."""

    @pytest.fixture(autouse=True)
    def _few_neighbours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in a bucket of many more posts."""
        monkeypatch.setattr(near_duplicates, "_TEXTS_COMPARED", 1)

    @pytest.fixture
    def posts(self, tmp_path: Path) -> Path:
        texts = [TEMPLATE.format(f"thing{n}", f"place{n}") for n in range(240)]
        texts += [f"{ENGLISH} {' '.join(f'{word}{n}' for word in 'abcdefgh')}" for n in range(240)]
        rows = pd.DataFrame(
            {
                "photo_id": [f"own-{number}" for number in range(480)],
                "text": texts,
                "label": ["calm", "wild"] * 240,
            }
        )
        rows.to_csv(tmp_path / "posts.csv", index=False)
        return tmp_path / "posts.csv"

    def texts(self, folder: Path, split: str) -> list[list[str]]:
        paths = sorted((folder / "data").glob(f"{split}-*"))
        return [words(text) for path in paths for text in pd.read_parquet(path)["text"].dropna()]

    def leaking(self, folder: Path, split: str) -> int:
        training = self.texts(folder, "train")
        return sum(any(is_near(text, it) for it in training) for text in self.texts(folder, split))

    def test_the_leak_figure_is_that_of_all_pairs(self, posts: Path, tmp_path: Path) -> None:
        content = build_splits(posts, tmp_path / "d", BuildOptions(), lambda line: None)
        for split in ("validation", "test"):
            assert content["leakage"][split]["text"] == self.leaking(tmp_path / "d", split) > 5

    def test_none_is_evaluated_on_beside_the_others(self, posts: Path, tmp_path: Path) -> None:
        options = BuildOptions(group_by=("near-duplicate",))
        content = build_splits(posts, tmp_path / "d", options, lambda line: None)
        assert content["counts"]["test"]["total"] > 20
        for split in ("validation", "test"):
            assert content["leakage"][split]["text"] == self.leaking(tmp_path / "d", split) == 0
