"""`common-space`: joint fusion whose representations share one space (Duong et al. 2017).

An auxiliary ranking loss pulls the modalities of a post together and pushes posts of other classes
away: by cosine similarity, a post's representation in one modality has to be closer to its own in
another modality, by a margin, than to those of the batch's posts of other classes. The sources do
not give margin and weight: 0.2 is the usual margin of ranking losses on cosines, and the auxiliary
loss has the same weight as the classification loss.

Each of the three pairs of modalities is a loss term over the posts that hold both. A post's
negatives come from its own forward pass and process, so they differ with the number of processes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.joint_fusion import JointFusion
from flickr_emotion.model.networks.system import Flags
from flickr_emotion.model.posts.posts import Posts

PAIRS = tuple(subset for subset in SUBSETS if subset.count("+") == 1)
MARGIN = 0.2


class CommonSpace(JointFusion):
    """Joint fusion with a ranking loss for each pair of modalities."""

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """The posts of a pair's term are those that hold both modalities."""
        return super().holders(posts) | {pair: posts.holding(pair) for pair in self._pairs()}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the classifier's summed loss and that of each pair."""
        sums = super().term_sums(answers, batch)
        for pair in self._pairs():
            rows_N = batch.rows[pair]
            if len(rows_N):
                first_NR, second_NR = (answers.parts[m][rows_N] for m in pair.split("+"))
                sums[pair] = ranking_loss(first_NR, second_NR, batch.labels_B[rows_N]).sum()
        return sums

    def _pairs(self) -> list[str]:
        return [pair for pair in PAIRS if pair in self.subsets]


def ranking_loss(first_NR: Tensor, second_NR: Tensor, labels_N: Tensor) -> Tensor:
    """Return each post's loss, (N,): the mean over its negatives, in both directions, 0 if none.

    A negative is a post of another class. It costs the amount by which it violates the margin.
    """
    nearness_NN = normalize(first_NR.float(), dim=1) @ normalize(second_NR.float(), dim=1).T
    rivals_NN = (labels_N[:, None] != labels_N[None, :]).to(nearness_NN.dtype)
    own_N = nearness_NN.diagonal()
    costs_NN = torch.relu(MARGIN - own_N[:, None] + nearness_NN)
    costs_NN = costs_NN + torch.relu(MARGIN - own_N[:, None] + nearness_NN.T)
    return (costs_NN * rivals_NN).sum(1) / rivals_NN.sum(1).clamp(min=1)
