"""A trained network's answers to each test post, kept as a small Parquet file.

Comparing two systems post by post (McNemar) needs more than their accuracies; confusion matrices
and F1 are computed from the same file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.parquet_files import open_parquet, parquet_writer
from flickr_emotion.common.split_names import TEST
from flickr_emotion.common.whole_files import whole_file
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import POSTS_PER_PASS
from flickr_emotion.model.evaluation.metrics import Confusion, confusion_matrix, figures
from flickr_emotion.model.inputs.batches import reading_order
from flickr_emotion.model.inputs.prefetching import ready_batches
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.runs.loading import load_run

NO_ANSWER = -1


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers to a data set's test posts, in their order."""

    classes: tuple[str, ...]
    labels: Integers
    """The class number of each post."""
    by_subset: Mapping[str, Integers]
    """By subset: the predicted class, -1 for posts that the subset's head cannot answer."""

    def answered(self, subset: str) -> npt.NDArray[np.bool_]:
        """Return whether each post could be answered by the subset's head."""
        return np.not_equal(self.by_subset[subset], NO_ANSWER)

    def right(self, subset: str) -> npt.NDArray[np.bool_]:
        """Return whether the subset's head answered each post correctly."""
        return np.equal(self.by_subset[subset], self.labels)

    def confusion(self, subset: str) -> Confusion:
        """Return the confusion matrix of a subset's head."""
        held = self.answered(subset)
        answers = self.by_subset[subset][held]
        return confusion_matrix(self.labels[held], answers, len(self.classes))

    def weighted_f1(self, subset: str) -> float:
        """Return the mean F1 of the classes, weighted by their numbers of posts."""
        return float(figures(self.confusion(subset))["weighted_f1"])


@torch.inference_mode()
def answer_test_posts(
    run: Path, dataset: Dataset, *, features_in: Path, device: str, engine: str = AUTO
) -> Answers:
    """Compute a run's answers to a data set's test posts.

    Features are kept in ``features_in`` if the data set's folder is read-only.
    """
    chosen = choose_device(device)
    trained = replace(load_run(run, chosen, engine), features_in=features_in)
    split = trained.splits(dataset, (TEST,))[TEST]
    by_subset = {subset: np.full(len(split.posts), NO_ANSWER) for subset in SUBSETS}
    passes = list(reading_order(split.posts.text_lengths, POSTS_PER_PASS))
    for indices, batch in zip(passes, ready_batches(split, passes, chosen), strict=True):
        for subset, logits in trained.network(batch).items():
            rows = batch.rows[subset].cpu().numpy()
            by_subset[subset][indices[rows]] = logits.argmax(1).cpu().numpy()
    return Answers(classes=trained.encoding.classes, labels=split.posts.labels, by_subset=by_subset)


def write_answers(answers: Answers, dataset: Dataset, path: Path) -> None:
    """Write a row for each test post: photo id, label and each subset's answer or null."""
    photo_ids = [row["photo_id"] for rows in dataset.batches(TEST, ("photo_id",)) for row in rows]
    names = [*answers.classes, None]  # the last entry stands for NO_ANSWER
    columns: dict[str, list[str | None]] = {
        "photo_id": photo_ids,
        "label": [names[number] for number in answers.labels],
    }
    for subset, numbers in answers.by_subset.items():
        columns[subset] = [names[number] for number in numbers]
    schema = pa.schema([(name, pa.string()) for name in columns])
    with whole_file(path) as new, parquet_writer(new, schema) as writer:
        writer.write_table(pa.table(columns, schema=schema))


def read_answers(path: Path, classes: tuple[str, ...]) -> Answers:
    """Read answers back. Raises ``ModelError`` if the file cannot be read."""
    numbers = {name: number for number, name in enumerate(classes)} | {None: NO_ANSWER}
    try:
        with open_parquet(path) as file:
            table = file.read(columns=["label", *SUBSETS]).to_pydict()
        coded = {
            name: np.array([numbers[value] for value in values], dtype=np.int64)
            for name, values in table.items()
        }
    except (OSError, pa.ArrowException, KeyError) as error:
        raise ModelError(
            f"{path} cannot be read ({error!r}): remove its folder to train it again"
        ) from None
    return Answers(classes=classes, labels=coded.pop("label"), by_subset=coded)
