"""What a complete head answers if the modalities that a post lacks are filled in.

Networks that need every modality get something in the place of an absent one. The usual choices
are compared with answering by a smaller head (``model/evaluation/robustness.py``):

- ``zeros`` (Ngiam et al. 2011).
- ``mean``: that of the training posts (Troyanskaya et al. 2001).
- ``nearest``: that of the training post which is nearest in the modalities that the post keeps
  (the same authors' nearest neighbours, with one neighbour).

What is filled in are the encoders' outputs: the representations of 300 numbers, or with the best
recipe the standardised frozen features, whose mean is zero.

Shapes in names: B posts, T training posts, D size of an encoder's output.
"""

# ruff: noqa: N803, N806, N815 (shapes in names)

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.model.evaluation.answering import POSTS_PER_PASS
from flickr_emotion.model.inputs.batches import Batch, Split, reading_order
from flickr_emotion.model.inputs.prefetching import ready_batches
from flickr_emotion.model.networks.system import Flags, System
from flickr_emotion.model.posts.posts import Integers

ZEROS, MEAN, NEAREST = "zeros", "mean", "nearest"

MOST_TRAINING_POSTS = 20_000
"""More would fill the memory, and hardly change a mean or a neighbour."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The encoders' outputs for posts."""

    outputs_BD: dict[str, Tensor]
    """By modality; zeros for a post without it. A modality that no post has is missing."""
    present: dict[str, Flags]

    def holding(self, modalities: list[str]) -> npt.NDArray[np.bool_]:
        """Return which posts hold these modalities, and possibly others, (B,)."""
        flags: npt.NDArray[np.bool_] = np.all([self.present[m] for m in modalities], axis=0)
        return flags


@torch.inference_mode()
def encode(network: System, split: Split, device: torch.device, most: int | None = None) -> Encoded:
    """Run a network's encoders over a split's posts, or over at most ``most``, evenly chosen."""
    posts = split.posts
    chosen = np.arange(0, len(posts), 1 + (len(posts) - 1) // most if most else 1)
    passes = [
        chosen[places] for places in reading_order(posts.text_lengths[chosen], POSTS_PER_PASS)
    ]
    present = {modality: flags[chosen] for modality, flags in posts.present.items()}
    read: dict[str, list[Tensor]] = {modality: [] for modality in MODALITIES}
    for batch in ready_batches(split, passes, device):
        for modality, inputs in batch.inputs.items():
            read[modality].append(network.encoders[modality](inputs).float().cpu())
    order = np.searchsorted(chosen, np.concatenate(passes)) if passes else chosen
    outputs_BD = {}
    for modality, parts in read.items():
        if parts:
            outputs_BD[modality] = torch.zeros(len(chosen), parts[0].shape[1])
            outputs_BD[modality][order[present[modality][order]]] = torch.cat(parts)
    return Encoded(outputs_BD=outputs_BD, present=present)


@torch.inference_mode()
def filled_answers(
    network: System, posts: Encoded, train: Encoded | None, device: torch.device
) -> dict[str, dict[str, Integers]]:
    """Return the complete head's answers to posts that keep only some of their modalities.

    By filling and by the subset kept, the predicted class of each post, (B,); -1 for a post that
    does not hold the subset. Without training posts there are only ``zeros``; without any post that
    has one of the modalities there is nothing to fill in. The network has a trained complete head
    (``System.complete``).
    """
    sizes = {m: x.shape[1] for each in (posts, train) if each for m, x in each.outputs_BD.items()}
    if len(sizes) < len(MODALITIES):
        return {}
    head = _without_encoders(network)
    zeros_D = {modality: torch.zeros(size) for modality, size in sizes.items()}
    fillings = [ZEROS] if train is None else [ZEROS, MEAN, NEAREST]
    count = len(posts.present[COMPLETE.split("+")[0]])
    answers = {name: {s: np.full(count, -1, dtype=np.int64) for s in SUBSETS} for name in fillings}
    for subset in SUBSETS:
        kept = subset.split("+")
        holders = np.flatnonzero(posts.holding(kept))
        for start in range(0, len(holders), POSTS_PER_PASS):
            rows = holders[start : start + POSTS_PER_PASS]
            kept_BD = {modality: posts.outputs_BD[modality][rows] for modality in kept}
            for name in fillings:
                filled_BD = {
                    modality: kept_BD[modality]
                    if modality in kept
                    else _filled(name, modality, kept_BD, train, zeros_D[modality])
                    for modality in MODALITIES
                }
                answers[name][subset][rows] = _classes(head, filled_BD, device)
    return answers


def _filled(
    name: str,
    modality: str,
    kept_BD: Mapping[str, Tensor],
    train: Encoded | None,
    zeros_D: Tensor,
) -> Tensor:
    """Return what stands in the place of an absent modality, (B, D)."""
    count = len(next(iter(kept_BD.values())))
    if train is None or name == ZEROS:
        return zeros_D.expand(count, -1)
    held_TD = train.outputs_BD[modality]
    if name == MEAN:
        return held_TD[train.present[modality]].mean(0).expand(count, -1)
    donors = np.flatnonzero(train.holding([*kept_BD, modality]))
    return held_TD[donors][_nearest(kept_BD, train, donors)]


def _nearest(kept_BD: Mapping[str, Tensor], train: Encoded, donors: Integers) -> Tensor:
    """Return, for each post, which of the donors is nearest.

    The squared distance in each modality is divided by its variance over the training posts, so
    that the modalities kept count alike.
    """
    distances_BT = torch.zeros(len(next(iter(kept_BD.values()))), len(donors))
    for modality, outputs_BD in kept_BD.items():
        held_TD = train.outputs_BD[modality][train.present[modality]]
        variance = held_TD.var(0, correction=0).sum().clamp(min=torch.finfo(torch.float32).tiny)
        distances_BT += torch.cdist(outputs_BD, train.outputs_BD[modality][donors]) ** 2 / variance
    return distances_BT.argmin(1)


def _without_encoders(network: System) -> System:
    """Return the same network, which reads the encoders' outputs in place of its inputs."""
    head = copy.copy(network)  # it shares all but the encoders
    head.__dict__["_modules"] = dict(network._modules)
    head.encoders = nn.ModuleDict({modality: nn.Identity() for modality in MODALITIES})
    return head


def _classes(head: System, outputs_BD: dict[str, Tensor], device: torch.device) -> Integers:
    """Return the complete head's predicted classes for complete posts, (B,)."""
    count = len(outputs_BD[MODALITIES[0]])
    every_B = torch.arange(count, device=device)
    batch = Batch(
        labels_B=torch.zeros_like(every_B),
        inputs={modality: values.to(device) for modality, values in outputs_BD.items()},
        rows=dict.fromkeys(SUBSETS, every_B),
    )
    found: Integers = head(batch, asked=[COMPLETE])[COMPLETE].argmax(1).cpu().numpy()
    return found
