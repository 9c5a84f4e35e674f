"""One epoch of training (section 3.2): steps of Adam on a sum of losses.

The terms of the sum are defined by the system; the paper's network has one for each of its seven
heads.

Where the paper does not say: the learning rate rises linearly over the first steps; all posts of
the training split are used, whatever modalities they hold.

A step may consist of several forward passes (gradient accumulation), and a pass may be sharded over
several ranks: each term is the mean over all posts of the step that count in it, on any rank. No
step waits for the device: losses are summed there and read once per epoch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.profiler import record_function

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.inputs.batches import Batch, Split, training_order
from flickr_emotion.model.inputs.prefetching import ready_batches
from flickr_emotion.model.networks.system import Flags, System
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.devices import autocast
from flickr_emotion.model.processes.distributed import World, embedding_parameters
from flickr_emotion.model.processes.interruption import StopSignals
from flickr_emotion.model.processes.profiling import StepProfile
from flickr_emotion.model.runs.checkpoints import Checkpoint, random_state, set_random_state
from flickr_emotion.model.training.optimisers import optimiser_of


@dataclass(frozen=True, kw_only=True)
class Step:
    """The posts of a step, on all ranks."""

    passes: list[Integers]
    """The indices of the posts, one list per forward pass."""
    counts: dict[str, int]
    """By term of the loss, how many of the step's posts count in it."""

    def __len__(self) -> int:
        return sum(map(len, self.passes))


class ShardLoss(nn.Module):
    """Computes a rank's part of the step's loss from its shard of a pass."""

    def __init__(self, network: System) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, counts: dict[str, int]) -> Tensor:
        """Return the shard's part of the loss; the parts of a step sum to its loss."""
        if len(batch):
            with record_function("forward"):
                answers = self.network(batch)
            with record_function("loss"):
                return self.network.loss(answers, batch, counts)
        # A rank with an empty shard must still join the all-reduce, or the others hang. It uses a
        # parameter that other shards use too: one that no shard uses must stay without a gradient,
        # because Adam moves every parameter that has one.
        used = next(term for term, count in counts.items() if count)
        parameters = self.network.trained_by(used)
        return torch.stack([0 * parameter.sum() for parameter in parameters]).sum()


