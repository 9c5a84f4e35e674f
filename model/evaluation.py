"""How good a network's seven heads are on a split.

A subset's head is judged on every post that holds the subset's modalities, whatever else the post
holds: on the paper's test sets, where all posts are complete, all seven see the same posts.
"""

# ruff: noqa: N806 (shapes in names)

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax
from torch import nn

from datasets.reading import open_dataset
from model.answering import HeadAnswers, answer_split
from model.batches import Split
from model.calibration import Calibration, calibration_errors, read_calibration
from model.devices import choose_device
from model.distributed import World
from model.metrics import Confusion, confusion_matrix, figures
from model.robustness import missing_curve
from model.splits import open_splits
from model.trained_run import load_run

JUDGED = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class Score:
    """What the heads make of a split."""

    answers: dict[str, HeadAnswers]
    """By subset."""
    confusions: dict[str, Confusion]
    """By subset; all zeros where no post holds it."""
    loss: float
    """Section 3.2's loss over the whole split."""

    def figures(self) -> dict[str, Any]:
        """Return accuracy, macro and weighted F1 and count by subset."""
        return {subset: figures(confusion) for subset, confusion in self.confusions.items()}


def evaluate(
    run: Path, dataset: Path | None = None, *, missing: bool = False, device: str = "auto"
) -> dict[str, Any]:
    """Judge a run on a data set's test and validation posts; by default on its own data set.

    ``same_dataset`` says whether it is the one that the run was trained on. With ``missing``, also
    how test posts are answered of which modalities are taken away at random.
    """
    chosen = choose_device(device)
    trained = load_run(run, chosen)
    alone = World(device=chosen)
    opened = open_dataset(dataset or trained.dataset_folder)
    splits = open_splits(
        opened,
        JUDGED,
        trained.encoding,
        trained.network.backbone,
        finetuned=trained.finetuned,
        run_folder=run,
        device=chosen,
    )
    classes = len(trained.encoding.classes)
    scores = {name: score(trained.network, split, classes, alone) for name, split in splits.items()}
    calibration = read_calibration(run)
    found = {
        "dataset": str(opened.folder),
        "dataset_digest": opened.digest,
        "same_dataset": opened.digest == trained.dataset_digest,
        "classes": list(trained.encoding.classes),
        **judgement(scores, calibration),
    }
    if missing:
        found["missing"] = missing_curve(scores["test"].answers, splits["test"].posts, classes)
    return found


def judgement(scores: dict[str, Score], calibration: Calibration) -> dict[str, Any]:
    """Return what is written of scores by split: figures, confusion matrices, calibration."""
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


def score(network: nn.Module, split: Split, classes: int, world: World) -> Score:
    """Let a network answer a split's posts; several processes divide them and all get the score."""
    answers = answer_split(network, split, classes, world)
    return Score(
        answers=answers,
        confusions={
            subset: confusion_matrix(head.labels_N, head.answers_N, classes)
            for subset, head in answers.items()
        },
        loss=sum(_cross_entropy(head) for head in answers.values()),
    )


def _cross_entropy(head: HeadAnswers) -> float:
    """Return the mean over a head's posts, 0 where there are none."""
    if not len(head.labels_N):
        return 0.0
    logs_NC = log_softmax(head.logits_NC.astype(np.float64), axis=1)
    return -float(logs_NC[np.arange(len(head.labels_N)), head.labels_N].mean())
