"""What a report says of a run: its answers to the test posts, computed from run and data set.

A run folder holds figures, not answers. They are cheap to compute again, and so a report needs no
new training and can be made of runs of earlier versions.

Shapes in names: B test posts, N posts that a head answered, C classes.
"""

# ruff: noqa: N815 (shapes in names)

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset, subset_name
from flickr_emotion.common.printing import say
from flickr_emotion.common.replacing import standing
from flickr_emotion.common.split_names import TEST, TRAIN
from flickr_emotion.common.takedown.tombstones import Tombstone
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.calibration import Calibration, read_calibration
from flickr_emotion.model.evaluation.evaluation import Score, filled_in, score
from flickr_emotion.model.evaluation.robustness import missing_curve, own_answers
from flickr_emotion.model.networks.system import Flags
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.report.histories import Epochs, read_histories
from flickr_emotion.model.runs.files import read_config, read_metrics
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.runs.withdrawn import withdrawn_from

NO_ANSWER = -1


@dataclass(frozen=True, kw_only=True)
class JudgedRun:
    """A run and its answers to the test posts of a data set."""

    name: str
    key: str
    """The name as a part of the names of files."""
    description: dict[str, Any]
    """The content of ``config.json``."""
    metrics: dict[str, Any] | None
    """The content of ``metrics.json``; None for an unfinished run."""
    withdrawn: list[Tombstone]
    """The posts that it was trained on and that were withdrawn since."""
    own_dataset: bool
    """Whether the posts are of the data set that the run was trained on."""
    classes: tuple[str, ...]
    ranking: tuple[str, ...]
    """The heads, the preferred ones last."""
    labels_B: Integers
    present: dict[str, Flags]
    """By modality, which posts have it, (B,)."""
    score: Score
    calibration: Calibration
    majority: str
    """The most frequent class of the training posts."""
    missing: dict[str, Any]
    """The robustness curve (``model/evaluation/robustness.py``)."""
    histories: dict[str, Epochs]
    """The epochs of each network by its subset; by ``""`` those of a run of one network."""
    losses: tuple[str, str]
    """What training and validation loss are, if they cannot be compared."""

    @property
    def heads(self) -> dict[str, HeadAnswers]:
        """The heads that answered a post, in the order of ``SUBSETS``."""
        return {s: head for s, head in self.score.answers.items() if len(head.posts_N)}

    @cached_property
    def held(self) -> list[str | None]:
        """What each post has, as a subset; None for a post that has nothing."""
        names = []
        for flags in zip(*(self.present[modality] for modality in MODALITIES), strict=True):
            has = [name for name, flag in zip(MODALITIES, flags, strict=True) if flag]
            names.append(subset_name(has) if has else None)
        return names

    @cached_property
    def own_heads(self) -> list[str | None]:
        """The head that `predict` would let answer each post; None if there is none."""
        by_held = {held: answering_subset(held.split("+"), self.ranking) for held in SUBSETS}
        return [held and by_held[held] for held in self.held]

    def answers(self, subset: str) -> Integers:
        """Return a head's answers to all posts, (B,); -1 for a post that it cannot answer."""
        found = np.full(len(self.labels_B), NO_ANSWER, dtype=np.int64)
        if subset in self.heads:
            found[self.heads[subset].posts_N] = self.heads[subset].answers_N
        return found

    @cached_property
    def own_answers(self) -> Integers:
        """The answers that `predict` would give, (B,); -1 for a post that no head can answer."""
        found = np.full(len(self.labels_B), NO_ANSWER, dtype=np.int64)
        for subset, rows in self._own_rows():
            found[rows] = self.answers(subset)[rows]
        return found

    def probabilities(self, subset: str, calibration: Calibration) -> npt.NDArray[np.floating[Any]]:
        """Return a head's probabilities for all posts, (B, C), NaN for a post it cannot answer."""
        found = np.full((len(self.labels_B), len(self.classes)), np.nan)
        if subset in self.heads:
            head = self.heads[subset]
            found[head.posts_N] = calibration.probabilities(subset, head.logits_NC)
        return found

    def own_probabilities(self, calibration: Calibration) -> npt.NDArray[np.floating[Any]]:
        """Return the probabilities of the head that answers each post, (B, C), NaN without one."""
        found = np.full((len(self.labels_B), len(self.classes)), np.nan)
        for subset, rows in self._own_rows():
            found[rows] = self.probabilities(subset, calibration)[rows]
        return found

    def _own_rows(self) -> Iterator[tuple[str, Flags]]:
        """Yield each head with the posts that it would answer."""
        chosen = np.array(self.own_heads, dtype=object)
        for subset in self.heads:
            yield subset, np.equal(chosen, subset).astype(bool)


