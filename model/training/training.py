"""`train`: from a data set folder to a run folder, with one seed or several.

This module starts or resumes a training in its place. ``model/training/run_tree.py`` defines its
runs, and ``model/training/run_training.py`` trains them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.texts.readers import open_readers
from flickr_emotion.model.inputs.selection import Selection
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.processes.devices import check_compiler
from flickr_emotion.model.processes.distributed import World, joined_world
from flickr_emotion.model.runs.contents import check_same_files
from flickr_emotion.model.runs.description import check_readers, check_recipe
from flickr_emotion.model.runs.files import CONFIG, read_config, read_metrics
from flickr_emotion.model.runs.workplace import Workplace, training_at_work
from flickr_emotion.model.tracking.tracking import check_tracker
from flickr_emotion.model.training.run_training import RunTraining


def train(
    config: TrainingConfig,
    *,
    dataset: Path,
    out: Path,
    profile: bool = False,
    log_to: str | None = None,
    selection: Selection | None = None,
    features_in: Path | None = None,
) -> dict[str, Any]:
    """Train on a data set folder, write the run folder ``out`` and return its metrics.

    With ``repeats``, ``out`` contains a run for each seed, and is itself the network of the seed
    with the lowest validation loss; a system of several networks has a run for each of them. With
    ``profile``, a trace of some steps is written too. ``log_to`` is where figures are kept beside
    TensorBoard's events: ``mlflow`` or ``wandb``. A ``selection`` trains on some of the posts only
    (for an experiment, which restarts from the beginning after an interruption). If the data set's
    folder is read-only, features are kept in ``features_in``, by default in the run's folder.

    Raises ``TrainingStopped`` after a signal, if ``resume`` can continue.

    >>> from pathlib import Path
    >>> from flickr_emotion import TrainingConfig, train
    >>> config = TrainingConfig(model="fasttext", epochs=1, device="cpu")
    >>> metrics = train(config, dataset=Path("dataset"), out=Path("run"))
    >>> 0 <= metrics["test"]["text"]["accuracy"] <= 1
    True
    """
    check_tracker(log_to)
    with (
        _world_of(config) as world,
        report_lack_of_memory(out),
        training_at_work(out, world, resuming=False) as place,
    ):
        return RunTraining(
            config,
            open_dataset(dataset),
            place,
            world,
            profile=profile,
            log_to=log_to,
            selection=selection,
            features_in=features_in,
        ).run()


def resume(
    run: Path,
    *,
    dataset: Path | None = None,
    profile: bool = False,
    log_to: str | None = None,
) -> dict[str, Any]:
    """Resume a training that was stopped or killed; a finished run returns its metrics.

    The final weights are those of an uninterrupted training. ``dataset`` is the place of the data
    set if it is no longer where the run began; its digest must be the same. The file of word
    vectors is needed only by networks that have not begun.

    >>> from pathlib import Path
    >>> from flickr_emotion import resume
    >>> sorted(resume(Path("run"))["test"])[:2]  # this one is at its end: its metrics
    ['image', 'image+tags']
    """
    check_tracker(log_to)
    folder = Workplace(run).interrupted()
    config = _config_of(read_config(folder), folder)
    with (
        _world_of(config) as world,
        report_lack_of_memory(run),
        training_at_work(run, world, resuming=True) as place,
    ):
        folder = place.interrupted()  # a finished run is in its place by now
        if metrics := read_metrics(folder):
            return metrics
        description = read_config(folder)
        found = _dataset_of(description, folder, dataset)
        check_same_files(description, config)
        readers = open_readers(config.readers, download=config.download, engine=config.engine)
        check_readers(description, readers, folder / CONFIG)
        return RunTraining(
            config,
            found,
            place,
            world,
            profile=profile,
            log_to=log_to,
            resuming=True,
            description=description,
        ).run()


@contextmanager
def _world_of(config: TrainingConfig) -> Iterator[World]:
    """Join the processes; refuse what the device cannot do before anything is written."""
    with joined_world(config.device) as world:
        # A frozen image encoder is not run in training, so nothing of it is compiled.
        if config.compile and config.finetune_image and "image" in config.modalities:
            check_compiler(world.device)
        yield world


def _config_of(description: dict[str, Any], folder: Path) -> TrainingConfig:
    check_recipe(description, folder)
    try:
        return TrainingConfig.of_options(description["options"])
    except (KeyError, TypeError) as error:
        raise _damaged(folder, error) from None


def _dataset_of(description: dict[str, Any], folder: Path, given: Path | None) -> Dataset:
    try:
        at, digest = Path(description["dataset"]["folder"]), description["dataset"]["digest"]
        known = [*description["words"]], [*description["tags"]]
    except (KeyError, TypeError) as error:
        raise _damaged(folder, error) from None
    if given is None and not at.exists():
        raise ModelError(
            f"{at}, the data set that {folder} was trained on, is not there: give its place "
            "(train D --resume R)"
        )
    at = given or at
    dataset = open_dataset(at)
    prepared = description["dataset"].get("preparation", 1)
    if (dataset.digest, dataset.preparation) != (digest, prepared):
        raise ModelError(
            f"{at} holds another data set than the one that {folder} was trained on: train again"
        )
    # The digest of a data set covers its posts, but not which words are <UNK>.
    encoding = Encoding.of(dataset)
    if known != ([*encoding.words], [*encoding.tags]):
        raise ModelError(
            f"{at} has another vocabulary than the one that {folder} was trained on (`build-splits "
            "--min-count`): build it again with the options of then, or train again"
        )
    return dataset


def _damaged(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"{folder / CONFIG} is damaged ({error}): train again")


_OUT_OF_MEMORY = "DefaultCPUAllocator", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED"


@contextmanager
def report_lack_of_memory(out: Path) -> Iterator[None]:
    """Turn running out of memory into a one-line ``ModelError``."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # Of several processes, and of the CPU's allocator, it is a plain RuntimeError.
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(sign in str(error) for sign in _OUT_OF_MEMORY):
            raise
        raise ModelError(
            "out of memory: train again with a smaller --batch-size and a larger "
            f"--accumulate; the content of {out} is kept"
        ) from None
