"""What an absent modality costs on real posts: the heads beside what others fill in.

    python -m benchmarks.real_posts.absence --out /tmp/real-table

The posts and folds are those of `table`, with three classes; give the same ``--out``, so that its
data sets and features are used. Each system is trained on each fold, and all ways of answering get
the same posts, from which the same modalities are dropped (`evaluate --missing`). Beside them
stands the strongest baseline of `table`, a logistic regression, which knows zeros from training.
Answers are kept in ``--out``; the same command resumes. Intervals are Student's over the posts of
all folds.

Shapes in names: N posts, D features, C classes.
"""

# ruff: noqa: N806 (shapes in names)

import argparse
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.real_posts.baselines import best_features, read_fold
from benchmarks.real_posts.chain import word_vectors
from benchmarks.real_posts.folds import FOLDS, IMAGE_ENCODER, build_folds
from benchmarks.real_posts.table import BEST, TRAINED
from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.evaluation.evaluation import filled_in
from flickr_emotion.model.evaluation.robustness import Answers, missing_curve, own_answers
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.training.training import train

RULES_VERSION = 1
"""Incremented when the same options would give other answers."""

CLASSES = 3
OWN = "its heads"
SHOWN = (0, 3, 6, 9)
"""The rates in the table, in tenths."""

LINEAR = "LR, all that the best recipe reads"
COMPLETE_ONLY = "single-task, complete posts"
SYSTEMS: dict[str, dict[str, Any]] = {
    "multitask, rate 0.001": TRAINED["multitask, rate 0.001"],
    COMPLETE_ONLY: {"model": "single-task", "subset": COMPLETE, "learning_rate": 0.001},
    "early-fusion": {"model": "early-fusion", "learning_rate": 0.001},
    BEST: TRAINED[BEST],
    LINEAR: {},
}
"""By row, the options of `train`. The second is what is usually filled in for: a network that was
trained on complete posts alone. The third and the last were trained with zeros."""

Fold = dict[str, Any]
"""``labels``, ``present`` by modality, and ``answers`` by way of answering and by subset kept."""


def main() -> None:
    """Train what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", metavar="ROW", choices=[*SYSTEMS])
    arguments = parser.parse_args()
    try:
        datasets = build_folds(arguments.out / "datasets", CLASSES)
        for row in [arguments.only] if arguments.only else SYSTEMS:
            for number, dataset in enumerate(datasets):
                say(f"{row}, fold {number + 1} of {FOLDS}")
                answered(arguments.out, row, dataset)
    except TrainingStopped:
        parser.exit(130, "stopped; the same command trains this fold again\n")
    except (DatasetError, ModelError) as error:
        parser.exit(1, f"{error}\n")
    print("\n".join(markdown(arguments.out, datasets)))


def answers_file(out: Path, row: str, dataset: Dataset) -> Path:
    """Return the file of a row's answers to a fold; its name covers what determines them."""
    decides = json.dumps([RULES_VERSION, dataset.digest, SYSTEMS[row]], sort_keys=True)
    title = re.sub(r"[^a-z0-9.]+", "-", row.lower())
    digest = hashlib.sha256(decides.encode()).hexdigest()
    return out / "absence" / f"{title}-{dataset.folder.name}-{digest[:12]}.json"


def answered(out: Path, row: str, dataset: Dataset) -> Fold:
    """Return a row's answers to a fold's test posts, training the system if they are not kept."""
    path = answers_file(out, row, dataset)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".writing")
        ways = linear_ways(dataset) if row == LINEAR else trained_ways(row, dataset, path)
        new.write_text(json.dumps(ways), encoding="utf-8")
        new.replace(path)
    fold: Fold = json.loads(path.read_text(encoding="utf-8"))
    return fold


def trained_ways(row: str, dataset: Dataset, path: Path) -> Fold:
    """Train a system; return its answers to the test posts."""
    run = path.with_suffix("")
    shutil.rmtree(run, ignore_errors=True)  # left by an interrupted benchmark
    fixed = {"image_encoder": IMAGE_ENCODER, "word_vectors": word_vectors(), "device": "cpu"}
    train(TrainingConfig.of_options(fixed | SYSTEMS[row]), dataset=dataset.folder, out=run)
    ways = ways_of(run, dataset)
    shutil.rmtree(run)
    return ways


