"""What a training is made of, said before anything is trained: a tree of runs, as plain data.

Each run has a folder of its own and is described by its settings: which system, which subset (and
so which posts), which seed. With ``repeats`` a run holds one for each seed. A system of several
networks holds one for each network, trained as ``single-task`` with its subset would be. The
training itself (``model/training/run_training.py``) is one walk over the tree.
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
    """What is done with a run once its parts are there."""

    REPEATS = "repeats"
    """The part with the lowest validation loss is taken over, the figures are summed up."""
    ENSEMBLE = "ensemble"
    """The parts' networks are put together."""
    NETWORK = "network"
    """A network is trained; there are no parts."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A run folder that a training fills."""

    folder: PurePath
    """Within the training's folder, which is the root's: ``.``, ``seed-1/network-image+text``."""
    config: TrainingConfig
    """The settings that the folder's ``config.json`` records."""
    parts: tuple["RunSpec", ...] = ()
    """The runs that lie in it and are trained before, in this order."""

    @property
    def kind(self) -> Kind:
        """What is done with it."""
        if self.config.repeats > 1:
            return Kind.REPEATS
        return Kind.ENSEMBLE if self.config.networks else Kind.NETWORK


Chain = tuple[RunSpec, ...]
"""A run behind those that it lies in, the outermost first."""


def plan_runs(
    config: TrainingConfig, *, trainable: Collection[str] = SUBSETS, folder: PurePath = ROOT
) -> RunSpec:
    """Return the tree of a training's runs.

    Of an ensemble's networks, those are left out whose subset is not ``trainable``: training or
    validation has no post that holds it.
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
    """Yield what is still to be done of a tree, a run's parts before the run itself.

    ``is_finished`` is asked when the walk comes to a run, once; nothing in a finished one is looked
    at.
    """
    if is_finished(run):
        return
    chain = (*within, run)
    for part in run.parts:
        yield from unfinished(part, is_finished, chain)
    yield chain
