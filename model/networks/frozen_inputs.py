"""The inputs of `--recipe best`'s network: frozen features, standardised for training.

Pictures are features of a frozen backbone, texts and tags are features of frozen readers; without
the sentence encoder, the paper's encoders of words and tags are trained beside them.

Shapes in names: N posts that have the modality in question, D features of it.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.networks.encoders import REPRESENTATION
from flickr_emotion.model.posts.packing import Packed

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
    """The network's input for texts or tags: the readers' features and, if any, a trained part."""

    def __init__(self, modality: str, dimensions: Sequence[int], trained: nn.Module | None) -> None:
        super().__init__()
        self.scale = Standardised(dimensions, modality)
        self.trained = trained
        self.dimension = self.scale.dimension + (REPRESENTATION if trained else 0)

    def raw(self, lists: Tensor | Packed) -> Tensor:
        """Return the readers' features (N, D)."""
        assert isinstance(lists, Packed)
        if lists.features_ND is None:
            return torch.zeros(len(lists), 0, device=lists.ids_T.device)
        return lists.features_ND

    def forward(self, lists: Packed) -> Tensor:
        """Return the network's input (N, D)."""
        features_ND: Tensor = self.scale(self.raw(lists))
        if self.trained:
            features_ND = torch.cat([features_ND, self.trained(lists)], dim=1)
        return features_ND
