"""How far probabilities are from the distribution of the votes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.distances import distances, mean_distances
from flickr_emotion.model.evaluation.metrics import over_repeats
from flickr_emotion.model.evaluation.report import split_table


def answers(logits: list[list[float]], shares: list[list[float]] | None) -> HeadAnswers:
    count = len(logits)
    return HeadAnswers(
        posts_N=np.arange(count),
        labels_N=np.zeros(count, np.int64),
        logits_NC=np.array(logits, np.float32),
        shares_NC=None if shares is None else np.array(shares, np.float32),
    )


class TestMeasures:
    def test_worked_by_hand(self) -> None:
        shares, chances = np.array([[0.5, 0.5, 0.0]]), np.array([[0.25, 0.5, 0.25]])
        found = mean_distances(shares, np.log(chances))
        assert found["kl_divergence"] == pytest.approx(0.5 * math.log(2))
        assert found["chebyshev"] == pytest.approx(0.25)
        lengths = math.sqrt(0.5) * math.sqrt(0.375)
        assert found["cosine"] == pytest.approx((0.125 + 0.25) / lengths)

    def test_they_are_means_over_the_posts(self) -> None:
        shares = np.array([[1.0, 0.0], [0.5, 0.5]])
        found = mean_distances(shares, np.log(np.full((2, 2), 0.5)))
        assert found["kl_divergence"] == pytest.approx(math.log(2) / 2)
        assert found["chebyshev"] == pytest.approx(0.25)

    @given(
        st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=5),
        st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    )
    def test_their_bounds(self, weights: list[list[float]], logits: list[float]) -> None:
        shares = np.array(weights) / np.array(weights).sum(1, keepdims=True)
        same = mean_distances(shares, np.log(shares))
        assert same["kl_divergence"] == pytest.approx(0, abs=1e-9)
        assert same["chebyshev"] == pytest.approx(0, abs=1e-9)
        assert same["cosine"] == pytest.approx(1)
        found = distances(answers([logits] * len(shares), shares.tolist()))
        assert found["kl_divergence"] >= -1e-6
        assert 0 <= found["chebyshev"] <= 1
        assert 0 <= found["cosine"] <= 1 + 1e-6


class TestPosts:
    def test_only_posts_with_a_distribution_count(self) -> None:
        nan = math.nan
        given = answers([[0, 0], [9, 0]], [[0.5, 0.5], [nan, nan]])
        found = distances(given)
        assert found.pop("distributions") == 1
        assert found == pytest.approx({"kl_divergence": 0, "chebyshev": 0, "cosine": 1}, abs=1e-6)
        assert distances(answers([[0, 0]], [[nan, nan]])) == {}
        assert distances(answers([[0, 0]], None)) == {}

    def test_a_probability_of_nearly_zero_gives_a_number(self) -> None:
        found = distances(answers([[0, 2000]], [[0.5, 0.5]]))
        assert found["kl_divergence"] == pytest.approx(1000 + math.log(0.5))


ROW = {"accuracy": 0.5, "macro_f1": 0.5, "weighted_f1": 0.5, "count": 4}
KNOWN = {"kl_divergence": 0.25, "chebyshev": 0.125, "cosine": 0.75, "distributions": 3}


def test_repeats_have_mean_and_deviation() -> None:
    found = over_repeats([ROW | KNOWN, ROW | KNOWN | {"kl_divergence": 0.75}])
    assert found["kl_divergence"]["mean"] == 0.5
    assert found["distributions"] == 3
    assert "kl_divergence" not in over_repeats([ROW, ROW])


def test_the_table_shows_them_where_they_are_known() -> None:
    def table(row: dict[str, float]) -> str:
        return split_table("test", {"test": dict.fromkeys(SUBSETS, row)})

    heading, names, first, *_ = table(ROW | KNOWN).splitlines()
    assert heading == "test, in per cent but for KL, Chebyshev and cosine"
    assert names.split()[-3:] == ["KL", "Chebyshev", "cosine"]
    assert first.split()[-3:] == ["0.250", "0.125", "0.750"]
    assert "KL" not in table(ROW)
