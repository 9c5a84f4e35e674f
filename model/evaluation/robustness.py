"""The robustness curve: accuracy as modalities go missing at random.

Each modality that a test post holds is dropped with a given probability, independently of the
others; a post that would lose all keeps one of them, chosen uniformly. The remaining subset is
answered by its own head, or by the
largest that there is.

A head's answer to a post depends only on the head's modalities, so the answer to a post without
some of them is another head's answer to the whole post: the network need not run again.

Shapes in names: B posts, M modalities.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.metrics import confusion_matrix, figures, spread
from flickr_emotion.model.posts.posts import Integers, Posts

RATES = tuple(tenth / 10 for tenth in range(10))
DRAWS = 10
SEED = 0


def missing_curve(
    answers: Mapping[str, HeadAnswers],
    posts: Posts,
    classes: int,
    ranking: Sequence[str] = SUBSETS,
) -> dict[str, Any]:
    """Return accuracy and weighted F1 at each rate: mean and deviation over ten seeded draws.

    ``answers`` are those of all heads to the complete posts, ``ranking`` is the order of preference
    (``model/runs/heads.py``). A post whose remaining subset no head
    can answer counts as wrong; ``answered`` is the share of the others. Figures are null if there
    are no posts.
    """
    present_BM = np.stack([posts.present[modality] for modality in MODALITIES], axis=1)
    # The answer to each combination of modalities, indexed by its bits.
    combinations = [
        [m for place, m in enumerate(MODALITIES) if number >> place & 1]
        for number in range(2 ** len(MODALITIES))
    ]
    able = [subset for subset in ranking if subset in answers and len(answers[subset].posts_N)]
    answers_by_number = np.full((len(combinations), len(posts)), classes)  # `classes`: no answer
    for number, held in enumerate(combinations):
        if subset := answering_subset(held, able):
            head = answers[subset]
            answers_by_number[number, head.posts_N] = head.answers_N
    kept = [
        {rate: _kept(present_BM, rate, np.random.default_rng([SEED, draw])) for rate in RATES}
        for draw in range(DRAWS)
    ]
    return {
        "draws": DRAWS,
        "seed": SEED,
        "count": len(posts),
        "rates": [
            _at_rate(rate, [draw[rate] for draw in kept], answers_by_number, posts.labels, classes)
            for rate in RATES
        ],
    }


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


def _at_rate(
    rate: float,
    draws: list[npt.NDArray[np.bool_]],
    answers_by_number: Integers,
    labels_B: Integers,
    classes: int,
) -> dict[str, Any]:
    found: dict[str, list[float | None]] = {"accuracy": [], "weighted_f1": [], "answered": []}
    for kept_BM in draws:
        numbers_B = kept_BM @ (1 << np.arange(len(MODALITIES)))
        answers_B = answers_by_number[numbers_B, np.arange(len(labels_B))]
        judged = figures(confusion_matrix(labels_B, answers_B, classes + 1))
        found["accuracy"].append(judged["accuracy"])
        found["weighted_f1"].append(judged["weighted_f1"])
        found["answered"].append(float((answers_B < classes).mean()) if len(labels_B) else None)
    return {"rate": rate, **{name: spread(values) for name, values in found.items()}}
