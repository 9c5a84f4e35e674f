"""Every system and the usual baselines on real posts, by 5-fold cross-validation, in one table.

    python -m benchmarks.real_posts.table --out /tmp/real-table

The posts are MVSA-Single's 3,139 labelled tweets: with three classes, and with two, without the
neutral ones. `build-splits` writes the folds, with duplicate pictures and texts in the same split;
a text of a single word is enough, and one that is not detected as English is absent, as in every
data set. Each row is trained on each fold, and its answers to each test post are kept in ``--out``;
the same command resumes. The table shows every row whose five folds are finished, on all posts, on
the complete ones, and on those whose text and picture were given the same label.
"""

import argparse
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.real_posts import baselines
from benchmarks.real_posts.answers import (
    Pooled,
    Probabilities,
    pool,
    system_answers,
    under_held_subset,
    write_answers,
)
from benchmarks.real_posts.baselines import Fold, read_fold
from benchmarks.real_posts.chain import word_vectors
from benchmarks.real_posts.components import components_regressions
from benchmarks.real_posts.figures import markdown_table, parts_table
from benchmarks.real_posts.folds import (
    FOLDS,
    IMAGE_ENCODER,
    WITHOUT_STAGES,
    agreeing_posts,
    build_folds,
)
from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import VALIDATION
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.recipes import BEST_IMAGES, BEST_TEXT, MINILM, PARTS, PICTURES, SENTENCES
from flickr_emotion.model.training.training import train

RULES_VERSION = 2
"""Incremented when a row of the same name and options would give other answers."""

BEST = "multitask, best recipe"
BEST_OPTIONS: dict[str, Any] = {
    "recipe": "best",
    "image_encoder": BEST_IMAGES,
    "text_encoder": BEST_TEXT,
}


def _without(part: str) -> dict[str, Any]:
    options: dict[str, Any] = BEST_OPTIONS | {"without": (part,)}
    if part == SENTENCES:
        options["text_encoder"] = None
    return options | ({"image_encoder": IMAGE_ENCODER} if part == PICTURES else {})


BASELINES = baselines.BASELINES | {
    "PCA + ridge and LR, all that the best recipe reads": components_regressions,
}

SYSTEMS: dict[str, dict[str, Any]] = {
    "multitask": {},
    "multitask, rate 0.001": {"learning_rate": 0.001},
    BEST: BEST_OPTIONS,
    f"{BEST}, --finetune-text": BEST_OPTIONS | {"finetune_text": True},
    "single-task": {"model": "single-task"},
    "late-fusion": {"model": "late-fusion"},
    "weighted-vote": {"model": "weighted-vote"},
    "early-fusion": {"model": "early-fusion"},
    "joint-fusion": {"model": "joint-fusion"},
    "common-space": {"model": "common-space"},
    "fasttext": {"model": "fasttext"},
    # Inception's own weights are not available as a package.
    "inception, on EfficientNet-lite0": {"model": "inception"},
    "mmtrans-mt": {"model": "mmtrans-mt"},
}
"""By row, the options of `train` that differ from the paper's recipe."""

ABLATIONS: dict[str, dict[str, Any]] = {f"without {part}": _without(part) for part in PARTS} | {
    "without stages": BEST_OPTIONS | {"image_encoder": WITHOUT_STAGES},
    "with MiniLM": BEST_OPTIONS | {"text_encoder": MINILM},
}
"""The best recipe without each of its parts, shown in a separate table."""

TRAINED = SYSTEMS | ABLATIONS

COMPARED_WITH = (BEST, "multitask")
"""The other rows are compared with the first of these that is finished."""


