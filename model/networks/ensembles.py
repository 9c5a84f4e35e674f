"""`single-task`, `late-fusion`, `weighted-vote`: ensembles of separately trained networks.

Each network is the single-task network of one subset, trained in its own run with its own batches
and its own early stopping; in one shared loop its batches would only be those posts of a common
batch that hold its subset. This module only says how the networks' answers are combined.

Shapes in names: B posts, N of which hold a subset, M modalities, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.system import Flags, System, scatter
from flickr_emotion.model.posts.posts import Posts

# A vote ignores how confident it was. This small share of the averaged scores breaks ties, and
# keeps every class's probability above zero.
SHARE_OF_SCORES = 1e-3


class Ensemble(System):
    """Networks by subset, in the order of ``SUBSETS``; the ensemble itself is not trained."""

    def __init__(self, networks: Mapping[str, MultitaskNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(dict(networks))
        # All share the same frozen backbone, so any network's will do.
        seeing = [network for network in networks.values() if "image" in network.encoders]
        self._seeing = [seeing[0]] if seeing else []
        self.encoders = nn.ModuleDict()

    @property
    def modalities(self) -> list[str]:
        """The modalities that any of the networks reads."""
        return [m for m in MODALITIES if any(m in name.split("+") for name in self.networks)]

    def built_for(self) -> list[str]:
        """Each network answers its own subset."""
        return list(self.networks)

    @property
    def complete(self) -> System | None:
        """The network of all modalities; None where there are unimodal ones only."""
        if COMPLETE not in self.networks:
            return None
        network = self.networks[COMPLETE]
        assert isinstance(network, MultitaskNetwork)
        return network

    def _is_taught(self, subset: str, training_posts: Mapping[str, int]) -> bool:
        """Return True: there is no network for a subset that no training post holds."""
        return True

    @property
    def backbone(self) -> Any:
        """The backbone that all networks share, if it is frozen; it defines the preprocessing."""
        return self._seeing[0].backbone if self._seeing else None

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """No terms: the networks are trained separately."""
        return {}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """No terms."""
        return {}

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """No parameters."""
        return ()

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Mapping[str, Tensor]:
        """Return each network's logits for its own subset."""
        asked = self.subsets if asked is None else asked
        batch = self._seen(batch)
        answers: dict[str, Tensor] = {}
        for subset, network in self.networks.items():
            if subset in asked and len(batch.rows[subset]):
                answers |= network(batch)
        return answers

    def _seen(self, batch: Batch) -> Batch:
        """Run pictures through a frozen backbone once, not once for each network."""
        pictures = batch.inputs.get("image")
        if not self._seeing or not isinstance(pictures, Tensor) or pictures.dim() != 4:
            return batch
        encoder = self._seeing[0].encoders["image"]
        if not encoder.frozen:
            return batch
        return replace(batch, inputs=batch.inputs | {"image": self.backbone(pictures)})


class LateFusion(Ensemble):
    """Averages the scores of the unimodal networks whose modality is in the subset (4.2.2)."""

    def built_for(self) -> list[str]:
        """Each subset of which at least one modality has a network."""
        return [s for s in SUBSETS if any(m in self.networks for m in s.split("+"))]

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Mapping[str, Tensor]:
        """Return the logarithms of the averaged probabilities."""
        scores_BC = self._scores(batch)
        return {
            subset: torch.stack([scores_BC[m][batch.rows[subset]] for m in voters]).mean(0).log()
            for subset, voters in self._voters(batch, scores_BC, asked)
        }

    def _scores(self, batch: Batch) -> dict[str, Tensor]:
        """Return each unimodal network's probabilities, (B, C), with zeros for posts without it."""
        answers = super().forward(batch)
        return {
            modality: scatter(logits.float().softmax(1), batch.rows[modality], len(batch)).clamp(
                min=torch.finfo(torch.float32).tiny
            )
            for modality, logits in answers.items()
        }

    def _voters(
        self, batch: Batch, scores_BC: Mapping[str, Tensor], asked: Collection[str] | None
    ) -> Iterable[tuple[str, Sequence[str]]]:
        for subset in self.subsets if asked is None else asked:
            voters = [m for m in subset.split("+") if m in scores_BC]
            if voters and len(batch.rows[subset]):
                yield subset, voters


class WeightedVote(LateFusion):
    """A weighted majority vote of unimodal networks; absent ones do not vote (Wagner et al. 2015).

    A network's vote is weighted by its validation accuracy. A network that votes alone answers with
    its own probabilities.
    """

    weights_M: Tensor  # noqa: N815 (shapes in names)

    def __init__(self, networks: Mapping[str, MultitaskNetwork]) -> None:
        super().__init__(networks)
        self.register_buffer("weights_M", torch.zeros(len(networks)))

    def weigh(self, accuracies: Mapping[str, float]) -> None:
        """Set the weights from each network's accuracy."""
        self.weights_M.copy_(torch.tensor([accuracies[subset] for subset in self.networks]))

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Mapping[str, Tensor]:
        """Return the logarithms of each class's share of the votes."""
        scores_BC = self._scores(batch)
        weights = dict(zip(self.networks, self.weights_M, strict=True))
        answers = {}
        for subset, voters in self._voters(batch, scores_BC, asked):
            scores_NC = [scores_BC[m][batch.rows[subset]] for m in voters]
            if len(voters) == 1:  # nobody to outvote: its network's answer stands
                answers[subset] = scores_NC[0].log()
                continue
            votes_NC = torch.zeros_like(scores_NC[0])
            for modality, scores in zip(voters, scores_NC, strict=True):
                chosen_N1 = scores.argmax(1, keepdim=True)
                votes_NC.scatter_add_(1, chosen_N1, weights[modality].expand(len(scores), 1))
            shares_NC = votes_NC / votes_NC.sum(1, keepdim=True).clamp(min=1e-12)
            mean_NC = torch.stack(scores_NC).mean(0)
            answers[subset] = torch.lerp(shares_NC, mean_NC, SHARE_OF_SCORES).log()
        return answers
