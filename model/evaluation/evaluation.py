"""Evaluates a system's answers on a split, by subset.

A subset's head is evaluated on every post that holds the subset's modalities, whatever else the
post holds: on the paper's test sets, where all posts are complete, all seven get the same posts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import JUDGED, TEST, TRAIN
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.evaluation.answering import HeadAnswers, answer_split
from flickr_emotion.model.evaluation.calibration import (
    Calibration,
    calibration_errors,
    read_calibration,
)
from flickr_emotion.model.evaluation.distances import distances
from flickr_emotion.model.evaluation.filling import (
    MOST_TRAINING_POSTS,
    encode,
    filled_answers,
)
from flickr_emotion.model.evaluation.metrics import Confusion, confusion_matrix, figures
from flickr_emotion.model.evaluation.robustness import Answers, missing_curve, own_answers
from flickr_emotion.model.inputs.batches import Batch, Split
from flickr_emotion.model.networks.system import System, sum_of_means
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.loading import TrainedRun, load_run


@dataclass(frozen=True, kw_only=True)
class Score:
    """A system's results on a split."""

    answers: dict[str, HeadAnswers]
    """By subset."""
    confusions: dict[str, Confusion]
    """By subset; all zeros if no post holds it."""
    loss: float
    """The system's loss over the whole split (for the paper's network, section 3.2's)."""

    def figures(self) -> dict[str, Any]:
        """Return accuracy, macro and weighted F1 and count by subset.

        Where distributions of votes are known, also how far the answers are from them.
        """
        return {
            subset: figures(confusion) | distances(self.answers[subset])
            for subset, confusion in self.confusions.items()
        }


def evaluate(
    run: Path,
    dataset: Path | None = None,
    *,
    missing: bool = False,
    device: str = "auto",
    engine: str = AUTO,
) -> dict[str, Any]:
    """Evaluate a run on a data set's test and validation posts; by default on its own data set.

    ``same_dataset`` in the result says whether the run was trained on this data set. With
    ``missing``, the result also has the robustness curve, with modalities dropped at random, beside
    those of the complete head with something filled in for what is absent.

    >>> from pathlib import Path
    >>> from flickr_emotion import evaluate
    >>> evaluate(Path("run"), device="cpu")["same_dataset"]
    True
    """
    chosen = choose_device(device)
    trained = load_run(run, chosen, engine)
    alone = World(device=chosen)
    opened = open_dataset(dataset or trained.dataset_folder)
    splits = trained.splits(opened, JUDGED)
    classes = len(trained.encoding.classes)
    scores = {name: score(trained.network, split, classes, alone) for name, split in splits.items()}
    calibration = read_calibration(run)
    found = {
        "dataset": str(opened.folder),
        "dataset_digest": opened.digest,
        "same_dataset": opened.digest == trained.dataset_digest,
        "classes": list(trained.encoding.classes),
        "heads": list(trained.network.subsets),
        **judgement(scores, calibration),
    }
    if missing:
        posts = splits[TEST].posts
        own = own_answers(scores[TEST].answers, len(posts), trained.ranking)
        filled = filled_in(trained, splits[TEST], opened)
        found["missing"] = missing_curve(own, posts.labels, posts.present, classes, filled)
    return found


def filled_in(trained: TrainedRun, split: Split, dataset: Dataset) -> dict[str, Answers]:
    """Return the complete head's answers to a split, by what is filled in for absent modalities.

    Empty if the run has no such head. The training posts are those of the run, from ``dataset`` if
    it is the run's, else from where the run was trained; if they are not there, the user is told.
    """
    network = trained.network.complete
    if network is None:
        return {}
    train = None
    if own := _own_dataset(trained, dataset):
        posts = trained.splits(own, (TRAIN,))[TRAIN]
        train = encode(network, posts, trained.device, MOST_TRAINING_POSTS)
    encoded = encode(network, split, trained.device)
    return dict(filled_answers(network, encoded, train, trained.device))


def _own_dataset(trained: TrainedRun, dataset: Dataset) -> Dataset | None:
    if dataset.digest == trained.dataset_digest:
        return dataset
    try:
        own = open_dataset(trained.dataset_folder)
    except (DatasetError, OSError):
        own = None
    if own is None or own.digest != trained.dataset_digest:
        say(
            f"{trained.dataset_folder} no longer holds the run's training posts: absent modalities "
            "are filled in with zeros only, not with a mean or a nearest post"
        )
        return None
    return own


def judgement(scores: dict[str, Score], calibration: Calibration) -> dict[str, Any]:
    """Return the figures, confusion matrices and calibration of the scores, by split."""
    return {
        **{name: judged.figures() for name, judged in scores.items()},
        "confusions": {
            name: {subset: matrix.tolist() for subset, matrix in judged.confusions.items()}
            for name, judged in scores.items()
        },
        "calibration": {
            "temperatures": calibration.temperatures,
            **{
                name: calibration_errors(judged.answers, calibration)
                for name, judged in scores.items()
            },
        },
    }


def score(network: System, split: Split, classes: int, world: World) -> Score:
    """Evaluate a system on a split's posts; several ranks shard them and all get the score."""
    loss = _LossOfSplit(network, split, world)
    answers = answer_split(network, split, classes, world, loss.add)
    return Score(
        answers=answers,
        confusions={
            subset: confusion_matrix(head.labels_N, head.answers_N, classes)
            for subset, head in answers.items()
        },
        loss=loss.total(),
    )


class _LossOfSplit:
    """A system's loss over a whole split: each term is a mean over all posts that count in it."""

    def __init__(self, network: System, split: Split, world: World) -> None:
        holders = network.holders(split.posts)
        self._network = network
        self._world = world
        self._terms = list(holders)
        self._counts = np.array([max(int(flags.sum()), 1) for flags in holders.values()], float)
        self._sums = torch.zeros(len(holders), dtype=torch.float64, device=world.device)

    def add(self, answers: Mapping[str, Tensor], batch: Batch) -> None:
        """Add a batch's part of the loss."""
        for term, total in self._network.term_sums(answers, batch).items():
            self._sums[self._terms.index(term)] += total

    def total(self) -> float:
        """Return the sum of the terms over all ranks."""
        sums = self._sums.cpu().numpy()
        self._world.all_reduce(sums)
        return float(sum_of_means(sums, self._counts)) if self._terms else 0.0
