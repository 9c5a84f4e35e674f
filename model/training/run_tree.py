"""The tree of runs that a training consists of, defined as plain data before training starts.

Each run has its own folder and is described by its settings: which system, which subset (and so
which posts), which seed. With ``repeats`` a run contains one run per seed. A system of several
networks contains one run per network, trained like ``single-task`` with its subset. The training
itself (``model/training/run_training.py``) is one walk over the tree.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePath

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.config import TrainingConfig

ROOT = PurePath()
"""The training's own folder."""


class Kind(Enum):
    """How a run is made once its parts are finished."""

    REPEATS = "repeats"
    """The part with the lowest validation loss is copied, and the figures are averaged."""
    ENSEMBLE = "ensemble"
    """The parts' networks are combined."""
    NETWORK = "network"
    """A network is trained; there are no parts."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A run folder that a training writes."""

    folder: PurePath
    """The path within the training's folder: ``.`` for the root, ``seed-1/network-image+text``."""
    config: TrainingConfig
    """The settings that the folder's ``config.json`` records."""
    parts: tuple["RunSpec", ...] = ()
    """The runs inside it, which are trained first, in this order."""

    @property
    def kind(self) -> Kind:
        """How it is made."""
        if self.config.repeats > 1:
            return Kind.REPEATS
        return Kind.ENSEMBLE if self.config.networks else Kind.NETWORK


Chain = tuple[RunSpec, ...]
"""The runs that enclose a run, outermost first, and the run itself."""


def plan_runs(
    config: TrainingConfig, *, trainable: Collection[str] = SUBSETS, folder: PurePath = ROOT
) -> RunSpec:
    """Return the tree of a training's runs.

    An ensemble's networks whose subset is not ``trainable`` are omitted: training or validation has
    no post that holds it.
    """
    if config.repeats > 1:
        seeds = range(config.seed, config.seed + config.repeats)
        parts = tuple(
            plan_runs(
                replace(config, seed=seed, repeats=1),
                trainable=trainable,
                folder=folder / f"seed-{seed}",
            )
            for seed in seeds
        )
    else:
        parts = tuple(
            RunSpec(
                folder=folder / f"network-{subset}",
                config=replace(config, model="single-task", subset=subset),
            )
            for subset in config.networks
            if subset in trainable
        )
    return RunSpec(folder=folder, config=config, parts=parts)


def unfinished(
    run: RunSpec, is_finished: Callable[[RunSpec], bool], within: Chain = ()
) -> Iterator[Chain]:
    """Yield the unfinished runs of a tree, a run's parts before the run itself.

    ``is_finished`` is called once, when the walk reaches a run; a finished run's parts are not
    visited.
    """
    if is_finished(run):
        return
    chain = (*within, run)
    for part in run.parts:
        yield from unfinished(part, is_finished, chain)
    yield chain
