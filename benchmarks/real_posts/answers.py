"""The answers of a row of `table` to test posts: computed, kept and read back.

A file holds a fold's test posts: photo id, label, the subset they hold, and by subset the
probabilities of its head, null if it cannot answer. A post is answered by the head of its own
subset, or by the one with most of its modalities.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N803, N806, N815 (shapes in names)

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from flickr_emotion.common.modalities import COMPLETE, SUBSETS, answering_subset
from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.loading import load_run

Probabilities = npt.NDArray[np.float64]
"""(N, C), NaN for posts that are not answered."""


def judged_posts(dataset: Dataset, split: str = TEST) -> list[dict[str, Any]]:
    """Return photo id, label and modalities of the test posts, or of another split's."""
    columns = ("photo_id", "label", "modalities")
    return [row for rows in dataset.batches(split, columns) for row in rows]


@torch.inference_mode()
def system_answers(run: Path, dataset: Dataset, name: str = TEST) -> dict[str, Probabilities]:
    """Return each head's probabilities for a split's posts, NaN where it cannot answer."""
    world = World(device=torch.device("cpu"))
    trained = load_run(run, world.device)
    split = trained.splits(dataset, (name,))[name]
    classes = len(dataset.classes)
    heads = {}
    for subset, said in answer_split(trained.network, split, classes, world).items():
        answers_NC = np.full((len(split.posts), classes), np.nan)
        answers_NC[said.posts_N] = torch.from_numpy(said.logits_NC).double().softmax(1).numpy()
        heads[subset] = answers_NC
    return heads


def under_held_subset(answers_NC: Probabilities, dataset: Dataset) -> dict[str, Probabilities]:
    """Assign a baseline's answer to each post to the subset that the post holds."""
    held = np.array([row["modalities"] for row in judged_posts(dataset)])
    return {s: np.where((held == s)[:, None], answers_NC, np.nan) for s in SUBSETS}


def write_answers(
    heads: Mapping[str, Probabilities], dataset: Dataset, path: Path, split: str = TEST
) -> None:
    """Write a row for each post, with each head's probabilities in the classes' order."""
    table = pa.Table.from_pylist(judged_posts(dataset, split))
    for subset in SUBSETS:
        said = [None if np.isnan(row).any() else row.tolist() for row in heads[subset]]
        table = table.append_column(subset, pa.array(said, pa.list_(pa.float64())))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """A row's answers to the test posts of all folds, in the order of their ids."""

    photo_ids: list[str]
    classes: int
    labels_N: Integers
    answers_N: Integers
    """The predicted classes; ``classes``, one more than the last class, for no answer."""
    chances_N: npt.NDArray[np.float64]
    """The probability of the label, NaN for no answer."""
    complete_N: npt.NDArray[np.bool_]
    agreeing_N: npt.NDArray[np.bool_]
    """Whether the text and the picture were given the same label."""

    def of(self, posts: npt.NDArray[np.bool_]) -> "Pooled":
        """Return the answers to some of the posts."""
        return Pooled(
            photo_ids=[key for key, chosen in zip(self.photo_ids, posts, strict=True) if chosen],
            classes=self.classes,
            labels_N=self.labels_N[posts],
            answers_N=self.answers_N[posts],
            chances_N=self.chances_N[posts],
            complete_N=self.complete_N[posts],
            agreeing_N=self.agreeing_N[posts],
        )


def pool(paths: Sequence[Path], classes: Sequence[str], agreeing: Collection[str]) -> Pooled:
    """Read the answers to the folds' test posts; ``agreeing`` are ids of posts."""
    rows = pa.concat_tables(pq.read_table(path) for path in paths).sort_by("photo_id").to_pylist()
    answers, chances = [], []
    for row in rows:
        given = [subset for subset in SUBSETS if row[subset] is not None]
        subset = answering_subset(row["modalities"].split("+"), given)
        answers.append(int(np.argmax(row[subset])) if subset else len(classes))
        chances.append(row[subset][classes.index(row["label"])] if subset else np.nan)
    return Pooled(
        photo_ids=[row["photo_id"] for row in rows],
        classes=len(classes),
        labels_N=np.array([classes.index(row["label"]) for row in rows]),
        answers_N=np.array(answers),
        chances_N=np.array(chances),
        complete_N=np.array([row["modalities"] == COMPLETE for row in rows]),
        agreeing_N=np.array([row["photo_id"] in agreeing for row in rows]),
    )
