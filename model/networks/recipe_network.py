"""The multitask network of `--recipe best`: frozen readers, shallow heads, a regression beside it.

Like the paper's network it has an encoder for each modality, a head for each subset, the sum of the
heads' losses, and ignores what is absent. ``model/recipes.py`` names the differences part by part;
each can be omitted.

Shapes in names: H heads, B posts, N of which have the modality in question, D features of a
modality, R size of a representation, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.texts.readers import READ
from flickr_emotion.model.features.texts.views import TUNED_VIEWS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import REPRESENTATION, TagsEncoder, TextEncoder
from flickr_emotion.model.networks.frozen_inputs import FrozenImages, ReadLists, with_tuned
from flickr_emotion.model.networks.frozen_regression import FrozenRegression, own_heads
from flickr_emotion.model.networks.system import HIDDEN, Flags, System, repeated, scatter
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding, Posts
from flickr_emotion.model.recipes import (
    DIRECT,
    DROPOUT,
    NARROW,
    OWN_HEAD,
    REGRESSION,
    SENTENCES,
    SHALLOW,
)

NARROW_REPRESENTATION = 32
DROPPED = 0.5
"""Of the features and of the representations."""

OWN = "own"
"""The loss term over all posts, on the subset that each post holds."""
WEIGHT_OF_OWN = 4.0


class Classifiers(nn.Module):
    """A layer for each modality, seven heads, and a direct way from a modality to the heads."""

    def __init__(self, dimensions: Mapping[str, int], classes: int, parts: frozenset[str]) -> None:
        super().__init__()
        self._shallow = SHALLOW in parts
        self._drop = nn.Dropout(DROPPED if DROPOUT in parts else 0)
        self._size = NARROW_REPRESENTATION if NARROW in parts else REPRESENTATION
        self.layers = nn.ModuleDict(
            {modality: nn.Linear(size, self._size) for modality, size in dimensions.items()}
        )
        self.direct = nn.ModuleDict(
            {
                modality: nn.Linear(size, classes, bias=False)
                for modality, size in dimensions.items()
            }
            if DIRECT in parts
            else {}
        )
        for layer in self.direct.parameters():
            nn.init.zeros_(layer)  # added to nothing before it has learnt
        self.heads = nn.ModuleDict(
            {subset: self._head(len(subset.split("+")), classes) for subset in SUBSETS}
        )

    def _head(self, modalities: int, classes: int) -> nn.Module:
        sizes = [modalities * self._size, *(() if self._shallow else HIDDEN), classes]
        layers = [[self._drop, nn.Linear(size, to), nn.ReLU()] for size, to in pairwise(sizes)]
        return nn.Sequential(*[part for layer in layers for part in layer][:-1])

    def forward(self, read: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]) -> Tensor:
        """Return the heads' logits (H, B, C) from the features (N, D) of each modality."""
        representations_BR, direct_BC = {}, {}
        for modality, features_ND in read.items():
            dropped_ND = self._drop(features_ND)
            rows_N = batch.rows[modality]
            representation_NR = self.layers[modality](dropped_ND)
            if self._shallow:
                representation_NR = torch.relu(representation_NR)
            representations_BR[modality] = scatter(representation_NR, rows_N, len(batch))
            if modality in self.direct:
                direct_NC = self.direct[modality](dropped_ND)
                direct_BC[modality] = scatter(direct_NC, rows_N, len(batch))
        logits_HBC = []
        for head in heads:
            modalities = head.split("+")
            joined_BR = torch.cat([representations_BR[m] for m in modalities], dim=1)
            logits_BC: Tensor = self.heads[head](joined_BR)
            logits_HBC.append(sum((direct_BC[m] for m in modalities if direct_BC), logits_BC))
        return torch.stack(logits_HBC)


