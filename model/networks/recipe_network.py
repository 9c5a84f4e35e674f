"""The multitask network of `--recipe best`: frozen readers, shallow heads, an ensemble of members.

Like the paper's network it has an encoder for each modality, a head for each subset, the sum of the
heads' losses, and ignores what is absent. ``model/recipes.py`` names the differences part by part;
each can be omitted.

Shapes in names: K members, H heads, B posts, N of which have the modality in question, D features
of a modality, R size of a representation, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, softmax

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import REPRESENTATION, TagsEncoder, TextEncoder
from flickr_emotion.model.networks.frozen_inputs import FrozenImages, ReadLists
from flickr_emotion.model.networks.system import HIDDEN, Flags, System, repeated, scatter
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding, Posts
from flickr_emotion.model.recipes import DROPOUT, MEMBERS, SENTENCES, SHALLOW, TOGETHER

MEMBERS_OF_BEST = 5
DROPPED_OF_FEATURES = 0.5
DROPPED_OF_REPRESENTATIONS = 0.5

OWN = "own"
"""The loss term over all posts, on the subset that each post holds."""
WEIGHT_OF_TOGETHER = 2.0


class Member(nn.Module):
    """A layer for each modality, and seven heads."""

    def __init__(self, dimensions: Mapping[str, int], classes: int, parts: frozenset[str]) -> None:
        super().__init__()
        self._shallow = SHALLOW in parts
        self._drop_features = nn.Dropout(DROPPED_OF_FEATURES if DROPOUT in parts else 0)
        self._drop = nn.Dropout(DROPPED_OF_REPRESENTATIONS if DROPOUT in parts else 0)
        self.layers = nn.ModuleDict(
            {modality: nn.Linear(size, REPRESENTATION) for modality, size in dimensions.items()}
        )
        self.heads = nn.ModuleDict(
            {subset: self._head(len(subset.split("+")), classes) for subset in SUBSETS}
        )

    def _head(self, modalities: int, classes: int) -> nn.Module:
        sizes = [modalities * REPRESENTATION, *(() if self._shallow else HIDDEN), classes]
        layers = [[self._drop, nn.Linear(size, to), nn.ReLU()] for size, to in pairwise(sizes)]
        return nn.Sequential(*[part for layer in layers for part in layer][:-1])

    def forward(self, read: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]) -> Tensor:
        """Return the heads' logits (H, B, C) from the features (N, D) of each modality."""
        representations_BR = {}
        for modality, features_ND in read.items():
            representation_NR = self.layers[modality](self._drop_features(features_ND))
            if self._shallow:
                representation_NR = torch.relu(representation_NR)
            representations_BR[modality] = scatter(
                representation_NR, batch.rows[modality], len(batch)
            )
        return torch.stack(
            [
                self.heads[head](torch.cat([representations_BR[m] for m in head.split("+")], dim=1))
                for head in heads
            ]
        )


