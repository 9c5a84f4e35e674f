"""Accuracy and F1, computed from a confusion matrix.

They match scikit-learn's: a class that occurs neither among the labels nor among the answers is
omitted from the macro average, and a class that is never predicted correctly has an F1 of 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.runs.metrics_file import DISTANCES

Confusion = npt.NDArray[np.int64]
"""A row per true class, a column per predicted class."""

CONFIDENCE = 0.95

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
    """Return Wilson's interval of one network's accuracy: ``right`` correct out of ``count``."""
    from scipy import stats

    found = stats.binomtest(right, count).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


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
