"""The errors of which a run is surest: what it has not learnt, or labels that are wrong."""

from dataclasses import dataclass

import numpy as np

from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.samples import Sample, pictures_at, samples_at
from flickr_emotion.model.report.accuracies import heads_in_words
from flickr_emotion.model.report.judging import NO_ANSWER, JudgedRun

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class SureError:
    """A test post that was answered wrongly."""

    sample: Sample
    picture: bytes | None
    answer: str
    probability: float
    """The calibrated probability of the answer."""
    read: str
    """The subset of the head that answered."""
    heads: tuple[tuple[str, str, float, float], ...]
    """Of each head that can answer the post: what it reads in words, its answer, the probability of
    that answer, and that of the label."""


def surest_errors(run: JudgedRun, dataset: Dataset, most: int = SHOWN) -> list[SureError]:
    """Return the wrong answers of the highest calibrated probability, the surest first."""
    answers = run.own_answers
    confidences = run.own_probabilities(run.calibration).max(1)
    wrong = np.flatnonzero((answers != run.labels_B) & (answers != NO_ANSWER))
    rows = [int(row) for row in wrong[np.argsort(-confidences[wrong], kind="stable")][:most]]
    samples, pictures = samples_at(dataset, TEST, rows), pictures_at(dataset, TEST, rows)
    said = {subset: run.probabilities(subset, run.calibration) for subset in run.heads}
    words = heads_in_words(run)
    return [
        SureError(
            sample=samples[row],
            picture=pictures.get(row),
            answer=run.classes[answers[row]],
            probability=float(confidences[row]),
            read=str(run.own_heads[row]),
            heads=tuple(
                (
                    words[subset],
                    run.classes[int(found[row].argmax())],
                    float(found[row].max()),
                    float(found[row, run.labels_B[row]]),
                )
                for subset, found in said.items()
                if not np.isnan(found[row]).any()
            ),
        )
        for row in rows
    ]