@dataclass(frozen=True, kw_only=True)
class MembersAnswers(Mapping[str, Tensor]):
    """The heads' answers to a batch: by subset, the logits of the posts at ``rows[subset]``."""

    logits_KHBC: Tensor  # noqa: N815 (shapes in names)
    """Of each member in training; else of the ensemble, K = 1."""
    rows: dict[str, Tensor]
    """By head, in the order of H."""

    def __getitem__(self, subset: str) -> Tensor:
        rows = self.rows[subset]
        return self.logits_KHBC[:, list(self.rows).index(subset)].mean(0)[rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class RecipeNetwork(System):
    """Mostly frozen encoders, and an ensemble of members that classify their features."""

    def __init__(
        self,
        encoding: Encoding,
        backbone: Backbone,
        *,
        readers: Sequence[int],
        parts: frozenset[str],
    ) -> None:
        """``readers``: the number of features by reader; ``parts``: the recipe's parts in use."""
        super().__init__()
        text = tags = None
        if SENTENCES not in parts:
            text = TextEncoder(FIRST_ID + len(encoding.words))
            tags = TagsEncoder(FIRST_ID + len(encoding.tags))
        self._frozen: dict[str, FrozenImages | ReadLists] = {
            "image": FrozenImages(backbone),
            "text": ReadLists("text", readers, text),
            "tags": ReadLists("tags", readers, tags),
        }
        self.encoders = nn.ModuleDict(self._frozen)
        sizes = {modality: encoder.dimension for modality, encoder in self._frozen.items()}
        self._members = [
            Member(sizes, len(encoding.classes), parts)
            for _ in range(MEMBERS_OF_BEST if MEMBERS in parts else 1)
        ]
        self.members = nn.ModuleList(self._members)
        self._together = TOGETHER in parts
        summed = (
            "summed over the heads and twice their joint answer"
            if self._together
            else ("summed over the heads")
        )
        self.losses = (summed, "of each post's own head")
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
    def word_embedding(self) -> nn.Embedding | None:
        """The word vectors, which a file may initialise; None with the sentence encoder."""
        trained = self.encoders["text"].trained
        return trained.embedding if isinstance(trained, TextEncoder) else None

    @torch.inference_mode()
    def standardise(self, many: Batch) -> None:
        """Fit the standardisation of frozen features on a large batch of training posts."""
        for modality, inputs in many.inputs.items():
            encoder = self._frozen[modality]
            encoder.scale.fit(encoder.raw(inputs))

    def _is_taught(self, subset: str, training_posts: Mapping[str, int]) -> bool:
        return training_posts[subset] > 0

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> MembersAnswers:
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
            return MembersAnswers(logits_KHBC=batch.labels_B.new_zeros(1, 0, 0, 0), rows={})
        logits_KHBC = torch.stack([member(read, batch, list(rows)) for member in self._members])
        if not self.training:
            probabilities_HBC = softmax(logits_KHBC.float(), dim=3).mean(0)
            logits_KHBC = probabilities_HBC.clamp(min=torch.finfo(torch.float32).tiny).log()[None]
        return MembersAnswers(logits_KHBC=logits_KHBC, rows=rows)

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """A head's term covers the posts that have its modalities, the last term all posts."""
        holders = {head: posts.holding(head) for head in self.subsets}
        holders[OWN] = np.any(list(holders.values()), axis=0)
        return holders

    def term_sums(self, answers: MembersAnswers, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropies of each head, and of each post's heads together.

        In evaluation only the cross-entropy of each post's own head: that head answers the post,
        and early stopping uses its loss.
        """
        heads = list(answers.rows)
        if not heads:
            return {}
        # The last head whose modalities a post has: that of its own subset, if it was taught.
        own_B = torch.full_like(batch.labels_B, -1)
        for number, head in enumerate(heads):
            own_B[answers.rows[head]] = number
        each_HB = _cross_entropies(answers.logits_KHBC, batch)
        if not self.training:
            return {OWN: _sum_of_own(each_HB, own_B)}
        sums = {
            head: each_B[answers.rows[head]].sum()
            for head, each_B in zip(heads, each_HB, strict=True)
        }
        if self._together:
            logs_KHBC = heads_together(log_softmax(answers.logits_KHBC.float(), dim=3), heads)
            together_HB = _cross_entropies(logs_KHBC, batch)
            sums[OWN] = WEIGHT_OF_TOGETHER * _sum_of_own(together_HB, own_B)
        return sums

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return the parameters of a head, in all members; the shared term uses all heads."""
        return (
            parameter
            for member in self._members
            for head, layers in member.heads.items()
            if term in (head, OWN)
            for parameter in layers.parameters()
        )


def heads_together(logs_KHBC: Tensor, heads: Sequence[str]) -> Tensor:
    """Return for each head the mean over all heads that need only its modalities.

    ``logs_KHBC`` are log-probabilities. A head is weighted by the number of its modalities.
    """
    weights_HH = torch.tensor(
        [
            [len(b.split("+")) if {*b.split("+")} <= {*a.split("+")} else 0 for b in heads]
            for a in heads
        ],
        dtype=logs_KHBC.dtype,
        device=logs_KHBC.device,
    )
    weights_HH /= weights_HH.sum(1, keepdim=True)
    return torch.einsum("gh,khbc->kgbc", weights_HH, logs_KHBC)


def _cross_entropies(logits_KHBC: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of each head for each post, (H, B), averaged over the members."""
    K, H, B, _ = logits_KHBC.shape
    each = cross_entropy(
        logits_KHBC.flatten(0, 2), repeated(batch.targets, K * H), reduction="none"
    )
    return each.view(K, H, B).mean(0)


def _sum_of_own(each_HB: Tensor, own_B: Tensor) -> Tensor:
    """Return the sum, over the posts, of the value at their own head; -1 means no head."""
    values_B = each_HB.gather(0, own_B.clamp(min=0)[None])[0]
    return torch.where(own_B >= 0, values_B, 0).sum()