def judge(
    runs: Sequence[Path], dataset: Path | None = None, *, device: str = "auto"
) -> tuple[Dataset, list[JudgedRun]]:
    """Let runs answer the test posts of one data set, by default of the one they were trained on.

    Raises ``ModelError`` if a folder is no run, if the runs have not the same data set or classes,
    and if the data set is not where it was.
    """
    descriptions = [read_config(standing(run)) for run in runs]
    _check_classes(runs, descriptions)
    opened = _dataset_of(runs, descriptions, dataset)
    if not opened.counts[TEST]["total"]:
        raise ModelError(
            f"{opened.folder} has no test posts to judge a run by: give another --data"
        )
    names = [run.resolve().name for run in runs]
    if len({*names}) < len(names):
        names = [str(run) for run in runs]
    keys = [re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run" for name in names]
    if len({*keys}) < len(keys):
        keys = [f"{key}-{number}" for number, key in enumerate(keys, 1)]
    return opened, [
        _judged(run, names[n], keys[n], descriptions[n], opened, device)
        for n, run in enumerate(runs)
    ]


def _check_classes(runs: Sequence[Path], descriptions: Sequence[dict[str, Any]]) -> None:
    for run, description in zip(runs, descriptions, strict=True):
        if description.get("classes") != descriptions[0].get("classes"):
            raise ModelError(
                f"{run} has other classes than {runs[0]} ({_classes(description)}; not "
                f"{_classes(descriptions[0])}): report them one by one"
            )


def _classes(description: dict[str, Any]) -> str:
    named = description.get("classes")
    return ", ".join(map(str, named)) if isinstance(named, list) else "none"


def _dataset_of(
    runs: Sequence[Path], descriptions: Sequence[dict[str, Any]], given: Path | None
) -> Dataset:
    """Return the data set that was given, or that of all runs."""
    if given is not None:
        opened = open_dataset(given)
        for run, description in zip(runs, descriptions, strict=True):
            if _origin(description, "digest") != opened.digest:
                say(f"{given} is not the data set that {run} was trained on")
        return opened
    for run, description in zip(runs, descriptions, strict=True):
        if _origin(description, "digest") != _origin(descriptions[0], "digest"):
            raise ModelError(
                f"{run} was trained on another data set than {runs[0]}: give the one to judge both "
                "on with --data"
            )
    folder = _origin(descriptions[0], "folder")
    try:
        opened = open_dataset(Path(folder))
    except DatasetError as error:
        raise ModelError(
            f"the data set of {runs[0]} cannot be read ({error}); if it has moved, give its folder "
            "with --data"
        ) from None
    if opened.digest != _origin(descriptions[0], "digest"):
        raise ModelError(
            f"{folder} holds other posts than when {runs[0]} was trained: give a copy of that data "
            "set, or this one, with --data"
        )
    return opened


def _origin(description: dict[str, Any], name: str) -> str:
    """Return an entry on the data set; ``load_run`` says what is wrong with a damaged one."""
    origin = description.get("dataset")
    return str(origin.get(name, "")) if isinstance(origin, dict) else ""


def _judged(
    run: Path, name: str, key: str, description: dict[str, Any], dataset: Dataset, device: str
) -> JudgedRun:
    chosen = choose_device(device)
    trained = load_run(run, chosen)
    split = trained.splits(dataset, (TEST,))[TEST]
    classes = trained.encoding.classes
    found = score(trained.network, split, len(classes), World(device=chosen))
    own = own_answers(found.answers, len(split.posts), trained.ranking)
    filled = filled_in(trained, split, dataset)
    metrics = read_metrics(standing(run))
    return JudgedRun(
        name=name,
        key=key,
        description=description,
        metrics=metrics,
        withdrawn=withdrawn_from(standing(run)),
        own_dataset=dataset.digest == trained.dataset_digest,
        classes=classes,
        ranking=trained.ranking,
        labels_B=split.posts.labels,
        present=dict(split.posts.present),
        score=found,
        calibration=read_calibration(run),
        majority=_majority(metrics, dataset, classes),
        missing=missing_curve(own, split.posts.labels, split.posts.present, len(classes), filled),
        histories=read_histories(standing(run), metrics),
        losses=trained.network.losses,
    )


def _majority(metrics: dict[str, Any] | None, dataset: Dataset, classes: Sequence[str]) -> str:
    """Return the most frequent class of the run's training posts, or else of the data set's."""
    told = (metrics or {}).get("majority")
    label = told.get("label") if isinstance(told, dict) else None
    if label in classes:
        return str(label)
    counts = dataset.counts[TRAIN]["labels"]
    return max(classes, key=lambda each: int(counts.get(each, 0)))