@dataclass(frozen=True, kw_only=True)
class RecipeAnswers(Mapping[str, Tensor]):
    """The heads' answers to a batch: by subset, the logits of the posts at ``rows[subset]``."""

    logits_HBC: Tensor  # noqa: N815 (shapes in names)
    rows: dict[str, Tensor]
    """By head, in the order of H."""

    def __getitem__(self, subset: str) -> Tensor:
        rows = self.rows[subset]
        return self.logits_HBC[list(self.rows).index(subset), rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class RecipeNetwork(System):
    """Mostly frozen encoders, and what classifies their features."""

    def __init__(
        self,
        encoding: Encoding,
        backbone: Backbone,
        *,
        readers: Sequence[int],
        parts: frozenset[str],
        tuned: nn.Module | None = None,
    ) -> None:
        """``readers``: the number of features by frozen reader; ``parts``: the recipe's in use.

        ``tuned``: the trained parts of the reader that the run has trained, if any; its scores
        follow the features of the others.
        """
        super().__init__()
        text = tags = None
        if SENTENCES not in parts:
            text = TextEncoder(FIRST_ID + len(encoding.words))
            tags = TagsEncoder(FIRST_ID + len(encoding.tags))
        scores = TUNED_VIEWS * len(encoding.classes) if tuned is not None else 0
        self._frozen: dict[str, FrozenImages | ReadLists] = {
            "image": FrozenImages(backbone),
            "text": ReadLists("text", readers, text, scores=scores),
            "tags": ReadLists("tags", readers, tags, scores=scores),
        }
        self.encoders = nn.ModuleDict(self._frozen)
        sizes = {modality: encoder.dimension for modality, encoder in self._frozen.items()}
        self.classifiers = Classifiers(sizes, len(encoding.classes), parts)
        self.regression = (
            FrozenRegression(
                {modality: encoder.scale.dimension for modality, encoder in self._frozen.items()},
                len(encoding.classes),
            )
            if REGRESSION in parts
            else None
        )
        # Trained before the network, and then part of it like the frozen image encoder.
        self.tuned = None if tuned is None else tuned.requires_grad_(False)
        self._own_head = OWN_HEAD in parts
        summed = "summed over the heads"
        self.losses = (
            f"{summed}, the own one five times" if self._own_head else summed,
            "of each post's own head",
        )
        self.by_length = self.word_embedding is not None

    @property
    def backbone(self) -> Backbone | None:
        """The image encoder without its last layer; None if no head reads pictures."""
        if "image" not in self.modalities:
            return None
        backbone = self.encoders["image"].backbone
        assert isinstance(backbone, Backbone)
        return backbone

    @property
    def complete(self) -> System | None:
        """The network, if its head of all modalities was taught (``System.complete``).

        None with a tuned reader: it reads a text together with its tags, so that leaving the tags
        out afterwards and filling something in would not take them away.
        """
        return super().complete if self.tuned is None else None

    @property
    def word_embedding(self) -> nn.Embedding | None:
        """The word vectors, which a file may initialise; None with the sentence encoder."""
        trained = self.encoders["text"].trained
        return trained.embedding if isinstance(trained, TextEncoder) else None

    def fit_frozen(self, many: Batch) -> None:
        """Fit what is not trained on a large batch of training posts.

        That is the standardisation of the frozen features, and the regression on them.
        """
        with torch.no_grad():
            raw = {m: self._frozen[m].raw(inputs) for m, inputs in many.inputs.items()}
            for modality, features_ND in raw.items():
                self._frozen[modality].scale.fit(features_ND)
            inputs = {m: self._frozen[m].scale(features_ND) for m, features_ND in raw.items()}
        if self.regression:
            self.regression.fit(inputs, many, self.subsets)

    def _is_taught(self, subset: str, training_posts: Mapping[str, int]) -> bool:
        return training_posts[subset] > 0

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> RecipeAnswers:
        """Return each head's logits; absent modalities are ignored."""
        asked = self.subsets if asked is None else asked
        modalities = self.modalities
        read = {
            modality: encoder(batch.inputs[modality])
            for modality, encoder in self.encoders.items()
            if modality in batch.inputs and modality in modalities
        }
        rows = {s: batch.rows[s] for s in SUBSETS if s in asked and len(batch.rows[s])}
        if not rows:
            return RecipeAnswers(logits_HBC=batch.labels_B.new_zeros(0, 0, 0), rows={})
        inputs = {m: part[:, : self._frozen[m].dimension] for m, part in read.items()}
        logits_HBC = self.classifiers(inputs, batch, list(rows))
        if self.regression and not self.training:
            frozen = {m: part[:, : self._frozen[m].scale.dimension] for m, part in read.items()}
            logits_HBC = self.regression.join(logits_HBC, frozen, batch, list(rows))
        if self.tuned is not None and not self.training:
            scores = {m: read[m][:, self._frozen[m].dimension :] for m in READ if m in read}
            logits_HBC = with_tuned(logits_HBC, scores, batch, list(rows))
        return RecipeAnswers(logits_HBC=logits_HBC, rows=rows)

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """A head's term covers the posts that have its modalities, the last term all posts."""
        holders = {head: posts.holding(head) for head in self.subsets}
        holders[OWN] = np.any(list(holders.values()), axis=0)
        return holders

    def term_sums(self, answers: RecipeAnswers, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropies of each head, and of each post's own head once more.

        In evaluation only the cross-entropy of each post's own head: that head answers the post,
        and early stopping uses its loss.
        """
        heads = list(answers.rows)
        if not heads:
            return {}
        own_B = own_heads(batch, heads)
        each_HB = _cross_entropies(answers.logits_HBC, batch)
        if not self.training:
            return {OWN: _sum_of_own(each_HB, own_B)}
        sums = {
            head: each_B[answers.rows[head]].sum()
            for head, each_B in zip(heads, each_HB, strict=True)
        }
        if self._own_head:
            sums[OWN] = WEIGHT_OF_OWN * _sum_of_own(each_HB, own_B)
        return sums

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return the parameters of a head; the shared term uses all heads."""
        return (
            parameter
            for head, layers in self.classifiers.heads.items()
            if term in (head, OWN)
            for parameter in layers.parameters()
        )


def _cross_entropies(logits_HBC: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of each head for each post, (H, B)."""
    H, B, _ = logits_HBC.shape
    targets = repeated(batch.targets, H)
    return cross_entropy(logits_HBC.flatten(0, 1), targets, reduction="none").view(H, B)


def _sum_of_own(each_HB: Tensor, own_B: Tensor) -> Tensor:
    """Return the sum, over the posts, of the value at their own head; -1 means no head."""
    values_B = each_HB.gather(0, own_B.clamp(min=0)[None])[0]
    return torch.where(own_B >= 0, values_B, 0).sum()
