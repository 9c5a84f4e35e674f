"""`early-fusion`: concatenated representations, zeros where absent (Duong et al. 2017).

The usual way to let a network with one classifier handle posts that lack modalities.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.networks.fusion import RepresentationFusion
from flickr_emotion.model.posts.posts import Encoding


class EarlyFusion(RepresentationFusion):
    """Three encoders, a concatenation, one classifier."""

    def __init__(
        self, encoding: Encoding, backbone: Backbone | None, *, frozen_image: bool
    ) -> None:
        super().__init__(encoding, backbone, frozen_image=frozen_image, fused=len(MODALITIES))

    def fuse(self, parts: dict[str, Tensor], modalities: list[str], rows_N: Tensor) -> Tensor:
        """Classify the concatenation, (N, 3 R)."""
        held = {modality: parts[modality][rows_N] for modality in modalities}
        absent_NR = torch.zeros_like(next(iter(held.values())))
        logits_NC: Tensor = self.classifier(
            torch.cat([held.get(modality, absent_NR) for modality in MODALITIES], dim=1)
        )
        return logits_NC
