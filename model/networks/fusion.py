"""Shared code of the systems with one classifier, which answers a post from what it holds.

They are trained on each post with all its modalities. In evaluation they answer a subset from its
modalities only, whatever else a post holds. The encoders run once; only the fusion runs for each
subset.

Shapes in names: B posts, N of which are answered, R size of a representation, M modalities.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.system import Flags, System, classifier, encoders_of, scatter
from flickr_emotion.model.posts.posts import Encoding, Posts

CATEGORY = "category"

Parts = TypeVar("Parts")


@dataclass(frozen=True, kw_only=True)
class FusedAnswers(Mapping[str, Tensor], Generic[Parts]):
    """Logits by subset, with the inputs of the fusion."""

    logits: dict[str, Tensor]
    rows: dict[str, Tensor]
    """By subset, the indices of the answered posts."""
    held_B: Tensor  # noqa: N815 (shapes in names)
    """How many modalities that the system reads each post of the batch has."""
    parts: dict[str, Parts]
    """By modality, the input of the fusion."""

    def __getitem__(self, subset: str) -> Tensor:
        return self.logits[subset]

    def own(self, subset: str) -> Tensor:
        """Return the positions, among the answered posts, of those that hold exactly the subset."""
        return torch.nonzero(self.held_B[self.rows[subset]] == len(subset.split("+"))).flatten()

    def __iter__(self) -> Iterator[str]:
        return iter(self.logits)

    def __len__(self) -> int:
        return len(self.logits)


class FusionSystem(System, Generic[Parts]):
    """Encodes each modality, fuses those of a subset, classifies; a system defines the last two."""

    def represent(self, batch: Batch) -> dict[str, Parts]:
        """Return the input of the fusion by modality, with a row for each post of the batch."""
        raise NotImplementedError

    def fuse(self, parts: dict[str, Parts], modalities: list[str], rows_N: Tensor) -> Tensor:
        """Return the logits (N, C) of posts that hold the modalities, using only these."""
        raise NotImplementedError

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> FusedAnswers[Parts]:
        """Answer each subset that posts hold; in training, each post by its own subset only."""
        parts = self.represent(batch)
        held_B = _modalities_held(batch, self.modalities)
        logits, answered = {}, {}
        for subset in self.subsets if asked is None else asked:
            modalities = subset.split("+")
            rows_N = batch.rows[subset]
            if self.training:
                rows_N = rows_N[held_B[rows_N] == len(modalities)]
            if len(rows_N):
                logits[subset] = self.fuse(parts, modalities, rows_N)
                answered[subset] = rows_N
        return FusedAnswers(logits=logits, rows=answered, held_B=held_B, parts=parts)

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """Every post that can be answered counts in the classifier's cross-entropy."""
        return {CATEGORY: np.any([posts.present[m] for m in self.modalities], axis=0)}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropy of posts, each answered from all it holds."""
        if not answers:
            return {}
        sums = []
        for subset, logits in answers.items():
            own = answers.own(subset)
            targets = batch.targets[answers.rows[subset][own]]
            sums.append(cross_entropy(logits[own], targets, reduction="sum"))
        return {CATEGORY: torch.stack(sums).sum()}


class RepresentationFusion(FusionSystem[Tensor]):
    """Fuses the representations of section 3.1's encoders, with a classifier of section 3.1."""

    def __init__(
        self,
        encoding: Encoding,
        backbone: Backbone | None,
        *,
        frozen_image: bool,
        fused: int,
    ) -> None:
        """``fused``: the length of the fused representation, in representations."""
        super().__init__()
        self.encoders = encoders_of(encoding, backbone, frozen_image=frozen_image)
        self.classifier = classifier(fused, len(encoding.classes))

    def represent(self, batch: Batch) -> dict[str, Tensor]:
        """Return representations (B, R)."""
        return {
            modality: scatter(
                self.encoders[modality](batch.inputs[modality]), batch.rows[modality], len(batch)
            )
            for modality in self.modalities
            if modality in batch.inputs
        }

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return the classifier's parameters."""
        return self.classifier.parameters()


def _modalities_held(batch: Batch, read: Sequence[str]) -> Tensor:
    """Return how many of the modalities that are read each post has, (B,)."""
    held_B = torch.zeros_like(batch.labels_B)
    for modality in read:
        held_B.index_add_(
            0, batch.rows[modality], torch.ones_like(batch.rows[modality], dtype=held_B.dtype)
        )
    return held_B
