"""The inputs of `--recipe best`'s network: frozen features, standardised for training.

Pictures are features of a frozen backbone, texts and tags are features of frozen readers; without
the sentence encoder, the paper's encoders of words and tags are trained beside them. The scores of
a reader that the run has trained are no input: their answer is joined with the network's.

Shapes in names: N posts that have the modality in question, D features of it, B posts, H heads, C
classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.texts.readers import READ
from flickr_emotion.model.features.texts.views import TUNED_VIEWS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import REPRESENTATION
from flickr_emotion.model.networks.system import joined_logits, scatter
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.recipes import SHARE_OF_TUNED

LENGTHS = {"image": 15.0, "text": 10.0, "tags": 5.0}
"""The mean norm of a modality's features."""
# A lexicon's few features are repeated: among a thousand others they would carry no weight, and
# dropout would often drop all of them.
FEW, COPIES_OF_FEW = 16, 20

_NO_DEVIATION = 1e-6


class Standardised(nn.Module):
    """Standardises features from several sources to mean 0 and to a norm that suits training."""

    mean_D: Tensor  # noqa: N815 (shapes in names)
    factor_D: Tensor  # noqa: N815
    origin_D: Tensor  # noqa: N815
    """The index of the feature that each output is a copy of."""

    def __init__(self, dimensions: Sequence[int], modality: str) -> None:
        super().__init__()
        blocks = torch.split(torch.arange(sum(dimensions)), list(dimensions)) if dimensions else ()
        copied = [block.repeat(COPIES_OF_FEW if len(block) <= FEW else 1) for block in blocks]
        origin_D = torch.cat([torch.zeros(0, dtype=torch.int64), *copied])
        self.dimension = len(origin_D)
        self._length = LENGTHS[modality]
        self.register_buffer("origin_D", origin_D)
        self.register_buffer("mean_D", torch.zeros(self.dimension))
        self.register_buffer("factor_D", torch.ones(self.dimension))

    def fit(self, features_ND: Tensor) -> None:
        """Take means and deviations from training posts; constant features become zero."""
        copied_ND = features_ND[:, self.origin_D]
        deviation_D = copied_ND.std(0, correction=0)
        factor_D = self._length / max(self.dimension, 1) ** 0.5 / deviation_D
        self.mean_D.copy_(copied_ND.mean(0))
        self.factor_D.copy_(torch.where(deviation_D > _NO_DEVIATION, factor_D, 0))

    def forward(self, features_ND: Tensor) -> Tensor:
        """Return standardised features (N, D)."""
        return (features_ND[:, self.origin_D] - self.mean_D) * self.factor_D


class FrozenImages(nn.Module):
    """The network's input for pictures: a frozen backbone's features."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.scale = Standardised([backbone.features], "image")
        self.dimension = self.scale.dimension

    def train(self, mode: bool = True) -> "FrozenImages":
        """Set training mode; the backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    def raw(self, images: Tensor | Packed) -> Tensor:
        """Return the features (N, D) of pictures; features are returned unchanged."""
        assert isinstance(images, Tensor)
        features_ND: Tensor = self.backbone(images) if images.dim() == 4 else images
        return features_ND

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's input for pictures (N, 3, H, W) or features (N, D)."""
        features_ND: Tensor = self.scale(self.raw(images))
        return features_ND


class ReadLists(nn.Module):
    """The network's input for texts or tags: the readers' features and, if any, a trained part.

    Behind them come the scores of a reader that the run has trained, if it has.
    """

    def __init__(
        self,
        modality: str,
        dimensions: Sequence[int],
        trained: nn.Module | None,
        *,
        scores: int = 0,
    ) -> None:
        """``dimensions``: the features by frozen reader; ``scores``: how many follow them."""
        super().__init__()
        self.scale = Standardised(dimensions, modality)
        self.trained = trained
        self.dimension = self.scale.dimension + (REPRESENTATION if trained else 0)
        self._scores = scores

    def raw(self, lists: Tensor | Packed) -> Tensor:
        """Return the readers' features (N, D)."""
        assert isinstance(lists, Packed)
        if lists.features_ND is None:
            return torch.zeros(len(lists), 0, device=lists.ids_T.device)
        return lists.features_ND

    def forward(self, lists: Packed) -> Tensor:
        """Return the network's input (N, D), followed by the trained reader's scores."""
        raw_ND = self.raw(lists)
        parts: list[Tensor] = [self.scale(raw_ND)]
        if self.trained:
            parts.append(self.trained(lists))
        if self._scores:
            parts.append(raw_ND[:, -self._scores :])
        return torch.cat(parts, dim=1)


def with_tuned(
    logits_HBC: Tensor, scores: Mapping[str, Tensor], batch: Batch, heads: Sequence[str]
) -> Tensor:
    """Join the answers of the heads that read texts or tags with the tuned reader's.

    ``scores``: by modality, those of the posts that have it, (N, 2C): alone, and of a text together
    with its tags. Returns logarithms of probabilities for these heads, and the logits of the
    others.
    """
    joined = []
    for head, logits_BC in zip(heads, logits_HBC, strict=True):
        read = [modality for modality in READ if modality in head.split("+")]
        if read:
            alone_NC, together_NC = torch.chunk(scores[read[0]], TUNED_VIEWS, dim=1)
            scores_NC = together_NC if len(read) == len(READ) else alone_NC
            scores_BC = scatter(scores_NC, batch.rows[read[0]], len(batch))
            logits_BC = joined_logits(logits_BC, scores_BC, SHARE_OF_TUNED)
        joined.append(logits_BC)
    return torch.stack(joined)
