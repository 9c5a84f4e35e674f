"""Confidence intervals of an accuracy and of a difference between two systems.

An accuracy is uncertain for two reasons: the choice of test posts, and the seed of the training.
Each interval covers one or both:

- ``mean_interval``, Student's t over the repeats: where the mean over more and more seeds would
  lie, on the same test posts.
- ``run_interval``, Wilson's over the test posts: where the accuracy of one trained network would
  lie on more and more test posts.
- ``compare``, of two systems: both.

All accuracies are fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal, stats

from flickr_emotion.model.evaluation.metrics import CONFIDENCE, accuracy_interval

Right = npt.NDArray[np.bool_]
"""A row per repeat, a column per test post: whether it was answered correctly."""

Interval = tuple[float, float]


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return Student's t interval of a mean over repeats; None for fewer than two."""
    if len(values) < 2:
        return None
    half = _half_width(_variance_of_mean(np.array(values)), len(values) - 1, confidence)
    return float(np.mean(values) - half), float(np.mean(values) + half)


run_interval = accuracy_interval


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The difference in accuracy of two systems on the same test posts."""

    difference: float
    """Mean accuracy of the first minus that of the second."""
    interval: Interval
    """The interval of the difference, over test posts and trainings."""
    p_value: float
    """Two-sided, over the test posts, for no difference between these trained networks."""


def compare(
    first: Right, second: Right, confidence: float = CONFIDENCE, *, same_networks: bool = False
) -> Comparison:
    """Compare two systems on the same test posts, each with its own repeats.

    The interval is Student's, with the sum of two variances: that of the posts' differences (each a
    mean over the repeats) over the test posts, and that of each system's accuracies over its
    repeats; the degrees of freedom are Welch and Satterthwaite's. Answers that change from one
    repeat to the next count in both, so the interval is rather too wide than too narrow; removing
    them from one made it too narrow with three widely scattered repeats. Repeats are not paired by
    seed, because two systems share nothing through it; two heads of the ``same_networks`` do, and
    are paired.

    The p-value is McNemar's exact one with one repeat, and its extension to several otherwise: a
    post's difference is the sum over repeats, and each post's sign is flipped with probability one
    half (the exact sign-flip test). It takes the trained networks as given: a paired t-test over
    three repeats would ignore the test posts, which are the greater uncertainty there.
    """
    posts = first.mean(0) - second.mean(0)
    parts = [(_variance_of_mean(posts), len(posts) - 1)]
    trainings = [first.mean(1), second.mean(1)]
    if same_networks:
        trainings = [trainings[0] - trainings[1]]
    parts += [(_variance_of_mean(values), len(values) - 1) for values in trainings]
    variance = sum(part for part, _ in parts)
    weights = sum(part**2 / degrees for part, degrees in parts if part)
    half = _half_width(variance, variance**2 / weights, confidence) if weights else 0.0
    difference = float(posts.mean())
    repeats = np.lcm(len(first), len(second))
    sums = first.sum(0) * (repeats // len(first)) - second.sum(0) * (repeats // len(second))
    return Comparison(
        difference=difference,
        interval=(difference - half, difference + half),
        p_value=sign_flip(sums),
    )


def sign_flip(differences: npt.NDArray[np.int64]) -> float:
    """Return the exact two-sided p-value of whole-number differences under random signs.

    With differences of -1, 0 and 1 it is McNemar's exact test.
    """
    sizes = np.abs(differences[differences != 0])
    ways = np.ones(1)
    for size in sizes:
        flip = np.zeros(2 * size + 1)
        flip[[0, -1]] = 0.5
        ways = signal.convolve(ways, flip, method="direct")
    sums = np.arange(len(ways)) - len(ways) // 2
    return float(min(1.0, ways[np.abs(sums) >= abs(differences.sum())].sum()))


def _variance_of_mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _half_width(variance: float, degrees: float, confidence: float) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, degrees) * variance**0.5)