def linear_ways(dataset: Dataset) -> Fold:
    """Fit the logistic regression; return its answers with zeros for what is dropped."""
    fold = read_fold(dataset)
    test = fold.sides[TEST]
    masked = {
        source: np.concatenate(
            [
                inputs_ND if source.split()[0] in subset.split("+") else np.zeros_like(inputs_ND)
                for subset in SUBSETS
            ]
        )
        for source, inputs_ND in test.best.items()
    }
    every = np.ones(len(SUBSETS) * len(test.labels), dtype=bool)
    several = replace(
        test,
        labels=test.labels * len(SUBSETS),
        best=masked,
        held=dict.fromkeys(MODALITIES, every),
    )
    said_NC = best_features(replace(fold, sides={**fold.sides, TEST: several}))
    answers = said_NC.argmax(1).reshape(len(SUBSETS), -1)
    held = {s: np.all([test.held[m] for m in s.split("+")], axis=0) for s in SUBSETS}
    return {
        "labels": [fold.classes.index(label) for label in test.labels],
        "present": {modality: flags.tolist() for modality, flags in test.held.items()},
        "answers": {
            "zeros, also in training": {
                subset: np.where(held[subset], row, -1).tolist()
                for subset, row in zip(SUBSETS, answers, strict=True)
            }
        },
    }


def ways_of(run: Path, dataset: Dataset) -> Fold:
    """Return the answers of a run's heads, and of its complete head, to the test posts."""
    trained = load_run(run, torch.device("cpu"))
    split = trained.splits(dataset, (TEST,))[TEST]
    world = World(device=trained.device)
    heads = answer_split(trained.network, split, len(dataset.classes), world)
    own = own_answers(heads, len(split.posts), trained.ranking)
    ways: dict[str, Answers] = {OWN: own, **filled_in(trained, split, dataset)}
    return {
        "labels": split.posts.labels.tolist(),
        "present": {modality: flags.tolist() for modality, flags in split.posts.present.items()},
        "answers": {
            way: {subset: answers.tolist() for subset, answers in by_subset.items()}
            for way, by_subset in ways.items()
        },
    }


def markdown(out: Path, datasets: list[Dataset]) -> list[str]:
    """Return the table of the rows whose folds are finished."""
    finished = {
        row: [answered(out, row, dataset) for dataset in datasets]
        for row in SYSTEMS
        if all(answers_file(out, row, dataset).exists() for dataset in datasets)
    }
    if not finished:
        return ["no row is finished"]
    lines = []
    for row, folds in finished.items():
        lines += _rows(row, folds, finished.get(BEST))
    head = ["system", "an absent modality", *(f"{10 * tenths}%" for tenths in SHOWN)]
    differences = [f"area of {whose} heads minus this" for whose in ("its", "the best recipe's")]
    return table_lines([*head, "area", *differences], lines)


def _rows(row: str, folds: list[Fold], best: list[Fold] | None) -> list[list[str]]:
    """Return a row for each way of answering, the system's own first."""
    own, *others = folds[0]["answers"]
    ways = {way: _pooled(folds, way) for way in (own, *others)}
    curve = _curve(folds, ways[own], ways)
    reference = _curve(folds, _pooled(best, OWN), ways) if best else None
    lines = []
    for way, found in curve["filled"].items():
        behind = "" if way == own else _figure(found["ours_minus_this"], "+.1f")
        behind_best = ""
        if reference and (row, way) != (BEST, OWN):
            behind_best = _figure(reference["filled"][way]["ours_minus_this"], "+.1f")
        lines.append([row, way, *_shown(found), behind, behind_best])
    return lines


def _curve(folds: list[Fold], own: Answers, ways: Mapping[str, Answers]) -> dict[str, Any]:
    labels = np.concatenate([fold["labels"] for fold in folds])
    present = {m: np.concatenate([fold["present"][m] for fold in folds]) for m in MODALITIES}
    return missing_curve(own, labels, present, CLASSES, ways)


def _pooled(folds: list[Fold], way: str) -> dict[str, Integers]:
    return {s: np.concatenate([fold["answers"][way][s] for fold in folds]) for s in SUBSETS}


def _shown(curve: Mapping[str, Any]) -> list[str]:
    accuracies = [100 * curve["rates"][tenths]["accuracy"]["mean"] for tenths in SHOWN]
    return [*(f"{value:.1f}" for value in accuracies), _figure(curve["area"], ".1f")]


def _figure(figure: Mapping[str, Any], form: str) -> str:
    value, low, high = (100 * end for end in (figure["value"], *figure["interval"]))
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


if __name__ == "__main__":
    main()
