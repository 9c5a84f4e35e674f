"""Batches of posts that hold nothing for absent modalities.

For each modality a batch holds the inputs of only those posts that have it, and for each of the
seven subsets the rows of the posts that hold it. Words and tags are packed, so a batch costs no
more than its contents. Grouping texts of similar length still saves time in pooling, which pads to
the longest text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.texts.text_features import TextFeatures
from flickr_emotion.model.posts.packing import Packed, pack
from flickr_emotion.model.posts.posts import WINDOWS, Integers, Posts

# Posts are sorted by length within this many batches, which keeps an epoch's order random.
BATCHES_PER_POOL = 50


class Images(Protocol):
    """The pictures of a split: features of a frozen backbone, or pictures decoded on demand."""

    def rows(self, rows: Sequence[int]) -> Tensor:
        """Return the pictures or features of these rows, in this order."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch of B posts, N of which have the modality in question."""

    labels_B: Tensor  # noqa: N815 (shapes in names)
    inputs: dict[str, Tensor | Packed]
    """By modality: pictures (N, 3, H, W) or features (N, D), packed word ids and tag ids.
    A modality that none of the posts has is missing."""
    rows: dict[str, Tensor]
    """By subset: the rows of the posts that hold all its modalities, in increasing order."""
    sentiments_B: Tensor | None = None  # noqa: N815
    """VSO's sentiment values, NaN for a post without one; None if no post of the split has one."""
    distributions_BC: Tensor | None = None  # noqa: N815
    """The distribution to be learnt of each post, C classes; None if labels are learnt."""

    @property
    def targets(self) -> Tensor:
        """What a cross-entropy is to: the labels (B,), or the distributions (B, C)."""
        return self.labels_B if self.distributions_BC is None else self.distributions_BC

    def __len__(self) -> int:
        return len(self.labels_B)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; a copy from pinned memory is asynchronous."""
        if device.type == "cpu":
            return self
        return Batch(
            labels_B=self.labels_B.to(device, non_blocking=True),
            inputs={
                name: values.to(device)
                if isinstance(values, Packed)
                else values.to(device, non_blocking=True)
                for name, values in self.inputs.items()
            },
            rows={name: rows.to(device, non_blocking=True) for name, rows in self.rows.items()},
            sentiments_B=None
            if self.sentiments_B is None
            else self.sentiments_B.to(device, non_blocking=True),
            distributions_BC=None
            if self.distributions_BC is None
            else self.distributions_BC.to(device, non_blocking=True),
        )


@dataclass(frozen=True, kw_only=True)
class Split:
    """The posts of a split with their pictures."""

    posts: Posts
    images: Images
    texts: TextFeatures | None = None
    """The frozen readers' features of texts and tags, if the recipe has readers."""
    by_distribution: bool = False
    """Whether a post is learnt by its distribution, where it has one, and not by its label."""

    def batch(self, indices: Integers) -> Batch:
        """Return the posts at these indices as a batch, in this order."""
        posts = self.posts
        present = {name: flags[indices] for name, flags in posts.present.items()}
        rows = {
            subset: np.flatnonzero(np.all([present[m] for m in subset.split("+")], axis=0))
            for subset in SUBSETS
        }
        inputs: dict[str, Tensor | Packed] = {}
        if len(rows["image"]):
            inputs["image"] = self.images.rows(posts.image_rows[indices[rows["image"]]].tolist())
        if len(rows["text"]):
            inputs["text"] = self._read(
                pack(posts.words, posts.word_starts, indices[rows["text"]], least=max(WINDOWS)),
                "text",
                indices[rows["text"]],
            )
        if len(rows["tags"]):
            inputs["tags"] = self._read(
                pack(posts.tags, posts.tag_starts, indices[rows["tags"]]),
                "tags",
                indices[rows["tags"]],
            )
        return Batch(
            labels_B=torch.from_numpy(posts.labels[indices]),
            inputs=inputs,
            rows={subset: torch.from_numpy(chosen) for subset, chosen in rows.items()},
            sentiments_B=None
            if posts.sentiments is None
            else torch.from_numpy(posts.sentiments[indices]),
            distributions_BC=torch.from_numpy(posts.targets(indices))
            if self.by_distribution
            else None,
        )

    def _read(self, lists: Packed, modality: str, indices: Integers) -> Packed:
        """Add the readers' features of the same posts."""
        if self.texts is None:
            return lists
        places = indices if self.posts.places is None else self.posts.places[indices]
        return replace(lists, features_ND=self.texts.rows(modality, places.tolist()))


def training_order(
    lengths: Integers, batch_size: int, generator: np.random.Generator
) -> list[Integers]:
    """Return an epoch's batches in random order, with texts of similar length together."""
    shuffled = generator.permutation(len(lengths))
    pool_size = batch_size * BATCHES_PER_POOL
    batches: list[Integers] = []
    for start in range(0, len(shuffled), pool_size):
        pool = shuffled[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def reading_order(lengths: Integers, batch_size: int) -> Iterator[Integers]:
    """Yield each post once, texts of similar length together; the order is deterministic."""
    by_length = np.argsort(lengths, kind="stable")
    for start in range(0, len(by_length), batch_size):
        yield by_length[start : start + batch_size]
