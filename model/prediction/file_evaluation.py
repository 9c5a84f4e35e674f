"""Judges a run on labelled posts of one's own: ``evaluate R --input``.

Posts are read as by ``predict --input``, so a run is judged on exactly what it would answer.

Shapes in names: 1 post, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import say
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.datasets.rules.vote_distributions import Ballot, vote_distribution
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.distances import mean_distances
from flickr_emotion.model.evaluation.metrics import KNOWN, figures
from flickr_emotion.model.prediction.answers import Prediction
from flickr_emotion.model.prediction.file_prediction import answered
from flickr_emotion.model.prediction.post_files import open_rows
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.runs.metrics_file import DISTANCES

_SHOWN = 20


def evaluate_file(
    run: Path,
    *,
    input: Path,
    device: str = "auto",
    engine: str = AUTO,
    columns: str | None = None,
    encoding: str | None = None,
    say: Callable[[str], None] = say,
) -> dict[str, Any]:
    """Return how often a run is right on labelled posts of one's own.

    ``figures`` gives, by subset, accuracy, macro and weighted F1 and count of the subset's head on
    every post that holds its modalities, as on a data set; ``all`` those of the answers that
    `predict` gives, each post by the head of what it holds. Posts without a label are left out
    (``unlabelled``), so are those that cannot be answered (``errors``). Raises ``ModelError`` for a
    label that is not a class of the run, and if no post can be judged. ``warnings`` counts the
    posts that are judged without their picture, because it cannot be read.

    With ``distribution=votes_*`` in ``columns``, ``all`` also says how far the probabilities that
    `predict` gives are from the votes (``model/evaluation/distances.py``).
    """
    posts = open_rows(input, columns=columns, encoding=encoding, labelled=True)
    for line in posts.said:
        say(line)
    predictor = Predictor(run, device=device, engine=engine)
    classes = {name: number for number, name in enumerate(predictor.classes)}
    for label, where in posts.labels.items():
        if label not in classes:
            raise ModelError(
                f"{where}: the label {label!r} is not a class of {run}, which knows "
                f"{', '.join(predictor.classes[:_SHOWN])}: map the labels to these"
            )
    voted = _Voted(predictor.classes, posts.voted, input)
    confusions = {name: np.zeros((len(classes),) * 2, np.int64) for name in ("all", *SUBSETS)}
    counts = {"posts": 0, "unlabelled": 0, "warnings": 0, "errors": 0}
    first: ModelError | None = None
    with ProgressReport("judging", posts.count, "posts") as report:
        for chunk in answered(predictor, posts.rows, all_heads=True):
            for row, answer in chunk:
                counts["posts"] += 1
                named: str | None = row.get("label")
                if isinstance(answer, ModelError):
                    counts["errors"] += 1
                    first = first or answer
                elif named is None:
                    counts["unlabelled"] += 1
                else:
                    counts["warnings"] += answer.warning is not None
                    confusions["all"][classes[named], classes[answer.label]] += 1
                    voted.add(row, answer)
                    for subset, opinion in answer.heads.items():
                        confusions[subset][classes[named], classes[opinion.label]] += 1
            report.advance(len(chunk))
    if counts["unlabelled"] + counts["errors"] == counts["posts"]:
        raise ModelError(
            f"no post of {input} can be judged: {counts['unlabelled']} have no label, and "
            f"{counts['errors']} cannot be answered{f' (the first: {first})' if first else ''}"
        )
    judged = {name: figures(confusion) for name, confusion in confusions.items()}
    judged["all"] |= voted.distances()
    return {
        "input": str(input),
        "classes": list(predictor.classes),
        **counts,
        "all": judged.pop("all"),
        "figures": judged,
        "confusions": {name: confusion.tolist() for name, confusion in confusions.items()},
    }


class _Voted:
    """How far the answers are from the votes on the posts."""

    def __init__(self, classes: Sequence[str], voted: Sequence[str], input: Path) -> None:
        self._classes = tuple(classes)
        self._sums: Counter[str] = Counter()
        self._count = 0
        self._unread = 0
        self._first: str | None = None
        if unknown := sorted(set(voted) - set(classes)):
            say(
                f"warning: {input}: votes for {', '.join(unknown[:_SHOWN])} do not count, because "
                "the run does not know these classes"
            )

    def add(self, row: Mapping[str, Any], answer: Prediction) -> None:
        """Add a post; without a vote for a class of the run it does not count."""
        if error := row.get("votes_error"):
            self._unread += 1
            self._first = self._first or error
        ballots = [Ballot(**it) for it in row["ballots"] or ()]
        shares = vote_distribution(ballots, self._classes)
        if shares is not None:
            chances_1C = np.array([[answer.probabilities[name] for name in self._classes]])
            # A probability that was rounded to 0 has no logarithm.
            logs_1C = np.log(np.maximum(chances_1C, np.finfo(np.float64).tiny))
            self._sums.update(mean_distances(np.array([shares]), logs_1C))
            self._count += 1

    def distances(self) -> dict[str, Any]:
        """Return the three measures and the number of posts; nothing if no post has votes."""
        if self._unread:
            say(f"the votes of {self._unread} posts do not count, the first: {self._first}")
        if not self._count:
            return {}
        return {name: self._sums[name] / self._count for name in DISTANCES} | {KNOWN: self._count}
