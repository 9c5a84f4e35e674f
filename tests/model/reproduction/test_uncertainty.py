"""Intervals and tests, compared with scipy's and those of ``statistics``."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from flickr_emotion.model.reproduction.uncertainty import (
    Right,
    compare,
    mean_interval,
    run_interval,
    sign_flip,
)


def answers(repeats: int, posts: int, rate: float, seed: int) -> Right:
    return np.random.default_rng(seed).random((repeats, posts)) < rate


def test_the_interval_of_a_mean_is_students() -> None:
    values = [0.91, 0.94, 0.92]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))
    assert mean_interval([0.9]) is None


def test_the_interval_of_a_run_is_wilsons() -> None:
    # Wilson (1927), computed by hand for 78 of 85.
    z, n, p = stats.norm.ppf(0.975), 85, 78 / 85
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert run_interval(78, 85) == pytest.approx((middle - half, middle + half))


@given(st.integers(0, 30), st.integers(0, 30))
def test_with_one_repeat_it_is_mcnemars_exact_test(only_first: int, only_second: int) -> None:
    first = np.array([[True] * only_first + [False] * only_second + [True] * 5])
    second = np.array([[False] * only_first + [True] * only_second + [True] * 5])
    discordant = only_first + only_second
    expected = stats.binomtest(only_first, discordant).pvalue if discordant else 1.0
    assert compare(first, second).p_value == pytest.approx(expected)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=9))
def test_the_sign_flip_test_is_scipys_exact_permutation_test(differences: list[int]) -> None:
    expected = stats.permutation_test(
        (np.array(differences), np.zeros(len(differences), dtype=int)),
        lambda x, y, axis: abs((x - y).sum(axis=axis)),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
        vectorized=True,
    )
    assert sign_flip(np.array(differences)) == pytest.approx(expected.pvalue)


def test_with_one_repeat_the_interval_is_that_of_the_paired_t_test() -> None:
    first, second = answers(1, 60, 0.9, 1), answers(1, 60, 0.8, 2)
    expected = stats.ttest_rel(first[0].astype(float), second[0].astype(float))
    found = compare(first, second)
    ends = expected.confidence_interval(0.95)
    assert found.interval == pytest.approx((ends.low, ends.high))
    assert found.difference == pytest.approx(first.mean() - second.mean())


def test_without_variance_between_posts_the_interval_is_welchs() -> None:
    """Every post differs in the same way, so only the trainings vary."""
    first = np.array([[True] * 50, [True] * 50, [False] * 50])
    second = np.array([[False] * 50, [True] * 50, [False] * 50])
    expected = stats.ttest_ind(first.mean(1), second.mean(1), equal_var=False)
    ends = expected.confidence_interval(0.95)
    assert compare(first, second).interval == pytest.approx((ends.low, ends.high))


def test_different_numbers_of_repeats() -> None:
    first, second = answers(3, 40, 0.9, 1), answers(2, 40, 0.5, 2)
    found = compare(first, second)
    assert found.difference == pytest.approx(first.mean() - second.mean())
    assert found.p_value < 0.001 < 0 + found.interval[0] < found.difference


@pytest.mark.parametrize("scatter", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("same_networks", [False, True])
def test_the_interval_covers_what_it_says(scatter: float, same_networks: bool) -> None:
    """Two systems of equal strength: about 95 of 100 intervals contain zero, or more."""
    trials, covered = 400, 0
    for seed in range(trials):
        generator = np.random.default_rng(seed)
        hard = generator.random(80)  # posts differ in difficulty, as real ones do
        skill = [generator.normal(0, scatter, (3, 1)) for _ in range(2)]  # and so do trainings
        shared = generator.normal(0, 0.1, (3, 1)) if same_networks else 0
        first, second = (generator.random((3, 80)) < hard + own + shared for own in skill)
        low, high = compare(first, second, same_networks=same_networks).interval
        covered += low <= 0 <= high
    assert covered >= 0.92 * trials


def test_heads_of_the_same_networks_are_paired() -> None:
    """What makes both heads of a network good or bad says nothing about their difference."""
    generator = np.random.default_rng(0)
    skill = np.array([[0.3], [0.6], [0.9]])
    both = generator.random((3, 200))
    first, second = both < skill, both < skill - 0.1
    low, high = compare(first, second, same_networks=True).interval
    assert 0 < low < high < 0.3
    low, high = compare(first, second).interval
    assert low < 0 < high
