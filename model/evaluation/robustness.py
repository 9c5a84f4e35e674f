"""The robustness curve: accuracy as modalities go missing at random.

Each modality that a test post holds is dropped with a given probability, independently of the
others; a post that would lose all keeps one of them, chosen uniformly. The remaining subset is
answered by its own head, or by the largest that there is. Beside it stand the usual ways of
answering such a post: the complete head, with something in the place of what is absent
(``model/evaluation/filling.py``).

A head's answer to a post depends only on the head's modalities, so the answer to a post without
some of them is another head's answer to the whole post: the network need not run again.

The area under the curve is the mean accuracy over the rates (by the trapezoidal rule, divided by
their range). It is a mean over the posts, so its interval, and that of a difference between two
ways of answering the same posts, is Student's over the posts.

Shapes in names: B posts, M modalities, S subsets, R rates.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.metrics import (
    CONFIDENCE,
    confusion_matrix,
    figures,
    spread,
)
from flickr_emotion.model.networks.system import Flags
from flickr_emotion.model.posts.posts import Integers

RATES = tuple(tenth / 10 for tenth in range(10))
DRAWS = 10
SEED = 0

Answers = Mapping[str, Integers]
"""By the subset that posts keep, the predicted class of each post, (B,); -1 for no answer."""

_WEIGHTS_R = np.array([0.5, *[1.0] * (len(RATES) - 2), 0.5]) / (len(RATES) - 1)
"""The weights of the trapezoidal rule."""


def own_answers(
    heads: Mapping[str, HeadAnswers], posts: int, ranking: Sequence[str] = SUBSETS
) -> Answers:
    """Return the answers of the heads that `predict` would use for each subset kept.

    ``heads``: the answers of all heads to the whole posts; ``ranking``: the order of preference
    (``model/runs/heads.py``).
    """
    able = [subset for subset in ranking if subset in heads and len(heads[subset].posts_N)]
    answers = {}
    for kept in SUBSETS:
        answers[kept] = np.full(posts, -1, dtype=np.int64)
        if subset := answering_subset(kept.split("+"), able):
            answers[kept][heads[subset].posts_N] = heads[subset].answers_N
    return answers


def missing_curve(
    own: Answers,
    labels_B: Integers,
    present: Mapping[str, Flags],
    classes: int,
    filled: Mapping[str, Answers] | None = None,
) -> dict[str, Any]:
    """Return the curve of a run's own answers, and beside it those of the ``filled``, by filling.

    ``present`` says by modality which posts have it, (B,).

    A curve has accuracy and weighted F1 at each rate, mean and deviation over ten seeded draws, and
    the ``area`` under the accuracy. A post that is not answered counts as wrong; ``answered`` is
    the share of the others. Figures are null if there are no posts.
    """
    present_BM = np.stack([present[modality] for modality in MODALITIES], axis=1)
    kept = [
        {rate: _kept(present_BM, rate, np.random.default_rng([SEED, draw])) for rate in RATES}
        for draw in range(DRAWS)
    ]
    curve, right_B = _curve(own, kept, labels_B, classes)
    compared = {}
    for name, answers in (filled or {}).items():
        other, others_right_B = _curve(answers, kept, labels_B, classes)
        compared[name] = other | {"ours_minus_this": mean_of_posts(right_B - others_right_B)}
    return {"draws": DRAWS, "seed": SEED, "count": len(labels_B), **curve, "filled": compared}


def mean_of_posts(values_B: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return the mean of a value of each post, with its interval; null if it is not known."""
    from scipy import stats

    if not len(values_B):
        return {"value": None, "interval": None}
    mean = float(values_B.mean())
    if len(values_B) == 1:
        return {"value": mean, "interval": None}
    half = float(
        stats.t.ppf((1 + CONFIDENCE) / 2, len(values_B) - 1)
        * values_B.std(ddof=1)
        / len(values_B) ** 0.5
    )
    return {"value": mean, "interval": [mean - half, mean + half]}


def _kept(
    present_BM: npt.NDArray[np.bool_], rate: float, generator: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Drop modalities; with equal draws, what is dropped at a rate is dropped at higher ones."""
    luck_BM = generator.random(present_BM.shape)
    kept_BM = present_BM & (luck_BM >= rate)
    luckiest_B = np.where(present_BM, luck_BM, -1.0).argmax(1)
    rows_B = np.arange(len(present_BM))
    kept_BM[rows_B, luckiest_B] |= present_BM[rows_B, luckiest_B]
    return kept_BM


def _curve(
    answers: Answers,
    kept: Sequence[Mapping[float, npt.NDArray[np.bool_]]],
    labels_B: Integers,
    classes: int,
) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return a curve, and each post's share of the area under it, (B,)."""
    # A row for each combination of modalities, indexed by its bits; no answer is `classes`.
    by_number_SB = np.full((2 ** len(MODALITIES), len(labels_B)), classes)
    for subset, answers_B in answers.items():
        number = sum(1 << MODALITIES.index(modality) for modality in subset.split("+"))
        by_number_SB[number] = np.where(answers_B >= 0, answers_B, classes)
    rates, right_B = [], np.zeros(len(labels_B))
    for rate, weight in zip(RATES, _WEIGHTS_R, strict=True):
        found: dict[str, list[float | None]] = {"accuracy": [], "weighted_f1": [], "answered": []}
        for draw in kept:
            numbers_B = draw[rate] @ (1 << np.arange(len(MODALITIES)))
            answers_B = by_number_SB[numbers_B, np.arange(len(labels_B))]
            right_B += weight / len(kept) * (answers_B == labels_B)
            judged = figures(confusion_matrix(labels_B, answers_B, classes + 1))
            found["accuracy"].append(judged["accuracy"])
            found["weighted_f1"].append(judged["weighted_f1"])
            found["answered"].append(float((answers_B < classes).mean()) if len(labels_B) else None)
        rates.append({"rate": rate, **{name: spread(values) for name, values in found.items()}})
    return {"rates": rates, "area": mean_of_posts(right_B)}, right_B
