"""The heads' answers to every post of a split, kept as logits.

Figures, confusion matrices, calibration and the robustness curve are all computed from the same
answers, so the network runs over a split only once. A head's answer to a post depends only on the
head's modalities, so the answers also say how a post would be answered without some of its
modalities.

Shapes in names: N posts that a head answered, C classes.
"""

# ruff: noqa: N802, N806, N815 (shapes in names)

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.inputs.batches import Batch, Split, reading_order
from flickr_emotion.model.inputs.prefetching import ready_batches
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.distributed import World

POSTS_PER_PASS = 256


@dataclass(frozen=True, kw_only=True)
class HeadAnswers:
    """One head's answers to the posts of a split that hold its modalities."""

    posts_N: Integers
    """The positions of the posts in the split, in increasing order."""
    labels_N: Integers
    logits_NC: npt.NDArray[np.float32]
    shares_NC: npt.NDArray[np.float32] | None = None
    """The posts' distributions over the classes, NaN for a post without one; None if none has."""

    @property
    def answers_N(self) -> Integers:
        """The predicted class of each post."""
        answers_N: Integers = self.logits_NC.argmax(1)
        return answers_N


@torch.inference_mode()
def answer_split(
    network: nn.Module,
    split: Split,
    classes: int,
    world: World,
    on_batch: Callable[[Mapping[str, Tensor], Batch], None] | None = None,
) -> dict[str, HeadAnswers]:
    """Compute a network's answers to a split's posts: by subset, in the order of ``SUBSETS``.

    A subset that no post holds has no answers, (0, C). Several ranks shard the posts, and all get
    all answers. Of the network only ``network(batch)`` is used: logits by subset, for the posts at
    ``batch.rows[subset]``. ``on_batch`` is called with each batch and the network's output.
    """
    network.eval()
    # Batch statistics differ between ranks until they are synchronised here.
    world.synchronise(network, buffers_only=True)
    passes = list(reading_order(split.posts.text_lengths, POSTS_PER_PASS))
    own = passes[world.rank :: world.size]
    rows: dict[str, list[Tensor]] = {subset: [] for subset in SUBSETS}
    logits: dict[str, list[Tensor]] = {subset: [] for subset in SUBSETS}
    done = 0
    for batch in ready_batches(split, own, world.device):
        answered = network(batch)
        if on_batch:
            on_batch(answered, batch)
        for subset, logits_NC in answered.items():
            rows[subset].append(batch.rows[subset] + done)
            logits[subset].append(logits_NC)
        done += len(batch)
    # The device is waited for only here.
    order = np.concatenate(own) if own else np.zeros(0, dtype=np.int64)
    answers = {}
    for subset in SUBSETS:
        posts_N = order[_joined(rows[subset], torch.zeros(0, dtype=torch.int64)).numpy()]
        logits_NC = _joined(logits[subset], torch.zeros(0, classes)).float()
        posts_N, logits_NC = _of_all(world, torch.from_numpy(posts_N), logits_NC)
        in_order = posts_N.argsort()
        places_N = posts_N[in_order].numpy()
        shares_NC = split.posts.distributions
        answers[subset] = HeadAnswers(
            posts_N=places_N,
            labels_N=split.posts.labels[places_N],
            logits_NC=logits_NC[in_order].numpy(),
            shares_NC=None if shares_NC is None else shares_NC[places_N],
        )
    return answers


def _joined(parts: list[Tensor], none: Tensor) -> Tensor:
    return torch.cat(parts).cpu() if parts else none


def _of_all(world: World, *values: Tensor) -> list[Tensor]:
    """Return the values of all ranks, whose numbers of rows may differ."""
    counts = [int(count) for count in world.gather(torch.tensor(len(values[0])))]
    gathered = []
    for mine in values:
        padded = mine.new_zeros(max(counts), *mine.shape[1:])
        padded[: len(mine)] = mine
        parts = zip(world.gather(padded), counts, strict=True)
        gathered.append(torch.cat([part[:count] for part, count in parts]))
    return gathered
