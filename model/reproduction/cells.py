"""The cells of the paper's experiments: one training each, kept when it is finished.

A table or figure consists of cells: a system, trained on some of the posts, with one seed. Tables
share cells, and an experiment of several days must survive interruptions. A finished cell is
therefore kept under a name derived from everything that determines it, and found by any experiment
that needs it. Its network is deleted, but its answers to each test post are kept.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.printing import say
from flickr_emotion.common.whole_files import write_json
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.features.texts.readers import open_readers
from flickr_emotion.model.recipes import BEST
from flickr_emotion.model.reproduction.answers import (
    Answers,
    answer_test_posts,
    read_answers,
    write_answers,
)
from flickr_emotion.model.reproduction.cell import Cell, train_cell
from flickr_emotion.model.runs.contents import file_contents, training_digest
from flickr_emotion.model.runs.files import HISTORY, is_finished, read_config
from flickr_emotion.model.training.training import resume

RULES_VERSION = 1
"""Incremented when cells of the same name would give different results."""

# Settings that do not change the results, or that the cell itself determines.
_NOT_IN_DIGEST = (
    *("device", "engine", "seed", "repeats", "compile", "download", "model", "subset", "target"),
    "text_encoder",  # the digest of the reader stands for it
)
_CELL, _ANSWERS, _RUN = "cell.json", "answers.parquet", "run"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A trained cell."""

    cell: Cell
    answers: Answers
    record: dict[str, Any]
    """The content of ``cell.json``."""


class Cells:
    """The cells for one data set and its settings, in a folder."""

    def __init__(self, folder: Path, dataset: Dataset, settings: TrainingConfig) -> None:
        self._folder = folder
        self._dataset = dataset
        self._settings = settings
        self.options = _deciding(settings)
        """The settings that determine the results."""
        self._decides = [RULES_VERSION, training_digest(dataset), self.options]

    def name(self, cell: Cell) -> str:
        """Return a cell's folder name: its title, and a digest of everything that determines it."""
        decides = [*self._decides, asdict(cell)]
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        return f"{cell.title}-{digest[:12]}"

    def finished(self, cell: Cell) -> Finished | None:
        """Return a cell if it has been trained, else None."""
        folder = self._folder / self.name(cell)
        try:
            record = read_json(folder / _CELL)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{folder / _CELL} cannot be read ({error}): remove its folder to train it again"
            ) from None
        answers = read_answers(folder / _ANSWERS, self._dataset.classes)
        return Finished(cell=cell, answers=answers, record=record)

    def train(self, cells: Sequence[Cell], only: str | None = None) -> list[Finished | None]:
        """Train the unfinished cells and return all; None for those that ``only`` does not match.

        ``only`` is a pattern (``*``, ``?``) of names, or a part of one. Raises
        ``KeyboardInterrupt`` after a signal: the finished cells are kept.
        """
        chosen = [cell for cell in cells if _matches(self.name(cell), only)]
        if not chosen and cells:
            titles = ", ".join(self.name(cell) for cell in cells[:3])
            raise ModelError(f"--only {only} matches no cell: their names are {titles}, ...")
        for number, cell in enumerate(chosen, 1):
            place = f"cell {number} of {len(chosen)}, {cell.title}"
            done = self.finished(cell)
            if not done:
                say(f"{place}: training")
            # Another process may be training it, or have trained it.
            with self._locked(cell):
                done = done or self.finished(cell) or self._train(cell, place)
                self._tidy(cell)
            say(f"{place}: {_outcome(done)}")
        return [self.finished(cell) for cell in cells]

    @contextmanager
    def _locked(self, cell: Cell) -> Iterator[None]:
        folder = self._folder / self.name(cell)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("waiting for another process that trains this cell")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _train(self, cell: Cell, place: str) -> Finished:
        folder = self._folder / self.name(cell)
        run = folder / _RUN
        if is_finished(run):  # only its answers are missing
            metrics, seconds = resume(run), _seconds_of_epochs(run)
        else:
            if run.exists():
                shutil.rmtree(run)  # left by an interrupted training
            started = time.monotonic()
            try:
                metrics = train_cell(cell, self._dataset, self._settings, run, self._folder)
            except TrainingStopped:
                say(
                    f"{place}: stopped; the same command continues with this cell "
                    "and keeps the finished ones"
                )
                raise KeyboardInterrupt from None
            seconds = time.monotonic() - started
        answers = answer_test_posts(
            run,
            self._dataset,
            features_in=self._folder,
            device=self._settings.device,
            engine=self._settings.engine,
        )
        write_answers(answers, self._dataset, folder / _ANSWERS)
        record = {
            "cell": asdict(cell),
            "dataset_digest": self._dataset.digest,
            "options": self.options,
            "rules_version": RULES_VERSION,
            "versions": read_config(run)["versions"],
            "seconds": round(seconds, 1),
            "metrics": metrics,
        }
        write_json(folder / _CELL, record)  # written last: it marks the cell as finished
        return Finished(cell=cell, answers=answers, record=record)

    def _tidy(self, cell: Cell) -> None:
        """Remove a finished cell's network, which a killed process may have left."""
        if (run := self._folder / self.name(cell) / _RUN).exists():
            shutil.rmtree(run)


def _seconds_of_epochs(run: Path) -> float:
    """Return the total time of a run's epochs, over all its networks."""
    return sum(
        float(json.loads(line)["seconds"])
        for history in run.rglob(HISTORY)
        for line in history.read_text(encoding="utf-8").splitlines()
    )


def _deciding(settings: TrainingConfig) -> dict[str, Any]:
    """Return the settings that determine the results; for a file, the digest of its content."""
    undecided = (
        _NOT_IN_DIGEST if settings.recipe == BEST else (*_NOT_IN_DIGEST, "recipe", "without")
    )
    options = {name: value for name, value in settings.options().items() if name not in undecided}
    if options["word_vectors"]:
        options["word_vectors"] = str(options["word_vectors"])
    options |= {name: f"SHA-256 {digest}" for name, digest in file_contents(settings).items()}
    if settings.readers:
        readers = open_readers(settings.readers, download=settings.download, engine=settings.engine)
        options["readers"] = {reader.name: reader.digest() for reader in readers}
    return options


def _matches(name: str, only: str | None) -> bool:
    return only is None or fnmatchcase(name, only) or only in name


def _outcome(done: Finished) -> str:
    answers = done.answers
    right = answers.right(COMPLETE)[answers.answered(COMPLETE)]
    accuracy = f"{COMPLETE} {right.mean():.1%}" if len(right) else f"no {COMPLETE} among test posts"
    return f"{accuracy}, {done.record['seconds']} s"
