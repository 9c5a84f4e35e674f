"""`train`: from a data set folder to a run folder, with one seed or several, at once or in parts.

The loop itself is in ``model/fitting.py``. Here is what stands around it: what a run is made of,
which seeds are still to be trained, and the metrics in the end.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.modalities import SUBSETS
from datasets.progress import ProgressReport
from datasets.reading import Dataset, open_dataset
from model.calibration import Calibration, calibrate, calibration_over_repeats
from model.checkpoints import Checkpoint
from model.config import TrainingConfig
from model.distributed import World, joined_world
from model.errors import ModelError, TrainingStopped
from model.evaluation import JUDGED, Score, judgement, score
from model.fitting import WARM_UP_STEPS, Fitting, best_epoch, fit
from model.image_backbones import Backbone
from model.journal import Journal
from model.material import Material, for_seed, prepare
from model.metrics import majority, over_repeats, spread
from model.network import MultitaskNetwork
from model.posts import Encoding
from model.profiling import StepProfile
from model.run_folder import CONFIG, RunFolder, describe, read_config
from model.selection import Selection
from model.word_vectors import WordVectors


def train(
    config: TrainingConfig,
    *,
    dataset: Path,
    out: Path,
    profile: bool = False,
    selection: Selection | None = None,
) -> dict[str, Any]:
    """Train on a data set folder, write the run folder ``out`` and return its metrics.

    With ``repeats``, ``out`` holds a run for each seed, and itself the network of the seed with
    the lowest validation loss. With ``profile``, a trace of some steps too. With a ``selection``
    (of an experiment, which begins anew when it was interrupted), on some of the posts only.

    Raises ``TrainingStopped`` after a signal, when ``resume`` can go on.
    """
    with joined_world(config.device) as world:
        root = RunFolder(out)
        root.check_replaceable()
        return _Training(
            config, open_dataset(dataset), root, world, profile=profile, selection=selection
        ).run()


def resume(run: Path, *, profile: bool = False) -> dict[str, Any]:
    """Go on with a training that was stopped or killed; a run at its end returns its metrics.

    It ends in the weights that an uninterrupted training ends in.
    """
    root = RunFolder(run)
    description = read_config(run)
    if metrics := root.read_metrics():
        return metrics
    try:
        config = TrainingConfig.of_options(description["options"])
        folder, digest = Path(description["dataset"]["folder"]), description["dataset"]["digest"]
    except (KeyError, TypeError) as error:
        raise ModelError(f"{run / CONFIG} is damaged ({error}): train again") from None
    dataset = open_dataset(folder)
    if dataset.digest != digest:
        raise ModelError(
            f"{folder} holds another data set than the one that {run} was begun with: train again"
        )
    with joined_world(config.device) as world:
        return _Training(config, dataset, root, world, profile=profile, goes_on=True).run()


def build_network(
    config: TrainingConfig, encoding: Encoding, backbone: Backbone, vectors: WordVectors
) -> MultitaskNetwork:
    """Build the network as it is before its first step."""
    torch.manual_seed(config.seed)
    network = MultitaskNetwork(
        encoding, copy.deepcopy(backbone), frozen_image=not config.finetune_image
    )
    generator = torch.Generator().manual_seed(config.seed)
    with torch.no_grad():
        network.text_encoder.embedding.weight.copy_(vectors.matrix(encoding.words, generator))
    return network


class _Training:
    """The seeds of a training, one after the other."""

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        root: RunFolder,
        world: World,
        *,
        profile: bool,
        goes_on: bool = False,
        selection: Selection | None = None,
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._root = root
        self._world = world
        self._profile = StepProfile(world.device) if profile and world.writes else None
        self._goes_on = goes_on
        self._selection = selection
        self._material: Material | None = None

    def run(self) -> dict[str, Any]:
        """Train what is left to train; return the metrics."""
        config = self._config
        if config.repeats == 1:
            return self._train_seed(config, self._root)
        seeds = [
            replace(config, seed=config.seed + repeat, repeats=1)
            for repeat in range(config.repeats)
        ]
        runs = [RunFolder(self._root.path / f"seed-{once.seed}") for once in seeds]
        metrics = [
            (run.read_metrics() if self._goes_on else None) or self._train_seed(once, run)
            for once, run in zip(seeds, runs, strict=True)
        ]
        best = min(range(len(seeds)), key=lambda number: metrics[number]["validation_loss"])
        summary = _summary(metrics, best)
        if self._world.writes:
            self._root.copy_network(runs[best])
            self._root.write_metrics(summary)
        return summary

    def _train_seed(self, config: TrainingConfig, run: RunFolder) -> dict[str, Any]:
        """Train with one seed and write its run folder."""
        world = self._world
        material = self._material_for(config)
        network = build_network(config, material.encoding, material.backbone, material.vectors)
        network.to(world.device)
        train_split = material.splits["train"]
        fitting = Fitting(config, network, train_split, world)
        epochs: list[dict[str, Any]] = []
        if checkpoint := run.read_checkpoint() if self._goes_on else None:
            _check_backbone(checkpoint, material, config)
            fitting.restore(checkpoint)
            epochs = checkpoint.epochs
        report = ProgressReport(
            f"training (seed {config.seed})",
            len(train_split.posts) * config.epochs - fitting.posts_done,
            "posts",
        )
        journal = Journal(self._folders(config, run, material), epochs, report, writes=world.writes)
        classes = len(material.encoding.classes)
        validation = material.splits["validation"]
        if not fit(fitting, config, validation, classes, journal, world, self._profile):
            raise TrainingStopped(self._root.path)
        if world.writes:
            run.read_network(network)
        world.same(network)
        scores = {name: score(network, material.splits[name], classes, world) for name in JUDGED}
        calibration = calibrate(scores["validation"].answers)
        metrics = _metrics(config, material, scores, calibration, journal.epochs)
        if world.writes:
            run.write_calibration(calibration.content())
            run.write_metrics(metrics)
        return metrics

    def _material_for(self, config: TrainingConfig) -> Material:
        if self._material is None:
            self._material = prepare(
                config, self._dataset, self._root.path, self._world, self._selection
            )
        else:
            self._material = for_seed(self._material, config, self._root.path, self._world)
        return self._material

    def _folders(
        self, config: TrainingConfig, run: RunFolder, material: Material
    ) -> list[tuple[RunFolder, dict[str, Any]]]:
        """Return the folders that are begun with a seed; the one around it says how many seeds."""
        own = {run.path: (run, config)}
        around = {self._root.path: (self._root, self._config)}
        return [
            (
                folder,
                describe(
                    settings,
                    material.encoding,
                    material.dataset,
                    words_with_vector=len(material.vectors.vectors),
                    warm_up_steps=WARM_UP_STEPS,
                ),
            )
            for folder, settings in (around | own).values()
        ]


def _check_backbone(checkpoint: Checkpoint, material: Material, config: TrainingConfig) -> None:
    """Refuse to go on with features of another backbone than the interrupted training had."""
    if config.finetune_image:
        return
    prefix = "encoders.image.backbone."
    for name, tensor in material.backbone.state_dict().items():
        held = checkpoint.network.get(prefix + name)
        if held is None or not torch.equal(held, tensor.cpu()):
            raise ModelError(
                f"--image-weights {config.image_weights} are others than those that the training "
                "was begun with: train again"
            )


def _metrics(
    config: TrainingConfig,
    material: Material,
    scores: dict[str, Score],
    calibration: Calibration,
    epochs: list[dict[str, Any]],
) -> dict[str, Any]:
    classes = material.encoding.classes
    answer = int(np.bincount(material.splits["train"].posts.labels).argmax())
    best = best_epoch(epochs)
    return {
        **judgement(scores, calibration),
        # What an F1 or an accuracy is worth shows beside that of always answering the same.
        "majority": {
            "label": classes[answer],
            **{
                name: {s: majority(judged.confusions[s], answer) for s in SUBSETS}
                for name, judged in scores.items()
            },
        },
        "seed": config.seed,
        "epochs": len(epochs),
        "best_epoch": best["epoch"],
        "validation_loss": best["validation_loss"],
    }


def _summary(metrics: list[dict[str, Any]], best: int) -> dict[str, Any]:
    return {
        **{
            split: {s: over_repeats([m[split][s] for m in metrics]) for s in SUBSETS}
            for split in JUDGED
        },
        "confusions": {
            split: {
                s: np.sum([m["confusions"][split][s] for m in metrics], axis=0).tolist()
                for s in SUBSETS
            }
            for split in JUDGED
        },
        "calibration": calibration_over_repeats([m["calibration"] for m in metrics]),
        "majority": metrics[0]["majority"],
        "seeds": [m["seed"] for m in metrics],
        "best_seed": metrics[best]["seed"],
        "best_epoch": spread([m["best_epoch"] for m in metrics]),
        "validation_loss": spread([m["validation_loss"] for m in metrics]),
    }
