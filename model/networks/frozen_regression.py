"""A logistic regression beside the network of `--recipe best`, on the same frozen inputs.

Where posts are few, a regression with a penalty, fitted to its end, has the lowest loss of all that
we tried on such inputs, and the network errs on other posts. So the recipe answers with the mean of
both. The regression is fitted once, before the network is trained, and never changes.

The seven heads share its weights: an absent modality adds nothing to the scores of the classes.
Each has a bias of its own.

Shapes in names: N posts that have a modality, D features of it, B posts, H heads, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.engines.uncompiled import UncompiledLBFGS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.frozen_inputs import LENGTHS
from flickr_emotion.model.networks.system import joined_logits, scatter
from flickr_emotion.model.recipes import SHARE_OF_REGRESSION

PENALTY = 0.03
_LENGTHS = {"image": 8.0, "text": 6.2, "tags": 5.4}
"""The mean norm of a modality's inputs: a longer one is penalised less."""
WEIGHT_OF_OWN = 8.0
"""How much more a post counts in the head of its own subset than in those of a part of it."""
_ITERATIONS = 100


class FrozenRegression(nn.Module):
    """A multinomial logistic regression with a bias for each head."""

    bias_HC: Tensor  # noqa: N815 (shapes in names)

    def __init__(self, dimensions: Mapping[str, int], classes: int) -> None:
        super().__init__()
        for modality in MODALITIES:
            self.register_buffer(modality, torch.zeros(dimensions[modality], classes))
        self.register_buffer("bias_HC", torch.zeros(len(SUBSETS), classes))

    def fit(self, inputs: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]) -> None:
        """Fit the regression to a large batch of training posts.

        ``inputs``: the standardised features (N, D) by modality; ``heads``: the taught ones.
        """
        scaled = {m: inputs[m] * _LENGTHS[m] / LENGTHS[m] for m in inputs}
        weights = {
            modality: torch.zeros_like(self.get_buffer(modality), requires_grad=True)
            for modality in inputs
        }
        bias_HC = torch.zeros_like(self.bias_HC, requires_grad=True)
        own_B = own_heads(batch, heads)
        counts_H = [
            torch.where(own_B[batch.rows[head]] == number, WEIGHT_OF_OWN, 1.0)
            for number, head in enumerate(heads)
        ]
        total = sum(float(counts_N.sum()) for counts_N in counts_H)
        solver = UncompiledLBFGS(
            [*weights.values(), bias_HC], max_iter=_ITERATIONS, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            solver.zero_grad()
            scores = {m: scaled[m] @ weights[m] for m in inputs}
            value = PENALTY / 2 * torch.stack([w.square().sum() for w in weights.values()]).sum()
            for head, counts_N in zip(heads, counts_H, strict=True):
                rows = batch.rows[head]
                if len(rows):
                    logits_BC = _added(scores, batch, head) + bias_HC[SUBSETS.index(head)]
                    each_N = cross_entropy(logits_BC[rows], batch.targets[rows], reduction="none")
                    value = value + (each_N * counts_N).sum() / total
            torch.autograd.backward(value)
            return value

        solver.step(loss)  # type: ignore[no-untyped-call]
        for modality, fitted in weights.items():
            self.get_buffer(modality).copy_(
                fitted.detach() * _LENGTHS[modality] / LENGTHS[modality]
            )
        self.bias_HC.copy_(bias_HC.detach())

    def forward(self, inputs: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]) -> Tensor:
        """Return the heads' logits (H, B, C) from the standardised features by modality."""
        scores = {modality: inputs[modality] @ self.get_buffer(modality) for modality in inputs}
        return torch.stack(
            [_added(scores, batch, head) + self.bias_HC[SUBSETS.index(head)] for head in heads]
        )

    def join(
        self, logits_HBC: Tensor, inputs: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]
    ) -> Tensor:
        """Return the logarithms of the mean of the network's and the regression's probabilities."""
        return joined_logits(logits_HBC, self(inputs, batch, heads), SHARE_OF_REGRESSION)


def own_heads(batch: Batch, heads: Sequence[str]) -> Tensor:
    """Return for each post the number of the head that answers it, -1 for none.

    That is the last one whose modalities the post has: the head of its own subset, if it was
    taught.
    """
    own_B = torch.full_like(batch.labels_B, -1)
    for number, head in enumerate(heads):
        own_B[batch.rows[head]] = number
    return own_B


def _added(scores: Mapping[str, Tensor], batch: Batch, head: str) -> Tensor:
    """Return the sum (B, C) of the scores of a head's modalities."""
    size = len(batch.labels_B)
    parts = [scatter(scores[m], batch.rows[m], size) for m in head.split("+") if m in scores]
    return torch.stack(parts).sum(0)
