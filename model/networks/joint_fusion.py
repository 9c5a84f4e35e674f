"""`joint-fusion`: representations of equal size are pooled, one classifier (Duong et al. 2017).

The paper has a layer that brings the picture's vector to the size of the text's; the encoders of
section 3.1 all end in 300 numbers already. The kind of pooling is left open there. Here it is the
average over the modalities present: every modality then gets a gradient from every post, while a
maximum would starve the weaker ones.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.networks.fusion import RepresentationFusion
from flickr_emotion.model.posts.posts import Encoding


class JointFusion(RepresentationFusion):
    """Three encoders, an average, one classifier."""

    def __init__(
        self, encoding: Encoding, backbone: Backbone | None, *, frozen_image: bool
    ) -> None:
        super().__init__(encoding, backbone, frozen_image=frozen_image, fused=1)

    def fuse(self, parts: dict[str, Tensor], modalities: list[str], rows_N: Tensor) -> Tensor:
        """Classify the average over the modalities, (N, R)."""
        held_MNR = torch.stack([parts[modality][rows_N] for modality in modalities])
        logits_NC: Tensor = self.classifier(held_MNR.mean(0))
        return logits_NC
