"""The answers of networks that were not trained on the posts that they answer.

A network that has seen a post's label repeats it, right or wrong. So the training posts are cut
into folds, and each fold is answered by a network trained on the others. Validation and test posts
are in no fold: they are answered by the mean of all networks. Each training keeps the data set's
validation posts for early stopping, as any other does.

A network also repeats the label of a post that is nearly the same as one it has seen. So
near-duplicates are in one fold, and a validation or test post that is like a training post is
answered only by the network that was trained without it.

Networks are trained by ``train`` in a temporary folder. Features of pictures and texts are kept
beside the data set, so that all folds, and later trainings, share them.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import JUDGED, SPLITS, TRAIN
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.near_posts import near_groups
from flickr_emotion.datasets.rules.groups import Groups
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
    groups = _near_groups(dataset)
    folds = folds_of([label for _, label, _ in posts], groups[TRAIN])
    unseen_by = {
        TRAIN: folds,
        **{split: _unseen_by(groups[split], groups[TRAIN], folds) for split in JUDGED},
    }
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
                may_answer_N = (unseen_by[split] == fold) | (unseen_by[split] < 0)
                answers[split][fold, may_answer_N] = chances_NC[may_answer_N]
    return {split: _mean_of_known(chances) for split, chances in answers.items()}


def _near_groups(dataset: Dataset) -> dict[str, Groups]:
    """Return, by split, the group of near-duplicates of each post."""
    ids: list[pa.ChunkedArray] = []
    texts: list[tuple[int, pa.ChunkedArray]] = []
    first = 0
    for split in SPLITS:
        for table in dataset.tables(split, ("photo_id", "text")):
            ids.append(table["photo_id"])
            texts.append((first, table["text"]))
            first += table.num_rows
    photo_ids = pa.concat_arrays([chunk for column in ids for chunk in column.chunks])
    groups = near_groups(dataset, photo_ids, texts)
    ends = np.cumsum([dataset.counts[split]["total"] for split in SPLITS])[:-1]
    return dict(zip(SPLITS, np.split(groups, ends), strict=True))


def folds_of(labels: Sequence[str], groups: Groups) -> npt.NDArray[np.int64]:
    """Return the fold of each post, from 0; groups (N,) are whole in one fold.

    A group that is larger than a fold is divided like single posts: whole, it would leave its
    network little or nothing to be trained on.

    The largest groups are placed first, each into the fold that has the fewest posts of its
    classes. Posts of a split are in the order of a digest, so single posts are divided at random.
    """
    classes, of_class_N = np.unique(labels, return_inverse=True)
    by_group = np.argsort(groups, kind="stable")
    members = np.split(by_group, np.flatnonzero(np.diff(groups[by_group])) + 1)
    whole = [group for group in members if len(group) * FOLDS <= len(groups)]
    divided = [group for group in members if len(group) * FOLDS > len(groups)]
    parts = whole + [part for group in divided for part in np.split(group, len(group))]
    folds = np.empty(len(groups), np.int64)
    filled = np.zeros((FOLDS, len(classes)))
    for part in sorted(parts, key=lambda part: (-len(part), int(part[0]))):
        counts = np.bincount(of_class_N[part], minlength=len(classes))
        fold = int(np.argmin(filled @ counts + filled.sum(axis=1) * 1e-9))
        filled[fold] += counts
        folds[part] = fold
    return folds


def _unseen_by(
    groups: Groups, trained: Groups, folds: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the only fold whose network has seen no post of a post's group.

    It is -1 for a post that is like no training post, and for one of a group that is divided.
    ``groups`` (N,): those of the posts; ``trained``, ``folds``: of the training posts.
    """
    found: dict[int, int] = {}
    for group, fold in zip(trained.tolist(), folds.tolist(), strict=True):
        found[group] = fold if found.setdefault(group, fold) == fold else -1
    return np.array([found.get(group, -1) for group in groups.tolist()], np.int64)


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
