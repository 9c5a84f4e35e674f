"""Posts as numbers, and batches of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.inputs.batches import reading_order, training_order
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.posts.posts import Encoding, Post, encode, read_posts
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import EVERY_SUBSET_TWICE, batch_of

ENCODING = Encoding(
    words=("storm", "light"), tags=tuple(f"t{n}" for n in range(12)), classes=("a", "b")
)


class TestEncoding:
    def test_unknown_words(self) -> None:
        assert ENCODING.word_ids("Light, unheard STORM!") == [3, 1, 2]

    def test_at_most_150_words(self) -> None:
        assert len(ENCODING.word_ids("storm " * 200)) == 150

    def test_the_ten_most_frequent_tags(self) -> None:
        """In whatever order they come; unknown ones are last."""
        given = ["zzz", *(f"t{n}" for n in reversed(range(12)))]
        assert ENCODING.tag_ids(given) == list(range(2, 12))
        assert ENCODING.tag_ids(["zzz", "t3", "yyy"]) == [5, 1]

    def test_a_post_of_unknown_tags_has_tags(self) -> None:
        posts = encode([Post("1", "", ["zzz"], False, "a")], ENCODING)
        assert posts.present["tags"].tolist() == [True]

    def test_an_unknown_label(self) -> None:
        with pytest.raises(ModelError, match="photo 5 has the label 'joy'"):
            encode([Post("5", "", ["t1"], False, "joy")], ENCODING)

    def test_ranks_come_from_training(self, tmp_path: Path) -> None:
        posts = [separable_post(n, label) for n, label in enumerate(("awe", "awe", "anger"))]
        folder = write_dataset(
            tmp_path / "set", {"train": posts, "validation": posts[2:], "test": posts[2:]}
        )
        encoding = Encoding.of(open_dataset(folder))
        assert encoding.tags == ("peak", "stars")  # the others occur once
        assert encoding.words == ("light", "mountain", "silence", "sky", "vast")
        read = read_posts(open_dataset(folder), "test", encoding)
        assert read.words.tolist() == [1] * 6
        assert read.labels.tolist() == [0]


class TestBatches:
    def test_nothing_is_stored_for_what_is_absent(self) -> None:
        batch = batch_of(["image", "text", "image+tags"])
        assert len(batch.inputs["image"]) == 2
        assert len(batch.inputs["text"]) == len(batch.inputs["tags"]) == 1
        assert {s: rows.tolist() for s, rows in batch.rows.items()} == {
            "image": [0, 2],
            "text": [1],
            "tags": [2],
            "image+text": [],
            "image+tags": [2],
            "text+tags": [],
            "image+text+tags": [],
        }

    def test_only_texts_shorter_than_a_window_are_padded(self) -> None:
        texts = batch_of(EVERY_SUBSET_TWICE * 4).inputs["text"]
        assert isinstance(texts, Packed)
        lengths = texts.lengths_N.tolist()
        assert min(lengths) < 5 < max(lengths)
        assert len(texts.ids_T) == sum(max(length, 5) for length in lengths)
        assert int((texts.ids_T != 0).sum()) == sum(lengths)

    def test_a_training_order_is_a_permutation(self) -> None:
        lengths = np.arange(1000) % 37
        batches = training_order(lengths, 16, np.random.default_rng(0))
        assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
        again = training_order(lengths, 16, np.random.default_rng(0))
        other = training_order(lengths, 16, np.random.default_rng(1))
        assert all(np.array_equal(one, two) for one, two in zip(batches, again, strict=True))
        assert not all(np.array_equal(one, two) for one, two in zip(batches, other, strict=True))
        padding = sum(lengths[b].max() * len(b) - lengths[b].sum() for b in batches)
        assert padding < 0.1 * lengths.sum()

    def test_a_reading_order_has_everything_once(self) -> None:
        batches = list(reading_order(np.array([5, 1, 3, 2, 4]), 2))
        assert [batch.tolist() for batch in batches] == [[1, 3], [2, 4], [0]]

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda(self) -> None:
        batch = batch_of(EVERY_SUBSET_TWICE).to(torch.device("cuda"))
        assert all(rows.is_cuda for rows in batch.rows.values())
        for values in batch.inputs.values():
            assert (values.ids_T if isinstance(values, Packed) else values).is_cuda
