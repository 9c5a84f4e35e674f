"""Walks a training's tree of runs: trains each network, then combines them.

``model/training/run_tree.py`` defines the runs; ``early_stopping.py`` beside it is the loop over
the epochs of one network. The material of only one seed is held at a time; the runs of a seed are
consecutive.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from flickr_emotion.common.printing import say
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.split_names import JUDGED, TRAIN, VALIDATION
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import DISTRIBUTION, TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.evaluation.calibration import calibrate
from flickr_emotion.model.evaluation.evaluation import score
from flickr_emotion.model.inputs.selection import Selection
from flickr_emotion.model.networks.catalogue import build_ensemble
from flickr_emotion.model.networks.ensembles import WeightedVote
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.processes.profiling import StepProfile
from flickr_emotion.model.runs.contents import recorded_of_lost_vectors
from flickr_emotion.model.runs.files import CARD, METRICS, read_config, read_metrics
from flickr_emotion.model.runs.folder import RunFolder, describe
from flickr_emotion.model.runs.heads import say_heads
from flickr_emotion.model.runs.workplace import Workplace, report_write_errors
from flickr_emotion.model.tracking.tracker import TrackedRun
from flickr_emotion.model.tracking.tracking import Tracking
from flickr_emotion.model.training.early_stopping import best_epoch, fit
from flickr_emotion.model.training.fitting import Fitting
from flickr_emotion.model.training.journal import Journal
from flickr_emotion.model.training.material import Material, for_seed, prepare
from flickr_emotion.model.training.metrics import over_seeds, run_metrics, test_figures
from flickr_emotion.model.training.model_card import model_card
from flickr_emotion.model.training.new_network import build_network, check_frozen_parts
from flickr_emotion.model.training.run_tree import ROOT, Chain, Kind, RunSpec, plan_runs, unfinished


class RunTraining:
    """A training in progress in its place."""

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        place: Workplace,
        world: World,
        *,
        profile: bool,
        log_to: str | None = None,
        resuming: bool = False,
        selection: Selection | None = None,
        features_in: Path | None = None,
        description: dict[str, Any] | None = None,
    ) -> None:
        """``resuming``: finished runs and checkpoints in the place belong to this training.

        ``description``: the ``config.json`` of the training that is resumed.
        """
        self._of_lost_vectors = recorded_of_lost_vectors(description, config)
        self._config = config
        self._dataset = dataset
        self._place = place
        self._world = world
        self._profile = StepProfile(world.device) if profile and world.writes else None
        self._log_to = log_to if world.writes else None
        self._resuming = resuming
        self._selection = selection
        self._features_in = features_in or place.out
        self._material: Material | None = None
        self._trainable: list[str] = []
        self._heads_said = False
        self._is_tracked = False
        self._folders: dict[PurePath, RunFolder] = {}
        self._metrics: dict[PurePath, dict[str, Any]] = {}

    def run(self) -> dict[str, Any]:
        """Train what is not finished; return the metrics of the whole.

        Raises ``TrainingStopped`` after a signal, and ``ModelError``.
        """
        if not self._resuming:
            self._folder(ROOT).check_replaceable()
        tree = plan_runs(self._config, trainable=self._trainable_networks())
        for chain in unfinished(tree, self._is_finished):
            self._metrics[chain[-1].folder] = self._done(chain)
        if self._world.writes:
            with report_write_errors(self._place.out):
                self._place.finish()
        return self._metrics[tree.folder]

    def _trainable_networks(self) -> list[str]:
        """Return the ensemble's subsets that can be trained; report the others."""
        wanted = self._config.networks
        if wanted:
            material = self._material_of(self._config)
            self._trainable = [subset for subset in wanted if material.has_posts_for(subset)]
        if missing := [subset for subset in wanted if subset not in self._trainable]:
            say(f"no network for {', '.join(missing)}: training or validation has no such post")
        return self._trainable

    def _is_finished(self, run: RunSpec) -> bool:
        metrics = read_metrics(self._folder(run.folder).path) if self._resuming else None
        if metrics:
            self._metrics[run.folder] = metrics
        return metrics is not None

    def _done(self, chain: Chain) -> dict[str, Any]:
        """Finish a run whose parts are finished; return its metrics."""
        match chain[-1].kind:
            case Kind.REPEATS:
                return self._sum_up(chain[-1])
            case Kind.ENSEMBLE:
                return self._put_together(chain[-1])
            case Kind.NETWORK:
                return self._train_network(chain)

    def _sum_up(self, run: RunSpec) -> dict[str, Any]:
        """Copy the network of the best seed."""
        metrics = [self._metrics[part.folder] for part in run.parts]
        best = min(range(len(metrics)), key=lambda number: metrics[number]["validation_loss"])
        summary = over_seeds(metrics, best)
        if self._world.writes:
            folder = self._folder(run.folder)
            folder.copy_network(self._folder(run.parts[best].folder))
            with self._tracking(run) as tracking:
                self._finish(folder, summary, tracking)
        return summary

    def _put_together(self, run: RunSpec) -> dict[str, Any]:
        """Combine the separately trained networks into an ensemble."""
        material = self._material_of(run.config)
        networks, metrics = {}, {}
        for part in run.parts:
            network = build_network(part.config, material)
            if self._world.writes:
                self._folder(part.folder).read_network(network)
            subset = part.config.subset
            assert subset is not None
            assert isinstance(network, MultitaskNetwork)
            networks[subset], metrics[subset] = network, self._metrics[part.folder]
        ensemble = build_ensemble(run.config.model, networks)
        if isinstance(ensemble, WeightedVote):
            ensemble.weigh({s: own[VALIDATION][s]["accuracy"] for s, own in metrics.items()})
        ensemble.to(self._world.device)
        self._world.synchronise(ensemble)
        if self._world.writes:
            self._folder(run.folder).write_network(ensemble)
        names = ("epochs", "best_epoch", "validation_loss")
        told = {
            "epochs": sum(own["epochs"] for own in metrics.values()),
            "best_epoch": None,
            "validation_loss": sum(own["validation_loss"] for own in metrics.values()),
            "networks": {s: {name: own[name] for name in names} for s, own in metrics.items()},
        }
        with self._tracking(run) as tracking:
            return self._evaluate(run, ensemble, told, tracking)

    def _train_network(self, chain: Chain) -> dict[str, Any]:
        """Train one network; its folder and those around it are made after the first epoch."""
        run, config = chain[-1], chain[-1].config
        world, folder = self._world, self._folder(run.folder)
        material = self._material_of(config)
        network = build_network(config, material)
        if world.writes and not self._heads_said:
            say_heads(self._place.out, network.subsets, network.built_for())
            self._heads_said = True
        network.to(world.device)
        fitting = Fitting(config, network, material.splits[TRAIN], world)
        epochs: list[dict[str, Any]] = []
        checkpoint = folder.read_checkpoint() if self._resuming else None
        if checkpoint is None and self._of_lost_vectors and network.word_embedding:
            raise ModelError(
                f"--word-vectors {self._config.word_vectors} is not there, and {folder.path} has "
                "not begun with its vectors: put the file back"
            )
        if checkpoint:
            check_frozen_parts(checkpoint, network, config)
            fitting.restore(checkpoint)
            epochs = checkpoint.epochs
        named = f"{config.subset}, " if config.subset else ""
        report = ProgressReport(
            f"training ({named}seed {config.seed})",
            fitting.posts_per_epoch * config.epochs - fitting.posts_done,
            "posts",
        )
        folders = [
            (self._folder(one.folder), self._description(one.config, material)) for one in chain
        ]
        with self._tracking(run, epochs) as tracking:
            journal = Journal(
                folders, epochs, report, tracking, writes=world.writes, losses=network.losses
            )
            classes = len(material.encoding.classes)
            validation = material.splits[VALIDATION]
            if not fit(fitting, config, validation, classes, journal, world, self._profile):
                raise TrainingStopped(self._place.out)
            if world.writes:
                folder.read_network(network)
            world.synchronise(network)
            best = best_epoch(journal.epochs)
            told = {
                "epochs": len(journal.epochs),
                "best_epoch": best["epoch"],
                "validation_loss": best["validation_loss"],
            }
            return self._evaluate(run, network, told, tracking)

    def _evaluate(
        self, run: RunSpec, network: System, told: dict[str, Any], tracking: Tracking
    ) -> dict[str, Any]:
        """Evaluate a trained system and write the run's last files; metrics include ``told``."""
        material = self._material_of(run.config)
        classes = len(material.encoding.classes)
        scores = {
            name: score(network, material.splits[name], classes, self._world) for name in JUDGED
        }
        calibration = calibrate(
            scores[VALIDATION].answers, by_distribution=run.config.target == DISTRIBUTION
        )
        metrics = run_metrics(run.config, material, scores, calibration) | told
        if self._world.writes:
            folder = self._folder(run.folder)
            folder.write_calibration(calibration.content())
            self._finish(folder, metrics, tracking)
        return metrics

    def _finish(self, folder: RunFolder, metrics: dict[str, Any], tracking: Tracking) -> None:
        """Write the last files of a run whose ``config.json`` is written."""
        card = model_card(
            read_config(folder.path),
            metrics,
            self._dataset,
            selected=self._selection is not None,
        )
        with folder.writing():
            tracking.finish(test_figures(metrics), {CARD: card, METRICS: json_text(metrics)})
        folder.write_metrics(metrics, card)

    def _tracking(self, run: RunSpec, epochs: Sequence[dict[str, Any]] = ()) -> Tracking:
        tracked = TrackedRun(
            name=str(PurePath(self._place.out.resolve().name) / run.folder),
            folder=self._folder(run.folder).path,
            options=run.config.options(),
            dataset=self._dataset.digest,
        )
        first, self._is_tracked = not self._is_tracked, True
        return Tracking(tracked, self._log_to, epochs, must_begin=first)

    def _material_of(self, config: TrainingConfig) -> Material:
        """Return what all networks of a seed share, whatever each reads of it."""
        whole = replace(self._config, seed=config.seed, repeats=1)
        if self._of_lost_vectors:
            whole = replace(whole, word_vectors=None)
        if self._material is None:
            self._material = prepare(
                whole, self._dataset, self._features_in, self._world, self._selection
            )
        else:
            self._material = for_seed(self._material, whole, self._features_in, self._world)
        return self._material

    def _folder(self, within: PurePath) -> RunFolder:
        return self._folders.setdefault(within, RunFolder(self._place.folder / within))

    def _description(self, config: TrainingConfig, material: Material) -> dict[str, Any]:
        described = describe(
            config,
            material.encoding,
            material.dataset,
            networks=[subset for subset in config.networks if subset in self._trainable],
            words_with_vector=len(material.vectors.vectors),
            readers={reader.name: reader.digest() for reader in material.all_readers},
            files=material.files,
            training_posts=material.training_posts,
            hub=material.backbone.records if material.backbone else {},
        )
        return described | self._of_lost_vectors
