"""Several runs side by side: their accuracies, and by how much each is ahead of the first.

All have answered the same test posts, so a difference is one of paired posts; its interval and its
p-value are those of ``model/reproduction/uncertainty.py`` for one training of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import SUBSETS, subset_in_words
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.model.evaluation.metrics import figures
from flickr_emotion.model.evaluation.report import percent
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.report.accuracies import DASH, OWN_HEAD, confusions, interval_of
from flickr_emotion.model.report.judging import NO_ANSWER, JudgedRun
from flickr_emotion.model.reproduction.markdown import with_sign
from flickr_emotion.model.reproduction.uncertainty import compare


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By how much one run is ahead of another on the posts that both have answered, in points."""

    read: str
    """What is read, in words."""
    difference: float
    interval: tuple[float, float]
    p_value: float
    posts: int


def differences(run: JudgedRun, other: JudgedRun) -> list[Difference]:
    """Return by how much a run is ahead of another, head by head and with each post's own head."""
    found = []
    for words, ours, theirs in _pairs(run, other):
        both = (ours != NO_ANSWER) & (theirs != NO_ANSWER)
        if both.any():
            right, wrong = (_right(run, answers, both) for answers in (ours, theirs))
            told = compare(right, wrong)
            found.append(
                Difference(
                    read=words,
                    difference=100 * told.difference,
                    interval=(100 * told.interval[0], 100 * told.interval[1]),
                    p_value=told.p_value,
                    posts=int(both.sum()),
                )
            )
    return found


def _pairs(run: JudgedRun, other: JudgedRun) -> list[tuple[str, Integers, Integers]]:
    heads = [
        (subset_in_words(subset), run.answers(subset), other.answers(subset)) for subset in SUBSETS
    ]
    return [*heads, (OWN_HEAD, run.own_answers, other.own_answers)]


def _right(
    run: JudgedRun, answers: Integers, posts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    return np.equal(answers, run.labels_B)[posts][None]


def side_by_side(runs: Sequence[JudgedRun]) -> Table:
    """Return the accuracies of all runs."""
    of_runs = [confusions(run) for run in runs]
    names = [*map(subset_in_words, SUBSETS), OWN_HEAD]
    return Table(
        name="accuracies",
        title="Accuracy on the test posts, in per cent, with its 95% interval",
        head=["what is read", *(run.name for run in runs)],
        rows=[
            [
                name,
                *(
                    f"{percent(figures(found[name])['accuracy'])} ({interval_of(found[name])})"
                    if name in found
                    else DASH
                    for found in of_runs
                ),
            ]
            for name in names
            if any(name in found for found in of_runs)
        ],
        total=True,
    )


def differences_table(run: JudgedRun, first: JudgedRun, found: Sequence[Difference]) -> Table:
    """Return the differences of a run from the first."""
    return Table(
        name=f"{run.key}-minus-{first.key}",
        title=f"{run.name} minus {first.name}: accuracy on the same posts, in points",
        head=["what is read", "posts", "difference", "95% interval", "p"],
        rows=[
            [
                *(each.read, str(each.posts)),
                *with_sign(
                    {
                        "difference": each.difference,
                        "interval": each.interval,
                        "p_value": each.p_value,
                    }
                ),
            ]
            for each in found
        ],
        total=True,
    )
