"""`train`: from a data set folder to a run folder, with one seed or several, at once or in parts.

The loop itself is in ``model/training/fitting.py``. Here is what stands around it: what a run is
made of, which seeds are still to be trained, and the metrics in the end.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from flickr_emotion.common.progress import ProgressReport, say
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.rules.splits import TRAIN, VALIDATION
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.evaluation.calibration import calibrate
from flickr_emotion.model.evaluation.evaluation import JUDGED, score
from flickr_emotion.model.features.text_readers import open_readers
from flickr_emotion.model.inputs.selection import Selection
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.ensembles import WeightedVote
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System, holding
from flickr_emotion.model.processes.distributed import World, joined_world
from flickr_emotion.model.processes.profiling import StepProfile
from flickr_emotion.model.runs.checkpoints import Checkpoint
from flickr_emotion.model.runs.files import CONFIG, read_config, read_metrics
from flickr_emotion.model.runs.folder import RunFolder, describe
from flickr_emotion.model.runs.loading import check_readers
from flickr_emotion.model.runs.workplace import Workplace, cannot_be_written, training_at_work
from flickr_emotion.model.training.fitting import Fitting, best_epoch, fit
from flickr_emotion.model.training.journal import Journal
from flickr_emotion.model.training.material import Material, for_seed, prepare
from flickr_emotion.model.training.metrics import over_seeds, run_metrics

# So many tell the scale of frozen features; of more, their features would fill the memory.
POSTS_TO_A_SCALE = 20_000


def train(
    config: TrainingConfig,
    *,
    dataset: Path,
    out: Path,
    profile: bool = False,
    selection: Selection | None = None,
    features_in: Path | None = None,
) -> dict[str, Any]:
    """Train on a data set folder, write the run folder ``out`` and return its metrics.

    With ``repeats``, ``out`` holds a run for each seed, and itself the network of the seed with
    the lowest validation loss; a system of several networks has a run for each of them. With
    ``profile``, a trace of some steps too. With a ``selection`` (of an experiment, which begins
    anew when it was interrupted), on some of the posts only. Features that the data set's folder
    cannot keep lie in ``features_in``, by default in the run's.

    Raises ``TrainingStopped`` after a signal, when ``resume`` can go on.
    """
    with (
        joined_world(config.device) as world,
        trouble_in_one_line(out),
        training_at_work(out, world, goes_on=False) as place,
    ):
        return _Training(
            config,
            open_dataset(dataset),
            place,
            world,
            profile=profile,
            selection=selection,
            features_in=features_in,
        ).run()


def resume(run: Path, *, profile: bool = False) -> dict[str, Any]:
    """Go on with a training that was stopped or killed; a run at its end returns its metrics.

    It ends in the weights that an uninterrupted training ends in.
    """
    folder = Workplace(run).interrupted()
    config = _config_of(read_config(folder), folder)
    with (
        joined_world(config.device) as world,
        trouble_in_one_line(run),
        training_at_work(run, world, goes_on=True) as place,
    ):
        folder = place.interrupted()  # where it was whole, it is in its place now
        if metrics := read_metrics(folder):
            return metrics
        description = read_config(folder)
        dataset = _dataset_of(description, folder)
        check_readers(description, open_readers(config.readers), folder / CONFIG)
        return _Training(config, dataset, place, world, profile=profile, goes_on=True).run()


def _config_of(description: dict[str, Any], folder: Path) -> TrainingConfig:
    try:
        return TrainingConfig.of_options(description["options"])
    except (KeyError, TypeError) as error:
        raise _damaged(folder, error) from None


def _dataset_of(description: dict[str, Any], folder: Path) -> Dataset:
    try:
        at, digest = Path(description["dataset"]["folder"]), description["dataset"]["digest"]
    except (KeyError, TypeError) as error:
        raise _damaged(folder, error) from None
    dataset = open_dataset(at)
    if dataset.digest != digest:
        raise ModelError(
            f"{at} holds another data set than the one that {folder} was begun with: train again"
        )
    return dataset


def _damaged(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"{folder / CONFIG} is damaged ({error}): train again")


@contextmanager
def trouble_in_one_line(out: Path) -> Iterator[None]:
    """Say what a machine that is too small does to a training."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        # The CPU's allocator has no error of its own.
        if type(error) is RuntimeError and "DefaultCPUAllocator" not in str(error):
            raise
        raise ModelError(
            "out of memory: train again with a smaller --batch-size, and with --accumulate as many "
            f"times larger; what {out} holds stays"
        ) from None


