"""The answers of networks that were not trained on the posts that they answer.

A network that has seen a post's label repeats it, right or wrong. So the training posts are cut
into folds, and each fold is answered by a network trained on the others. Validation and test posts
are in no fold: they are answered by the mean of all networks. Each training keeps the data set's
validation posts for early stopping, as any other does.

Networks are trained by ``train`` in a temporary folder. Features of pictures and texts are kept
beside the data set, so that all folds, and later trainings, share them.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.inputs.selection import Selection, training_posts
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.training.training import train

FOLDS = 5

Chances = npt.NDArray[np.float64]


def out_of_fold(dataset: Dataset, config: TrainingConfig) -> dict[str, Chances]:
    """Return, by split, the calibrated probabilities of the classes, (N, C), in the posts' order.

    A post is answered by the head of what it holds, as `predict` does; the row of a post that no
    head can answer is NaN. Raises ``ModelError`` if there are fewer training posts than folds, and
    ``KeyboardInterrupt`` after a signal.
    """
    posts = list(training_posts(dataset))
    if len(posts) < FOLDS:
        raise ModelError(
            f"{dataset.folder} has {len(posts)} training posts, and answers for suspects need at "
            f"least {FOLDS}: build a larger data set"
        )
    folds = fold_of([label for _, label, _ in posts])
    answers = {
        split: np.full((FOLDS, dataset.counts[split]["total"], len(dataset.classes)), np.nan)
        for split in SPLITS
    }
    config = replace(config, repeats=1)
    with TemporaryDirectory(prefix="suspects-") as workplace:
        for fold in range(FOLDS):
            say(f"fold {fold + 1} of {FOLDS}: training without its posts")
            kept = {
                photo_id: subset
                for number, (photo_id, _, subset) in enumerate(posts)
                if folds[number] != fold
            }
            run = Path(workplace) / f"fold-{fold + 1}"
            try:
                train(
                    config,
                    dataset=dataset.folder,
                    out=run,
                    selection=Selection(kept=kept),
                    features_in=Path(workplace),
                )
            except TrainingStopped:
                raise KeyboardInterrupt from None
            for split, chances_NC in _answers(run, dataset, Path(workplace), config).items():
                answers[split][fold] = chances_NC
    answers[TRAIN][folds != np.arange(FOLDS)[:, None]] = np.nan
    return {split: _mean_of_known(chances) for split, chances in answers.items()}


def fold_of(labels: list[str]) -> npt.NDArray[np.int64]:
    """Return the fold of each post, from 0: the posts of a class are dealt to the folds in turn.

    Posts of a split are in the order of a digest, so this is a random division.
    """
    seen: Counter[str] = Counter()
    folds = []
    for label in labels:
        folds.append(seen[label] % FOLDS)
        seen[label] += 1
    return np.array(folds)


def _answers(
    run: Path, dataset: Dataset, features_in: Path, config: TrainingConfig
) -> dict[str, Chances]:
    device = choose_device(config.device)
    trained = replace(load_run(run, device, config.engine), features_in=features_in)
    calibration = read_calibration(run)
    classes = len(dataset.classes)
    found = {}
    for name, split in trained.splits(dataset, SPLITS).items():
        chances_NC = np.full((len(split.posts), classes), np.nan)
        answers = answer_split(trained.network, split, classes, World(device=device))
        for subset in trained.ranking:  # the head that answers a post is the last that can
            head = answers[subset]
            chances_NC[head.posts_N] = calibration.probabilities(subset, head.logits_NC)
        found[name] = chances_NC
    return found


def _mean_of_known(chances: Chances) -> Chances:
    """Return the mean over the first axis of what is not NaN; NaN if nothing is known."""
    known = ~np.isnan(chances)
    sums: Chances = np.where(known, chances, 0).sum(0)
    with np.errstate(invalid="ignore"):
        means: Chances = sums / known.sum(0)
    return means