def main() -> None:
    """Train the unfinished rows and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--classes", type=int, choices=(3, 2), help="default: both")
    parser.add_argument("--only", metavar="ROW", choices=[*BASELINES, *TRAINED])
    arguments = parser.parse_args()
    settings = [arguments.classes] if arguments.classes else [3, 2]
    rows = [arguments.only] if arguments.only else [*BASELINES, *TRAINED]
    try:
        tables = [RealTable(arguments.out, classes) for classes in settings]
        for row in rows:
            for each in tables:
                each.finish(row)
        for each in tables:
            print("\n".join(each.markdown()))
    except TrainingStopped:
        parser.exit(130, "stopped; the same command trains this fold again\n")
    except (DatasetError, ModelError) as error:
        parser.exit(1, f"{error}\n")


class RealTable:
    """The table for a number of classes."""

    def __init__(self, out: Path, classes: int) -> None:
        self._out = out
        self._classes = classes
        self._folds: dict[int, Fold] = {}
        self._datasets = build_folds(out / "datasets", classes)
        self._agreeing = agreeing_posts()

    def finish(self, row: str) -> None:
        """Compute a row's missing answers."""
        for number, dataset in enumerate(self._datasets):
            path = self._path(row, dataset)
            place = f"{row}, {self._classes} classes, fold {number + 1} of {FOLDS}"
            if path.exists():
                continue
            say(place)
            if row in TRAINED:
                heads = self._train(row, dataset)
            else:
                if number not in self._folds:
                    self._folds[number] = read_fold(dataset)
                heads = under_held_subset(BASELINES[row](self._folds[number]), dataset)
            write_answers(heads, dataset, path)

    def _path(self, row: str, dataset: Dataset) -> Path:
        """Return the file of a row's answers to a fold; its name covers what determines them."""
        decides = [RULES_VERSION, dataset.digest, TRAINED.get(row, {})]
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        title = re.sub(r"[^a-z0-9.]+", "-", row.lower())
        return self._out / "answers" / f"{title}-{dataset.folder.name}-{digest[:12]}.parquet"

    def _train(self, row: str, dataset: Dataset) -> dict[str, Probabilities]:
        """Train a system; return each head's answers to the test posts."""
        run = self._out / "runs" / self._path(row, dataset).stem
        shutil.rmtree(run, ignore_errors=True)  # left by an interrupted benchmark
        fixed: dict[str, Any] = {
            "image_encoder": IMAGE_ENCODER,
            "word_vectors": word_vectors(),
            "device": "cpu",
        }
        config = TrainingConfig(**(fixed | TRAINED[row]))
        train(config, dataset=dataset.folder, out=run)
        validation = system_answers(run, dataset, VALIDATION)
        write_answers(
            validation, dataset, _of_validation(self._path(row, dataset)), split=VALIDATION
        )
        heads = system_answers(run, dataset)
        shutil.rmtree(run)
        return heads

    def markdown(self) -> list[str]:
        """Return the table of the finished rows."""
        pooled = self._pooled((*BASELINES, *SYSTEMS))
        reference = next((row for row in COMPARED_WITH if row in pooled), None)
        title = f"{self._classes} classes ({', '.join(self._datasets[0].classes)})"
        lines = [f"### {title}", "", *markdown_table(pooled, reference), ""]
        if BEST in pooled:
            test = self._pooled((BEST, *ABLATIONS))
            validation = self._pooled(test, _of_validation)
            lines += parts_table(validation, {row: test[row] for row in validation}, BEST)
        return [*lines, ""]

    def _pooled(
        self, rows: Iterable[str], of: Callable[[Path], Path] = lambda path: path
    ) -> dict[str, Pooled]:
        """Return the answers of the finished rows."""
        paths = {row: [of(self._path(row, dataset)) for dataset in self._datasets] for row in rows}
        return {
            row: pool(files, self._datasets[0].classes, self._agreeing)
            for row, files in paths.items()
            if all(file.exists() for file in files)
        }


def _of_validation(path: Path) -> Path:
    """Return the file of the answers to the validation posts."""
    return path.with_suffix(".validation.parquet")


if __name__ == "__main__":
    main()