def build_network(config: TrainingConfig, material: Material) -> System:
    """Build a network as it is before its first step."""
    torch.manual_seed(config.seed)
    network = build_system(
        config.model,
        config.subset,
        material.encoding,
        copy.deepcopy(material.backbone) if "image" in config.modalities else None,
        frozen_image=not config.finetune_image,
        parts=config.parts,
        readers=material.readers,
    )
    if isinstance(network, RecipeNetwork):
        split = material.splits[TRAIN]
        step = 1 + len(split.posts) // POSTS_TO_A_SCALE
        network.standardise(split.batch(np.arange(0, len(split.posts), step)))
    generator = torch.Generator().manual_seed(config.seed)
    if network.word_embedding:
        with torch.no_grad():
            vectors = material.vectors.matrix(material.encoding.words, generator)
            network.word_embedding.weight.copy_(vectors)
    return network


Chain = list[tuple[RunFolder, TrainingConfig]]
"""A run's folder behind those that it lies in, each with what is trained in it."""


class _Training:
    """The seeds of a training, and each seed's networks, one after the other."""

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        place: Workplace,
        world: World,
        *,
        profile: bool,
        goes_on: bool = False,
        selection: Selection | None = None,
        features_in: Path | None = None,
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._place = place
        self._world = world
        self._profile = StepProfile(world.device) if profile and world.writes else None
        self._goes_on = goes_on
        self._selection = selection
        self._features_in = features_in or place.out
        self._material: Material | None = None
        self._material_seed = config.seed

    def run(self) -> dict[str, Any]:
        """Train what is left to train; return the metrics."""
        root = RunFolder(self._place.folder)
        if not self._goes_on:
            root.check_replaceable()
        metrics = self._train([(root, self._config)])
        if self._world.writes:
            with cannot_be_written(self._place.out):
                self._place.finish()
        return metrics

    def _train(self, chain: Chain) -> dict[str, Any]:
        _, config = chain[-1]
        if config.repeats > 1:
            return self._train_repeats(chain)
        if config.networks:
            return self._train_ensemble(chain)
        return self._train_network(chain)

    def _train_parts(self, chain: Chain, parts: Chain) -> list[dict[str, Any]]:
        """Train what a run is made of, each in a folder of its own; return all metrics."""
        return [
            (read_metrics(run.path) if self._goes_on else None)
            or self._train([*chain, (run, config)])
            for run, config in parts
        ]

    def _train_repeats(self, chain: Chain) -> dict[str, Any]:
        run, config = chain[-1]
        seeds = [
            replace(config, seed=config.seed + repeat, repeats=1)
            for repeat in range(config.repeats)
        ]
        parts = [(RunFolder(run.path / f"seed-{once.seed}"), once) for once in seeds]
        metrics = self._train_parts(chain, parts)
        best = min(range(len(seeds)), key=lambda number: metrics[number]["validation_loss"])
        summary = over_seeds(metrics, best)
        if self._world.writes:
            run.copy_network(parts[best][0])
            run.write_metrics(summary)
        return summary

    def _train_ensemble(self, chain: Chain) -> dict[str, Any]:
        """Train an ensemble's networks, each as ``single-task`` with its ``subset`` would."""
        run, config = chain[-1]
        material = self._material_for(config)
        subsets = _trainable(config, material)
        if missing := [subset for subset in config.networks if subset not in subsets]:
            say(f"no network for {', '.join(missing)}: training or validation has no such post")
        parts = [
            (
                RunFolder(run.path / f"network-{subset}"),
                replace(config, model="single-task", subset=subset),
            )
            for subset in subsets
        ]
        metrics = dict(zip(subsets, self._train_parts(chain, parts), strict=True))
        networks = {}
        for part, once in parts:
            network = build_network(once, material)
            if self._world.writes:
                part.read_network(network)
            assert once.subset is not None
            assert isinstance(network, MultitaskNetwork)
            networks[once.subset] = network
        ensemble = build_ensemble(config.model, networks)
        if isinstance(ensemble, WeightedVote):
            ensemble.weigh({s: metrics[s]["validation"][s]["accuracy"] for s in subsets})
        ensemble.to(self._world.device)
        self._world.same(ensemble)
        if self._world.writes:
            run.write_network(ensemble)
        told = ("epochs", "best_epoch", "validation_loss")
        return self._judge(
            chain,
            ensemble,
            {
                "epochs": sum(metrics[subset]["epochs"] for subset in subsets),
                "best_epoch": None,
                "validation_loss": sum(metrics[subset]["validation_loss"] for subset in subsets),
                "networks": {s: {name: metrics[s][name] for name in told} for s in subsets},
            },
        )

    def _train_network(self, chain: Chain) -> dict[str, Any]:
        """Train one network and write its run folder."""
        run, config = chain[-1]
        world = self._world
        material = self._material_for(config)
        network = build_network(config, material)
        network.to(world.device)
        fitting = Fitting(config, network, material.splits["train"], world)
        epochs: list[dict[str, Any]] = []
        if checkpoint := run.read_checkpoint() if self._goes_on else None:
            _check_backbone(checkpoint, network, config)
            fitting.restore(checkpoint)
            epochs = checkpoint.epochs
        named = f"{config.subset}, " if config.subset else ""
        report = ProgressReport(
            f"training ({named}seed {config.seed})",
            fitting.posts_to_an_epoch * config.epochs - fitting.posts_done,
            "posts",
        )
        folders = [(folder, self._description(settings, material)) for folder, settings in chain]
        journal = Journal(folders, epochs, report, writes=world.writes)
        classes = len(material.encoding.classes)
        validation = material.splits["validation"]
        if not fit(fitting, config, validation, classes, journal, world, self._profile):
            raise TrainingStopped(self._place.out)
        if world.writes:
            run.read_network(network)
        world.same(network)
        best = best_epoch(journal.epochs)
        return self._judge(
            chain,
            network,
            {
                "epochs": len(journal.epochs),
                "best_epoch": best["epoch"],
                "validation_loss": best["validation_loss"],
            },
        )

    def _judge(self, chain: Chain, network: System, told: dict[str, Any]) -> dict[str, Any]:
        """Judge a trained system and write what ends a run; ``told`` is what training tells."""
        run, config = chain[-1]
        material = self._material_for(config)
        classes = len(material.encoding.classes)
        scores = {
            name: score(network, material.splits[name], classes, self._world) for name in JUDGED
        }
        calibration = calibrate(scores["validation"].answers)
        metrics = run_metrics(config, material, scores, calibration) | told
        if self._world.writes:
            run.write_calibration(calibration.content())
            run.write_metrics(metrics)
        return metrics

    def _material_for(self, config: TrainingConfig) -> Material:
        """Return what all networks of a seed share."""
        whole = replace(self._config, seed=config.seed, repeats=1)
        if self._material is None:
            self._material = prepare(
                whole, self._dataset, self._features_in, self._world, self._selection
            )
        elif self._material_seed != config.seed:
            self._material = for_seed(self._material, whole, self._features_in, self._world)
        self._material_seed = config.seed
        return self._material

    def _description(self, config: TrainingConfig, material: Material) -> dict[str, Any]:
        return describe(
            config,
            material.encoding,
            material.dataset,
            networks=_trainable(config, material),
            words_with_vector=len(material.vectors.vectors),
            readers={reader.name: reader.digest() for reader in material.readers},
        )


def _trainable(config: TrainingConfig, material: Material) -> list[str]:
    """Return for which of an ensemble's subsets there are posts to train and to stop by."""
    return [
        subset
        for subset in config.networks
        if all(holding(material.splits[name].posts, subset).any() for name in (TRAIN, VALIDATION))
    ]


def _check_backbone(checkpoint: Checkpoint, network: System, config: TrainingConfig) -> None:
    """Refuse to go on with features of another backbone than the interrupted training had."""
    if config.finetune_image or network.backbone is None:
        return
    prefix = "encoders.image.backbone."
    for name, tensor in network.backbone.state_dict().items():
        held = checkpoint.network.get(prefix + name)
        if held is None or not torch.equal(held, tensor.cpu()):
            raise ModelError(
                f"--image-weights {config.image_weights} are others than those that the training "
                "was begun with: train again"
            )
