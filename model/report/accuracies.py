"""The tables of one run: how often each head is right, and on what.

A table holds texts as they are shown, in per cent where its title says so.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import COMPLETE, SUBSETS, subset_in_words
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.split_names import TEST
from flickr_emotion.model.evaluation.calibration import UNCALIBRATED, reliability
from flickr_emotion.model.evaluation.metrics import (
    Confusion,
    accuracy_interval,
    confusion_matrix,
    figures,
    majority,
)
from flickr_emotion.model.evaluation.report import percent
from flickr_emotion.model.report.judging import NO_ANSWER, JudgedRun

OWN_HEAD = "each post by its own head"
"""The row of the answers that `predict` gives: each post by the largest head that it can have."""
DASH = "-"

Flags = npt.NDArray[np.bool_]


def heads_in_words(run: JudgedRun) -> dict[str, str]:
    """Return the heads that answered a post, by subset, in words."""
    return {subset: subset_in_words(subset) for subset in run.heads}


def own_confusion(run: JudgedRun) -> Confusion:
    """Return the confusion matrix of the answers that `predict` gives."""
    held = run.own_answers != NO_ANSWER
    return confusion_matrix(run.labels_B[held], run.own_answers[held], len(run.classes))


def confusions(run: JudgedRun) -> dict[str, Confusion]:
    """Return the matrices of all rows of the table of accuracies, by their names."""
    return {
        **{words: run.score.confusions[subset] for subset, words in heads_in_words(run).items()},
        OWN_HEAD: own_confusion(run),
    }


def accuracy_table(run: JudgedRun) -> Table:
    """Return accuracy and F1 of each head, beside always answering the majority class."""
    of_seeds = _over_seeds(run)
    rows = []
    for name, confusion in confusions(run).items():
        found = figures(confusion)
        always = majority(confusion, run.classes.index(run.majority))
        rows.append(
            [
                *(name, str(found["count"]), percent(found["accuracy"])),
                *(interval_of(confusion), percent(always["accuracy"])),
                *(percent(found["macro_f1"]), percent(found["weighted_f1"])),
                *([of_seeds.get(name, DASH)] if of_seeds else []),
            ]
        )
    head = ["what is read", "posts", "accuracy", "95% interval", "majority", "macro F1"]
    head += ["weighted F1", *(["all seeds"] if of_seeds else [])]
    return Table(
        name=f"{run.key}-accuracy",
        subject=run.name,
        title="Accuracy and F1 on the test posts, in per cent",
        head=head,
        rows=rows,
        total=True,
    )


def interval_of(confusion: Confusion) -> str:
    """Return Wilson's 95% interval of an accuracy, in per cent."""
    count = int(confusion.sum())
    if not count:
        return DASH
    low, high = accuracy_interval(int(np.trace(confusion)), count)
    return f"{percent(low)} to {percent(high)}"


def _over_seeds(run: JudgedRun) -> dict[str, str]:
    """Return mean and deviation of the accuracies of a run with several seeds, by head."""
    if run.metrics is None or not run.own_dataset or len(run.metrics.get("seeds", ())) < 2:
        return {}
    found: Mapping[str, Any] = run.metrics[TEST]
    return {
        words: percent(found[subset]["accuracy"]) for subset, words in heads_in_words(run).items()
    }


def class_table(run: JudgedRun, name: str, confusion: Confusion) -> Table:
    """Return precision, recall and F1 of each class; ``name`` says who answered."""
    right, labelled, answered = np.diag(confusion), confusion.sum(1), confusion.sum(0)

    def share(part: Any, whole: Any) -> str:
        return percent(part / whole) if whole else DASH

    return Table(
        name=f"{run.key}-classes-{name.replace(',', '').replace(' ', '-')}",
        subject=run.name,
        title=f"Classes in per cent, {name}",
        head=["class", "posts", "answers", "precision", "recall", "F1"],
        rows=[
            [
                *(label, str(labelled[k]), str(answered[k])),
                *(share(right[k], answered[k]), share(right[k], labelled[k])),
                share(2 * right[k], labelled[k] + answered[k]),
            ]
            for k, label in enumerate(run.classes)
        ],
    )


def calibration_table(run: JudgedRun) -> Table:
    """Return the temperatures and the expected calibration errors."""
    rows = []
    for subset, words in heads_in_words(run).items():
        head = run.heads[subset]
        errors = [
            reliability(by.probabilities(subset, head.logits_NC), head.labels_N).error
            for by in (UNCALIBRATED, run.calibration)
        ]
        temperature = run.calibration.temperatures.get(subset)
        told = DASH if temperature is None else f"{temperature:.2f}"
        rows.append([words, str(len(head.labels_N)), told, *map(percent, errors)])
    return Table(
        name=f"{run.key}-calibration",
        subject=run.name,
        title="Temperature, and expected calibration error (ECE) in per cent",
        head=["what is read", "posts", "temperature", "ECE before", "ECE after"],
        rows=rows,
    )


def heads_table(run: JudgedRun) -> Table | None:
    """Return what each head gets right that others do not; None unless several can be compared.

    Only posts that all heads have answered are counted.
    """
    found = right_by_head(run)
    if found is None:
        return None
    words, right = heads_in_words(run), np.stack(list(found.values()))
    fullest = COMPLETE if COMPLETE in found else list(found)[-1]
    best = found[fullest]
    rows = [
        [
            *(words[subset], str(int(own.sum())), str(int((own & (right.sum(0) == 1)).sum()))),
            *(
                (DASH, DASH)
                if subset == fullest
                else (str(int((own & ~best).sum())), str(int((best & ~own).sum())))
            ),
        ]
        for subset, own in found.items()
    ]
    return Table(
        name=f"{run.key}-heads",
        subject=run.name,
        title=f"Right and wrong answers to the {right.shape[1]} posts that all heads answered",
        head=[
            *("what is read", "right", "right alone"),
            *(f"right where {words[fullest]} is wrong", f"wrong where {words[fullest]} is right"),
        ],
        rows=rows,
    )


def right_by_head(run: JudgedRun) -> dict[str, Flags] | None:
    """Return whether each head was right, on the posts that all have answered.

    None if there is one head only, or no such post.
    """
    answers = {subset: run.answers(subset) for subset in SUBSETS if subset in run.heads}
    if len(answers) < 2:
        return None
    all_answered = np.all([found != NO_ANSWER for found in answers.values()], axis=0)
    if not all_answered.any():
        return None
    return {subset: (found == run.labels_B)[all_answered] for subset, found in answers.items()}


def right_and_wrong(run: JudgedRun) -> list[list[float]] | None:
    """Return the share of posts, in per cent, that the row's head gets right, the column's not."""
    found = right_by_head(run)
    if found is None:
        return None
    return [
        [100 * float((one & ~other).mean()) for other in found.values()] for one in found.values()
    ]
