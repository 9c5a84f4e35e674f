"""Accuracies and differences over repeats, with their intervals, in per cent as in the paper.

All that a table, a figure or a claim says of trained networks is computed here, as the plain
objects that go into the JSON file.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.evaluation.metrics import CONFIDENCE, figures, spread
from flickr_emotion.model.reproduction.cells import Finished
from flickr_emotion.model.reproduction.uncertainty import (
    Right,
    compare,
    mean_interval,
    run_interval,
)

INTERVALS = (
    "The intervals are 95% confidence intervals: Student's t for the mean over the repeats (how "
    "far more seeds could move it, on the same test posts), and Wilson's for the first repeat's "
    "network alone (how far more test posts could move it). A difference's interval covers both "
    "test posts and trainings; its p-value is from the exact sign-flip test over the test "
    "posts, which with one repeat is McNemar's exact test."
)


def estimate(repeats: Sequence[Finished], subset: str) -> dict[str, Any] | None:
    """Return the accuracy of a subset's head over repeats; None if no test post holds it."""
    right = _right(repeats, subset, repeats[0].answers.answered(subset))
    if not right.size:
        return None
    values = [float(row.mean()) for row in right]
    interval = mean_interval(values)
    of_runs = [run_interval(int(row.sum()), len(row)) for row in right]
    return {
        **{name: _percent(value) for name, value in spread(list(values)).items()},
        "mean_interval": interval and _percent(interval),
        "run_intervals": [_percent(one) for one in of_runs],
        "weighted_f1": _percent(
            float(np.mean([done.answers.weighted_f1(subset) for done in repeats]))
        ),
        "posts": right.shape[1],
    }


def difference(
    first: Sequence[Finished],
    second: Sequence[Finished],
    subset: str,
    other_subset: str | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Any] | None:
    """Return by how much the first system is ahead on the test posts that both can answer.

    ``other_subset`` is the second system's subset if it differs. None if there are no such posts.
    """
    other_subset = other_subset or subset
    both = first[0].answers.answered(subset) & second[0].answers.answered(other_subset)
    if not both.any():
        return None
    found = compare(
        _right(first, subset, both),
        _right(second, other_subset, both),
        confidence,
        same_networks=[done.cell for done in first] == [done.cell for done in second],
    )
    return {
        "difference": _percent(found.difference),
        "interval": _percent(found.interval),
        "p_value": found.p_value,
        "posts": int(both.sum()),
    }


def majority(repeats: Sequence[Finished], subset: str) -> dict[str, Any]:
    """Return the accuracy of always predicting the most frequent class of the training posts."""
    found = repeats[0].record["metrics"]["majority"]
    reached = found["test"][subset]
    return {
        "label": found["label"],
        "accuracy": _percent(reached["accuracy"]),
        "weighted_f1": _percent(reached["weighted_f1"]),
    }


def _right(repeats: Sequence[Finished], subset: str, posts: npt.NDArray[np.bool_]) -> Right:
    """Return whether each repeat answered each of the posts correctly."""
    return np.stack([done.answers.right(subset)[posts] for done in repeats])


def confusion_figures(confusion: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return accuracy and F1 of a confusion matrix, in per cent."""
    found = figures(np.array(confusion))
    return {name: value if name == "count" else _percent(value) for name, value in found.items()}


def _percent(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_percent(one) for one in value]
    return None if value is None else 100 * value
