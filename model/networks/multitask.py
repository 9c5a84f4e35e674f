"""The multimodal multitask network of Pagé Fortin and Chaib-draa (2019), section 3.

Its layers are the paper's; its word vectors are only with ``--word-vectors`` (docs/model.md).

Three encoders turn a post's modalities into representations of 300 numbers; seven classifiers, one
for each subset of the modalities, answer from the representations present. Training sums the seven
losses, so that a post trains every head whose modalities it has, and a post that lacks some is
answered by the head of its own subset.

The heads run together: the first layer of a head is a sum over its modalities, so each
representation is multiplied once with the weights of the four heads that use it, and the later
layers, all of the same shape, are one batched product.

Shapes in names: B posts, N of which have the modality in question, H heads, R size of a
representation, D and E neurons of two layers, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import REPRESENTATION
from flickr_emotion.model.networks.system import (
    Flags,
    System,
    classifier,
    encoders_of,
    repeated,
    scatter,
)
from flickr_emotion.model.posts.posts import Encoding, Posts


@dataclass(frozen=True)
class Answers(Mapping[str, Tensor]):
    """The heads' answers to a batch: by subset, the logits of the posts at ``rows[subset]``.

    A subset that no post of the batch holds is missing.
    """

    logits_HBC: Tensor  # noqa: N815 (shapes in names)
    """For all posts; undefined where a post lacks a modality of the head."""
    rows: dict[str, Tensor]
    """By head, in the order of H."""

    def __getitem__(self, subset: str) -> Tensor:
        rows = self.rows[subset]
        return self.logits_HBC[list(self.rows).index(subset)].index_select(0, rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class MultitaskNetwork(System):
    """Three encoders and seven heads; with fewer ``subsets``, only their heads and encoders.

    With one subset it is a single-task network.
    """

    def __init__(
        self,
        encoding: Encoding,
        backbone: Backbone | None,
        *,
        frozen_image: bool,
        subsets: Sequence[str] = SUBSETS,
    ) -> None:
        super().__init__()
        self.encoders = encoders_of(
            encoding,
            backbone,
            frozen_image=frozen_image,
            modalities=[m for m in MODALITIES if any(m in s.split("+") for s in subsets)],
        )
        self.heads = nn.ModuleDict(
            {
                subset: classifier(len(subset.split("+")), len(encoding.classes))
                for subset in subsets
            }
        )

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Answers:
        """Return each head's logits.

        An encoder runs only on the posts that have its modality; a head runs only if a post of the
        batch has all its modalities.
        """
        asked = self.subsets if asked is None else asked
        read = self.modalities
        representations_BR = {
            modality: scatter(encoder(batch.inputs[modality]), batch.rows[modality], len(batch))
            for modality, encoder in self.encoders.items()
            if modality in batch.inputs and modality in read
        }
        heads = [head for head in self.heads if head in asked and len(batch.rows[head])]
        if not heads:  # a single-task network, and no post of the batch holds its subset
            return Answers(logits_HBC=batch.labels_B.new_zeros(0, 0, 0), rows={})
        return Answers(
            logits_HBC=self._classify(representations_BR, heads),
            rows={subset: batch.rows[subset] for subset in heads},
        )

    def _classify(self, representations_BR: dict[str, Tensor], heads: list[str]) -> Tensor:
        first, second, third = ([self._layer(head, n) for head in heads] for n in (0, 2, 4))
        weights_DR: dict[str, list[Tensor]] = {modality: [] for modality in representations_BR}
        for head, layer in zip(heads, first, strict=True):
            held = head.split("+")
            parts = torch.split(layer.weight, REPRESENTATION, dim=1)
            for modality, part in zip(held, parts, strict=True):
                weights_DR[modality].append(part)
        products_BD = {
            modality: iter(
                nn.functional.linear(representations_BR[modality], torch.cat(parts)).chunk(
                    len(parts), dim=1
                )
            )
            for modality, parts in weights_DR.items()
            if parts
        }
        hidden_HBD = torch.stack(
            [_sum([next(products_BD[modality]) for modality in head.split("+")]) for head in heads]
        )
        hidden_HBD = torch.relu(hidden_HBD + _stack([layer.bias for layer in first]))
        hidden_HBE = torch.relu(_batched(hidden_HBD, second))
        return _batched(hidden_HBE, third)

    def _layer(self, head: str, number: int) -> nn.Linear:
        layer = self.heads[head].get_submodule(str(number))
        assert isinstance(layer, nn.Linear)
        return layer

    def built_for(self) -> list[str]:
        """Each head's subset can be answered."""
        return [subset for subset in SUBSETS if subset in self.heads]

    def _is_taught(self, subset: str, training_posts: Mapping[str, int]) -> bool:
        return training_posts[subset] > 0

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """A head's term is the mean over the posts that have its modalities."""
        return {head: posts.holding(head) for head in self.subsets}

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return a head's parameters."""
        return self.heads[term].parameters()

    def term_sums(self, answers: Answers, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropy of each head that answered."""
        if not answers.rows:
            return {}
        return dict(zip(answers.rows, _head_losses(answers, batch), strict=True))


def _head_losses(answers: Answers, batch: Batch) -> Tensor:
    """Return, for each head that answered, its posts' summed cross-entropy, (H,)."""
    H, B, _ = answers.logits_HBC.shape
    each_HB = nn.functional.cross_entropy(
        answers.logits_HBC.flatten(0, 1), repeated(batch.targets, H), reduction="none"
    ).view(H, B)
    if all(len(rows) == B for rows in answers.rows.values()):
        return each_HB.sum(1)
    held = torch.cat([rows + head * B for head, rows in enumerate(answers.rows.values())])
    held_HB = each_HB.new_zeros(H * B).index_fill(0, held, 1).view(H, B)
    return (each_HB * held_HB).sum(1)


def _sum(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _batched(inputs_HBD: Tensor, layers: list[nn.Linear]) -> Tensor:
    """Apply each head's layer to its own inputs."""
    weights_HED = torch.stack([layer.weight for layer in layers])
    return torch.baddbmm(
        _stack([layer.bias for layer in layers]), inputs_HBD, weights_HED.transpose(1, 2)
    )


def _stack(biases: list[Tensor]) -> Tensor:
    return torch.stack(biases)[:, None, :]
