"""Figures of `table`: accuracy and weighted F1 over all folds, with intervals.

The test posts of the folds are pooled: each post is answered once, by a network not trained on it.
A post that no head can answer counts as wrong. Intervals are 95% bootstrap intervals over the
posts; a difference uses the same draws of the same posts. The variation between seeds is included
only as far as five trainings show it.

Shapes in names: N posts, B draws, C classes, A answers (the classes, and none).
"""

# ruff: noqa: N802, N803, N806 (shapes in names)

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

from benchmarks.real_posts.answers import Pooled
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.model.errors import ModelError

DRAWS = 2000
ENDS = (2.5, 97.5)

Floats = npt.NDArray[np.float64]


@cache
def draws_BN(posts: int) -> Floats:
    """Return how often each post is in each draw; the first draw has every post once."""
    drawn = np.random.default_rng(0).multinomial(posts, np.full(posts, 1 / posts), DRAWS)
    return np.concatenate([np.ones((1, posts)), drawn])


def accuracy_B(pooled: Pooled) -> Floats:
    """Return the accuracy in each draw."""
    right_N = pooled.labels_N == pooled.answers_N
    found: Floats = draws_BN(len(right_N)) @ right_N / len(right_N)
    return found


def weighted_f1_B(pooled: Pooled) -> Floats:
    """Return the mean F1 of the classes, weighted by their numbers of posts, in each draw."""
    classes, answers = pooled.classes, pooled.classes + 1
    cells_N = pooled.labels_N * answers + pooled.answers_N
    counts_BCA = (draws_BN(len(cells_N)) @ np.eye(classes * answers)[cells_N]).reshape(
        -1, classes, answers
    )
    labelled_BC = counts_BCA.sum(2)
    answered_BC = counts_BCA.sum(1)[:, :classes]
    right_BC = counts_BCA[:, range(classes), range(classes)]
    f1_BC = 2 * right_BC / np.maximum(labelled_BC + answered_BC, 1)
    found: Floats = (f1_BC * labelled_BC).sum(1) / len(cells_N)
    return found


def markdown_table(pooled: Mapping[str, Pooled], reference: str | None) -> list[str]:
    """Return the lines of the table; rows are compared with the ``reference`` on all posts."""
    if not pooled:
        return ["no row is finished"]
    first = next(iter(pooled.values()))
    for row, one in pooled.items():
        if one.photo_ids != first.photo_ids:
            raise ModelError(
                f"{row} has answers for other posts than the rows before: remove its files"
            )
    head = [
        *(f"{len(first.photo_ids)} posts", "accuracy", "weighted F1", "answered"),
        f"accuracy, {first.complete_N.sum()} complete posts",
        *(f"accuracy, {first.agreeing_N.sum()} agreeing posts", "weighted F1, agreeing posts"),
        f"accuracy minus {reference}'s" if reference else "",
    ]
    rows = []
    for row, one in pooled.items():
        complete, agreeing = one.of(one.complete_N), one.of(one.agreeing_N)
        answered = float((one.answers_N < one.classes).mean())
        behind = ""
        if reference and row != reference:
            behind = _with_interval(accuracy_B(one) - accuracy_B(pooled[reference]), "+.1f")
        rows.append(
            [
                *(row, _with_interval(accuracy_B(one)), _with_interval(weighted_f1_B(one))),
                *(f"{answered:.1%}", _with_interval(accuracy_B(complete))),
                *(_with_interval(accuracy_B(agreeing)), _with_interval(weighted_f1_B(agreeing))),
                behind,
            ]
        )
    return table_lines(head, rows)


def parts_table(
    validation: Mapping[str, Pooled], test: Mapping[str, Pooled], whole: str
) -> list[str]:
    """Return the effect of each part of a recipe: rows without one, beside the ``whole``.

    On validation posts the log loss and the accuracy, by which a part is kept; on test posts the
    accuracy lost without it.
    """
    rows = []
    for row, one in test.items():
        loss = -np.log(validation[row].chances_N).mean()
        lost = accuracy_B(one) - accuracy_B(test[whole])
        rows.append(
            [
                *(row, f"{loss:.3f}", f"{100 * accuracy_B(validation[row])[0]:.1f}"),
                *(_with_interval(accuracy_B(one)), _with_interval(weighted_f1_B(one))),
                "" if row == whole else _with_interval(lost, "+.1f"),
            ]
        )
    head = ["", "validation, log loss", "validation, accuracy", "accuracy", "weighted F1"]
    return table_lines([*head, f"accuracy minus {whole}'s"], rows)


def _with_interval(values_B: Floats, form: str = ".1f") -> str:
    """Return the figure on all posts, and the interval of the draws, in per cent."""
    value, ends = values_B[0], np.percentile(values_B[1:], ENDS)
    return f"{100 * value:{form}} ({100 * ends[0]:{form}} to {100 * ends[1]:{form}})"
