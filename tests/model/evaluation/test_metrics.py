"""The figures equal scikit-learn's, whatever the labels and answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from flickr_emotion.model.evaluation.metrics import (
    accuracy_interval,
    confusion_matrix,
    figures,
    majority,
    over_repeats,
)


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60),
)
def test_equal_to_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, answers = np.array(pairs).T
    confusion = confusion_matrix(labels, answers, 5)
    assert (confusion == sklearn_confusion_matrix(labels, answers, labels=range(5))).all()
    found = figures(confusion)
    assert found["count"] == len(pairs)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, answers))
    for average in ("macro", "weighted"):
        expected = f1_score(labels, answers, average=average, zero_division=0)
        assert found[f"{average}_f1"] == pytest.approx(expected)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_an_accuracy_is_wilsons(counted: tuple[int, int]) -> None:
    right, count = counted
    for confidence in (0.9, 0.95):
        expected = stats.binomtest(right, count).proportion_ci(confidence, method="wilson")
        found = accuracy_interval(right, count, confidence)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= found[0] <= right / count <= found[1] <= 1


def test_no_posts() -> None:
    found = figures(np.zeros((3, 3), dtype=np.int64))
    assert found == {"accuracy": None, "macro_f1": None, "weighted_f1": None, "count": 0}


def test_majority() -> None:
    confusion = np.array([[0, 3], [2, 0]])
    assert majority(confusion, 0)["accuracy"] == 0.6
    assert majority(confusion, 1)["accuracy"] == 0.4


def test_over_repeats() -> None:
    repeats = [
        {"accuracy": value, "macro_f1": None, "weighted_f1": 1.0, "count": 4}
        for value in (0.5, 0.75)
    ]
    found = over_repeats(repeats)
    assert found["accuracy"]["mean"] == 0.625
    assert found["accuracy"]["std"] == pytest.approx(0.1767767)
    assert found["macro_f1"] == {"mean": None, "std": None, "values": [None, None]}
    assert found["count"] == 4


def test_one_repeat_has_no_deviation() -> None:
    repeat = {"accuracy": 0.5, "macro_f1": None, "weighted_f1": 1.0, "count": 4}
    found = over_repeats([repeat])
    assert found["accuracy"] == {"mean": 0.5, "std": None, "values": [0.5]}
    assert found["count"] == 4
