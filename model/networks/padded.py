"""A system for one subset with padded inputs: the form that is exported.

Training and answering pack words and tags end to end, which saves work. Other programs pad lists to
the longest. Padded lists laid end to end are valid packed lists, so every system accepts them. Only
the text encoders are replaced here: plain convolutions export more simply and run faster, and sums
over packed texts are wrong in onnxruntime when it adds on several threads. The answers are equal up
to rounding.

Shapes in names: B posts, L words or tags of the post with the most, E embedding, F feature maps,
P positions of a window, R size of a representation, C classes.
"""
# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import TextEncoder
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.networks.unimodal import AverageOfWords
from flickr_emotion.model.posts.packing import WINDOWS, Packed
from flickr_emotion.model.posts.posts import PADDING


class PaddedSubset(nn.Module):
    """Maps the inputs of one subset to calibrated probabilities."""

    def __init__(
        self, system: System, subset: str, inputs: list[str], temperature: float = 1.0
    ) -> None:
        """``inputs`` names the modalities that are fed; the system reads no others of the subset.

        The system's text encoders are replaced, so it can no longer be trained.
        """
        super().__init__()
        _pad_texts(system)
        self.system = system
        self.subset = subset
        self.inputs = inputs
        self.temperature = temperature

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the probabilities, (B, C), of pictures (B, 3, H, W) and ids (B, L)."""
        batch = _batch(self.subset, dict(zip(self.inputs, inputs, strict=True)))
        logits_BC = self.system(batch, (self.subset,))[self.subset]
        return torch.softmax(logits_BC / self.temperature, dim=1)


class PaddedText(nn.Module):
    """The text encoder with plain convolutions, over texts padded to equal length."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, texts: Packed) -> Tensor:
        """Return the representations, (B, R)."""
        ids_BL = texts.ids_T.view(len(texts), -1)
        vectors_BLE = self.encoder.embedding(ids_BL) * (ids_BL != PADDING)[..., None]
        vectors_BEL = vectors_BLE.transpose(1, 2)
        pools = []
        for window, convolution in zip(WINDOWS, self.encoder.convolutions, strict=True):
            maps_BFP = torch.relu(convolution(vectors_BEL))
            positions_B = (texts.lengths_N - window + 1).clamp(min=1)
            offsets_P = torch.arange(maps_BFP.shape[2], device=ids_BL.device)
            real_B1P = (offsets_P < positions_B[:, None])[:, None]
            # After a ReLU, zeros change neither max nor sum.
            held_BFP = maps_BFP * real_B1P
            beyond = torch.finfo(maps_BFP.dtype).max
            pools += [
                held_BFP.amax(2),
                held_BFP.sum(2) / positions_B[:, None],
                torch.where(real_B1P, maps_BFP, beyond).amin(2),
            ]
        representation_BR: Tensor = self.encoder.fc(torch.cat(pools, dim=1))
        return representation_BR


class PaddedAverage(nn.Module):
    """The average of a text's word vectors, over texts padded to equal length."""

    def __init__(self, encoder: AverageOfWords) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, texts: Packed) -> Tensor:
        """Return the logits, (B, C)."""
        ids_BL = texts.ids_T.view(len(texts), -1)
        vectors_BLE = self.encoder.embedding(ids_BL) * (ids_BL != PADDING)[..., None]
        logits_BC: Tensor = self.encoder.fc(vectors_BLE.sum(1) / texts.lengths_N[:, None])
        return logits_BC


def _pad_texts(system: System) -> None:
    """Replace the text encoder, unless that has been done."""
    for module in list(system.modules()):
        if isinstance(module, PaddedText | PaddedAverage):
            continue
        for name, encoder in module.named_children():
            if isinstance(encoder, TextEncoder):
                setattr(module, name, PaddedText(encoder))
            elif isinstance(encoder, AverageOfWords):
                setattr(module, name, PaddedAverage(encoder))


def _batch(subset: str, inputs: Mapping[str, Tensor]) -> Batch:
    """Return posts that hold exactly the subset."""
    all_B = torch.arange(len(next(iter(inputs.values()))))
    held = set(subset.split("+"))
    # So that the longest window has a position even in the shortest text.
    room = {"text": max(WINDOWS) - 1, "tags": 0}
    return Batch(
        labels_B=torch.zeros_like(all_B),
        inputs={
            modality: values if modality == "image" else _packed(values, room[modality])
            for modality, values in inputs.items()
        },
        rows={s: all_B if held.issuperset(s.split("+")) else all_B[:0] for s in SUBSETS},
    )


def _packed(ids_BL: Tensor, room: int) -> Packed:
    """Lay padded lists end to end, each followed by ``room`` padding ids."""
    B, L = ids_BL.shape
    return Packed(
        ids_T=functional.pad(ids_BL, (0, room), value=PADDING).flatten(),
        starts_N=torch.arange(B) * (L + room),
        lengths_N=(ids_BL != PADDING).sum(1),
        longest=L,
    )
