"""One head of the network with its encoders, over padded lists: the form that is exported.

Training and answering pack words and tags end to end, which saves work and which no exchange
format for networks knows. Here the same weights read lists that are padded to the longest, with
plain convolutions; the answers are equal but for rounding.

Shapes in names: B posts, L words and K tags of the post with most, E embedding, F feature maps,
P positions of a window, R numbers of a representation, D features of a picture, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders import WINDOWS, ImageEncoder, TagsEncoder, TextEncoder
from model.network import MultitaskNetwork
from model.posts import PADDING


class PaddedText(nn.Module):
    """The text encoder; ids are (B, L), padding stands behind a text's words."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids_BL: Tensor) -> Tensor:
        """Return the representations, (B, R)."""
        real_BL = ids_BL != PADDING
        vectors_BLE = self.encoder.embedding(ids_BL) * real_BL[..., None]
        # So that the longest window has a position in the shortest text.
        vectors_BEL = functional.pad(vectors_BLE.transpose(1, 2), (0, max(WINDOWS) - 1))
        lengths_B = real_BL.sum(1)
        pools = []
        for window, convolution in zip(WINDOWS, self.encoder.convolutions, strict=True):
            maps_BFP = torch.relu(convolution(vectors_BEL))
            positions_B = (lengths_B - window + 1).clamp(min=1)
            offsets_P = torch.arange(maps_BFP.shape[2], device=ids_BL.device)
            real_B1P = (offsets_P < positions_B[:, None])[:, None]
            # Behind a ReLU zeros change neither max nor sum.
            held_BFP = maps_BFP * real_B1P
            beyond = torch.finfo(maps_BFP.dtype).max
            pools += [
                held_BFP.amax(2),
                held_BFP.sum(2) / positions_B[:, None],
                torch.where(real_B1P, maps_BFP, beyond).amin(2),
            ]
        representation_BR: Tensor = self.encoder.fc(torch.cat(pools, dim=1))
        return representation_BR


class PaddedTags(nn.Module):
    """The tags encoder; ids are (B, K), padding stands behind a post's tags."""

    def __init__(self, encoder: TagsEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids_BK: Tensor) -> Tensor:
        """Return the representations, (B, R)."""
        vectors_BEK = self.encoder.embedding(ids_BK).transpose(1, 2)
        maps_BFK = torch.relu(self.encoder.convolution(vectors_BEK))
        # Behind a ReLU zeros do not change the maximum.
        return (maps_BFK * (ids_BK != PADDING)[:, None]).amax(2)


class Pictures(nn.Module):
    """The image encoder with its backbone; pictures are (B, 3, H, W), bytes."""

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures_B3HW: Tensor) -> Tensor:
        """Return the representations, (B, R)."""
        features_BD = self.encoder.backbone.all_at_once(pictures_B3HW)
        representation_BR: Tensor = self.encoder.fc(features_BD)
        return representation_BR


class PaddedHead(nn.Module):
    """From what a subset of the modalities holds to calibrated probabilities."""

    def __init__(self, network: MultitaskNetwork, subset: str, temperature: float) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(
            _padded(network.encoders[modality]) for modality in subset.split("+")
        )
        self.head = network.heads[subset]
        self.temperature = temperature

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the probabilities, (B, C), of the modalities' inputs in the subset's order."""
        representations = [
            encoder(values) for encoder, values in zip(self.encoders, inputs, strict=True)
        ]
        logits_BC: Tensor = self.head(torch.cat(representations, dim=1))
        return torch.softmax(logits_BC / self.temperature, dim=1)


def _padded(encoder: nn.Module) -> nn.Module:
    if isinstance(encoder, TextEncoder):
        return PaddedText(encoder)
    if isinstance(encoder, TagsEncoder):
        return PaddedTags(encoder)
    if isinstance(encoder, ImageEncoder):
        return Pictures(encoder)
    raise TypeError(f"{type(encoder).__name__} has no padded form")
