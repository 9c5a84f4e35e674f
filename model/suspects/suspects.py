"""Ranks the posts of a data set by how wrong their labels look (``inspect --suspects``).

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.folder.shards import DISTRIBUTION
from flickr_emotion.datasets.inspect.suspects import Judged
from flickr_emotion.model.config import AUTO, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.recipes import BEST
from flickr_emotion.model.runs.files import CONFIG, read_config
from flickr_emotion.model.suspects.label_quality import (
    TRUST_IN_VOTES,
    check_library,
    label_quality,
)
from flickr_emotion.model.suspects.out_of_fold import Chances, out_of_fold


def rank_suspects(folder: Path, config: TrainingConfig) -> list[Judged]:
    """Return the posts of all splits, those whose label looks most wrong first.

    ``config``: how the out-of-fold networks are trained. A post that no network can answer is not
    judged. Raises ``ModelError`` and ``DatasetError``.
    """
    check_library()
    dataset = open_dataset(folder)
    if len(dataset.classes) < 2:
        raise ModelError(f"{folder} has one class only, so no label of it can be wrong")
    return judged(dataset, out_of_fold(dataset, config))


def judged(
    dataset: Dataset, answers: dict[str, Chances], trust: float = TRUST_IN_VOTES
) -> list[Judged]:
    """Return the posts, judged by out-of-fold answers (``out_of_fold``), as ``rank_suspects`` does.

    ``trust``: the weight of the votes in the prior (``label_quality``).
    """
    chances_NC = np.concatenate([answers[split] for split in SPLITS])
    posts = list(_posts(dataset))
    answered = np.flatnonzero(~np.isnan(chances_NC).any(1))
    numbers = {name: number for number, name in enumerate(dataset.classes)}
    labels_N = np.array([numbers[posts[at][0].label] for at in answered])
    nothing = [np.nan] * len(dataset.classes)
    shares_NC = np.array([posts[at][1] or nothing for at in answered], dtype=np.float64)
    quality = label_quality(labels_N, chances_NC[answered], shares_NC, trust)
    found = [
        replace(
            posts[at][0],
            suggested=dataset.classes[quality.suggested_N[place]],
            score=float(quality.scores_N[place]),
            suspect=bool(quality.suspected_N[place]),
        )
        for place, at in enumerate(answered)
    ]
    return sorted(found, key=lambda post: (not post.suspect, post.score, post.photo_id))


def config_for(run: Path | None, device: str, engine: str = AUTO) -> TrainingConfig:
    """Return the settings of a run, or without one those of the best recipe."""
    if run is None:
        return TrainingConfig(recipe=BEST, device=device, engine=engine)
    try:
        config = TrainingConfig.of_options(read_config(run)["options"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{run / CONFIG} is damaged ({error}): train again") from None
    return replace(config, device=device, engine=engine)


def _posts(dataset: Dataset) -> Iterator[tuple[Judged, list[float] | None]]:
    """Yield the posts of all splits, not yet judged, with their distributions of votes."""
    columns = ["photo_id", "label", "votes"]
    columns += [DISTRIBUTION] if dataset.has_distributions else []
    for split in SPLITS:
        row = 0
        for batch in dataset.batches(split, columns):
            for post in batch:
                unjudged = Judged(
                    photo_id=post["photo_id"],
                    split=split,
                    label=post["label"],
                    suggested=post["label"],
                    score=1.0,
                    votes=post["votes"],
                    suspect=False,
                    row=row,
                )
                yield unjudged, post.get(DISTRIBUTION)
                row += 1