class Fitting:
    """A network in training: the state that changes at each step and goes into checkpoints."""

    def __init__(self, config: TrainingConfig, network: System, train: Split, world: World) -> None:
        """Posts that the system could not learn from are not used."""
        self.network = network
        self._config = config
        self._train = train
        self._holders = network.holders(train.posts)
        self._posts = np.flatnonzero(np.logical_or.reduce(list(self._holders.values())))
        if not len(self._posts):
            raise ModelError(
                f"no training post has what --model {config.model} reads "
                f"({' and '.join(config.modalities)}): give another --model"
            )
        self._world = world
        self._order = np.random.default_rng(config.seed)
        self._optimiser = optimiser_of(network, config)
        self._rates = [group["lr"] for group in self._optimiser.param_groups]
        self._steps = 0
        self._epoch = 1
        self._steps_in_epoch = 0
        # The generator's state before the epoch's order: a resumed epoch draws the same order.
        self._order_state = dict(self._order.bit_generator.state)
        # Read only between epochs, so that no step waits for the device.
        self._loss = torch.zeros((), device=world.device)
        self._sparse = embedding_parameters(network)
        if config.compile and network.backbone:
            # The other encoders are a few large products already, with custom backward functions.
            network.backbone.compile(dynamic=True)
        self._shard_loss = world.parallel(ShardLoss(network))
        if world.rank:  # the first rank draws what a single process would draw
            torch.manual_seed(config.seed + (world.rank << 32))

    @property
    def epoch(self) -> int:
        """The epoch in progress, or the next one, from 1."""
        return self._epoch

    @property
    def posts_per_epoch(self) -> int:
        """The number of posts in an epoch."""
        return len(self._posts)

    @property
    def posts_done(self) -> int:
        """The approximate number of posts trained on so far, in all epochs."""
        per_step = self._config.resolved_batch_size * self._config.accumulate
        here = min(self._steps_in_epoch * per_step, len(self._posts))
        return (self._epoch - 1) * len(self._posts) + here

    def train_epoch(
        self,
        stop: StopSignals,
        advance: Callable[[int], None],
        profile: StepProfile | None = None,
    ) -> float | None:
        """Take the remaining steps of the epoch; return the mean loss of its steps.

        Returns None if a signal stopped it between two steps. ``advance`` gets each step's posts.
        """
        self.network.train()
        steps = self._draw_steps()
        left = steps[self._steps_in_epoch :]
        shards = (self._world.shard(indices) for step in left for indices in step.passes)
        batches = ready_batches(self._train, shards, self._world.device)
        for step in left:
            if self._world.any(stop.requested):
                batches.close()
                return None
            if profile:
                profile.step()
            self._take(step, batches)
            advance(len(step))
        loss = self._summed_loss() / len(steps)
        self._loss.zero_()
        self._epoch, self._steps_in_epoch = self._epoch + 1, 0
        self._order_state = dict(self._order.bit_generator.state)
        return loss

    def checkpoint(self, epochs: list[dict[str, Any]]) -> Checkpoint:
        """Return the state to resume from; every rank has to call it."""
        own = random_state(self._world.device)
        by_name = {name: self._world.gather(state) for name, state in own.items()}
        return Checkpoint(
            network=self.network.state_dict(),
            optimiser=self._optimiser.state_dict(),
            steps=self._steps,
            epoch=self._epoch,
            steps_in_epoch=self._steps_in_epoch,
            loss=self._summed_loss(),
            order=self._order_state,
            random=[
                {name: states[rank] for name, states in by_name.items()}
                for rank in range(self._world.size)
            ],
            epochs=epochs,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state of a checkpoint."""
        self.network.load_state_dict(checkpoint.network)
        self._optimiser.load_state_dict(checkpoint.optimiser)
        self._steps = checkpoint.steps
        self._epoch, self._steps_in_epoch = checkpoint.epoch, checkpoint.steps_in_epoch
        if self._world.writes:
            self._loss.fill_(checkpoint.loss)  # the sum over all ranks
        self._order.bit_generator.state = checkpoint.order
        self._order_state = checkpoint.order
        # With more ranks than before, the new ones keep the generator states of a new run.
        if self._world.rank < len(checkpoint.random):
            set_random_state(checkpoint.random[self._world.rank], self._world.device)

    def _draw_steps(self) -> list[Step]:
        lengths = self._train.posts.text_lengths[self._posts]
        if not self.network.by_length:
            lengths = np.zeros_like(lengths)
        order = training_order(lengths, self._config.resolved_batch_size, self._order)
        batches = [self._posts[places] for places in order]
        each = self._config.accumulate
        return [
            Step(passes=passes, counts=_counts(self._holders, np.concatenate(passes)))
            for passes in (batches[at : at + each] for at in range(0, len(batches), each))
        ]

    def _take(self, step: Step, batches: Iterator[Batch]) -> None:
        self._warm_up()
        self._optimiser.zero_grad()
        for _ in step.passes:
            batch = next(batches)
            with autocast(self._world.device):
                loss = self._shard_loss(batch, step.counts)
            with record_function("backward"):
                # Gradients are averaged over the ranks, but their sum is wanted.
                (loss * self._world.size).backward()
            self._loss += loss.detach()
        with record_function("optimiser"):
            self._world.average_sparse(self._sparse)
            self._optimiser.step()
        self._steps += 1
        self._steps_in_epoch += 1

    def _warm_up(self) -> None:
        warm_up = self._config.warm_up_steps
        start = 1 / warm_up
        factor = start + (1 - start) * min(self._steps / warm_up, 1)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def _summed_loss(self) -> float:
        loss = np.array([float(self._loss)])
        self._world.all_reduce(loss)
        return float(loss[0])


def _counts(holders: dict[str, Flags], indices: Integers) -> dict[str, int]:
    return {term: int(flags[indices].sum()) for term, flags in holders.items()}
