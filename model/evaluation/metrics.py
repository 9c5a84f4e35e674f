"""Accuracy and F1, computed from a confusion matrix.

They match scikit-learn's: a class that occurs neither among the labels nor among the answers is
omitted from the macro average, and a class that is never predicted correctly has an F1 of 0.

Shapes in names: D draws of a bootstrap, C classes.
"""

# ruff: noqa: N806 (shapes in names)

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.runs.metrics_file import DISTANCES

Confusion = npt.NDArray[np.int64]
"""A row per true class, a column per predicted class."""

CONFIDENCE = 0.95

_DRAWS = 1000

FIGURES = ("accuracy", "macro_f1", "weighted_f1")
KNOWN = "distributions"
"""How many posts these are."""


def confusion_matrix(labels: Confusion, answers: Confusion, classes: int) -> Confusion:
    """Count the predictions of each class by true class."""
    return np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)


def figures(confusion: Confusion) -> dict[str, Any]:
    """Return accuracy, macro and weighted F1 and the number of posts; null if there are none."""
    count = int(confusion.sum())
    if count == 0:
        return {**dict.fromkeys(FIGURES), "count": 0}
    right = np.diag(confusion)
    labelled, answered = confusion.sum(1), confusion.sum(0)
    occurring = (labelled + answered) > 0
    f1 = 2 * right[occurring] / (labelled + answered)[occurring]
    return {
        "accuracy": float(right.sum() / count),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float((f1 * labelled[occurring]).sum() / count),
        "count": count,
    }


def majority(confusion: Confusion, answer: int) -> dict[str, Any]:
    """Return the figures on the same posts of always predicting the same class."""
    constant = np.zeros_like(confusion)
    constant[:, answer] = confusion.sum(1)
    return figures(constant)


def accuracy_interval(
    right: int, count: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return Wilson's interval of one network's accuracy: ``right`` correct out of ``count``.

    Wilson (1927): Probable Inference, the Law of Succession, and Statistical Inference, JASA 22.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (right + z * z / 2) / (count + z * z)
    half = z * math.sqrt(right * (count - right) / count + z * z / 4) / (count + z * z)
    # If none or all are right, an end is 0 or 1, which rounding would miss.
    return (0.0 if right == 0 else middle - half), (1.0 if right == count else middle + half)


def weighted_f1_interval(
    confusion: Confusion, count: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the bootstrap interval of the weighted F1 over ``count`` posts, at least one.

    ``confusion`` gives the share of each cell; of several repeats it is their sum.
    """
    shares = confusion.flatten() / confusion.sum()
    drawn = np.random.default_rng(0).multinomial(count, shares, _DRAWS)
    cells_DCC = drawn.reshape(_DRAWS, *confusion.shape)
    labelled_DC, answered_DC = cells_DCC.sum(2), cells_DCC.sum(1)
    right_DC = cells_DCC.diagonal(axis1=1, axis2=2)
    f1_DC = 2 * right_DC / np.maximum(labelled_DC + answered_DC, 1)
    drawn_D = (f1_DC * labelled_DC).sum(1) / count
    low, high = np.quantile(drawn_D, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def over_repeats(repeats: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several runs, each as mean, sample deviation and values."""
    summary = {name: repeats[0][name] for name in ("count", KNOWN) if name in repeats[0]}
    for name in (*FIGURES, *(it for it in DISTANCES if it in repeats[0])):
        summary[name] = spread([repeat[name] for repeat in repeats])
    return summary


def spread(values: list[float | None]) -> dict[str, Any]:
    """Return mean, sample standard deviation and values; null if any value is.

    One value has no deviation: it is null, too.
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return {"mean": None, "std": None, "values": values}
    return {
        "mean": float(np.mean(known)),
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "values": values,
    }
