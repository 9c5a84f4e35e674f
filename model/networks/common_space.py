"""`common-space`: joint fusion whose representations share one space (Duong et al. 2017).

An auxiliary task draws the modalities of a post together and pushes posts of other classes away: a
post's representation in one modality has to be nearer to its own in another than to those of the
batch's posts of other classes, by a margin. Nearness is the cosine. The seeds do not give margin
and weight: a margin of 0.2 is the usual one of ranking losses on cosines, and the auxiliary task
weighs as much as the category.

Each of the three pairs of modalities is a term over the posts that hold it. A post's rivals are
those of its own pass and process, so on several processes they are other ones than on one.
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
        """Posts that hold a pair take part in its term."""
        return super().holders(posts) | {pair: posts.holding(pair) for pair in PAIRS}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the classifier's sum and that of each pair."""
        sums = super().term_sums(answers, batch)
        for pair in PAIRS:
            rows_N = batch.rows[pair]
            if len(rows_N):
                first_NR, second_NR = (answers.parts[m][rows_N] for m in pair.split("+"))
                sums[pair] = ranking_loss(first_NR, second_NR, batch.labels_B[rows_N]).sum()
        return sums


def ranking_loss(first_NR: Tensor, second_NR: Tensor, labels_N: Tensor) -> Tensor:
    """Return each post's loss, (N,): the mean over its rivals, in both directions; 0 without any.

    A rival is a post of another class. It costs by how much it comes nearer than the margin allows.
    """
    nearness_NN = normalize(first_NR.float(), dim=1) @ normalize(second_NR.float(), dim=1).T
    rivals_NN = (labels_N[:, None] != labels_N[None, :]).to(nearness_NN.dtype)
    own_N = nearness_NN.diagonal()
    costs_NN = torch.relu(MARGIN - own_N[:, None] + nearness_NN)
    costs_NN = costs_NN + torch.relu(MARGIN - own_N[:, None] + nearness_NN.T)
    return (costs_NN * rivals_NN).sum(1) / rivals_NN.sum(1).clamp(min=1)
