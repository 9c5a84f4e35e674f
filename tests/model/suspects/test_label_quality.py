"""Confident learning with the votes as a prior."""

from importlib.util import find_spec

import numpy as np
import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.suspects import label_quality as module
from flickr_emotion.model.suspects.label_quality import (
    check_library,
    label_quality,
    prior_of_votes,
)

needs_cleanlab = pytest.mark.skipif(not find_spec("cleanlab"), reason="cleanlab is not installed")


def answers(labels: np.ndarray, wrong: list[int], sure: float = 0.9) -> np.ndarray:
    """Answers that name each post's label, but of ``wrong`` the next class."""
    classes = 3
    named = labels.copy()
    named[wrong] = (labels[wrong] + 1) % classes
    chances = np.full((len(labels), classes), (1 - sure) / (classes - 1))
    chances[np.arange(len(labels)), named] = sure
    return chances


@needs_cleanlab
class TestQuality:
    labels = np.arange(60) % 3

    def test_contradicted_labels_are_suspected_and_have_the_lowest_scores(self) -> None:
        wrong = [4, 17, 33, 50]
        found = label_quality(self.labels, answers(self.labels, wrong), None)
        assert np.flatnonzero(found.suspected_N).tolist() == wrong
        assert sorted(np.argsort(found.scores_N)[:4].tolist()) == wrong
        assert found.suggested_N[wrong].tolist() == [(self.labels[it] + 1) % 3 for it in wrong]
        assert found.scores_N.min() >= 0
        assert found.scores_N.max() <= 1

    def test_fewer_votes_make_a_label_easier_to_contradict(self) -> None:
        wrong = [4, 17]
        shares = np.full((60, 3), np.nan)
        shares[4] = np.eye(3)[self.labels[4]]  # five of five votes
        shares[17] = np.full(3, 0.2)
        shares[17, self.labels[17]] = 0.6  # three of five
        found = label_quality(self.labels, answers(self.labels, wrong, sure=0.7), shares)
        assert found.scores_N[17] < found.scores_N[4]
        without = label_quality(self.labels, answers(self.labels, wrong, sure=0.7), None)
        assert without.scores_N[17] == pytest.approx(without.scores_N[4])


def test_half_of_the_prior_is_the_votes() -> None:
    shares = np.array([[0.8, 0.1, 0.1, 0.0], [np.nan] * 4])
    found = prior_of_votes(shares, (2, 4))
    assert found[0] == pytest.approx([0.525, 0.175, 0.175, 0.125])
    assert found[1] == pytest.approx([0.25] * 4)


def test_without_the_library_one_line_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"`pip install 'cleanlab>=2\.8'`"):
        check_library()
