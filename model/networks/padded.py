"""A system for one subset with padded inputs: the form that is exported.

Training and answering pack words and tags end to end, which saves work. Other programs pad lists to
the longest. Padded lists laid end to end are valid packed lists, so every system accepts them. Only
the encoders of words and tags are replaced here: plain convolutions export more simply and run
faster, and sums over packed texts are wrong in onnxruntime when it adds on several threads. The
answers are equal up to rounding.

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
from flickr_emotion.model.networks.encoders import TagsEncoder, TextEncoder
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.networks.unimodal import AverageOfWords
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.posts.posts import PADDING, WINDOWS

MODALITY_OF = {
    "image": "image",
    "image_features": "image",
    "words": "text",
    "text_features": "text",
    "tags": "tags",
    "tags_features": "tags",
}
"""By the name of an input, its modality."""
# Padding behind each list, so that the longest window has a position even in the shortest text.
_ROOM = {"words": max(WINDOWS) - 1, "tags": 0}


class PaddedSubset(nn.Module):
    """Maps the inputs of one subset to calibrated probabilities."""

    def __init__(
        self, system: System, subset: str, inputs: list[str], temperature: float = 1.0
    ) -> None:
        """``inputs`` names what is fed (``MODALITY_OF``); the system reads no more of the subset.

        The system's encoders of words and tags are replaced, so it can no longer be trained.
        """
        super().__init__()
        _pad(system)
        self.system = system
        self.subset = subset
        self.inputs = inputs
        self.temperature = temperature

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the probabilities (B, C).

        Inputs are pictures (B, 3, H, W), word and tag ids (B, L) and features (B, D).
        """
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
        ids_BL = _unpacked(texts, _ROOM["words"])
        vectors_BLE = self.encoder.embedding(ids_BL) * (ids_BL != PADDING)[..., None]
        vectors_BEL = vectors_BLE.transpose(1, 2)
        pools = []
        for window, convolution in zip(WINDOWS, self.encoder.convolutions, strict=True):
            maps_BFP = torch.relu(convolution(vectors_BEL))
            # Not `clamp`: it becomes a Clip with a lower limit alone, which OpenCV refuses.
            positions_B = torch.maximum(texts.lengths_N - (window - 1), torch.tensor(1))
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
        ids_BL = _unpacked(texts, _ROOM["words"])
        vectors_BLE = self.encoder.embedding(ids_BL) * (ids_BL != PADDING)[..., None]
        logits_BC: Tensor = self.encoder.fc(vectors_BLE.sum(1) / texts.lengths_N[:, None])
        return logits_BC


class PaddedTags(nn.Module):
    """The tags encoder over lists padded to equal length."""

    def __init__(self, encoder: TagsEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tags: Packed) -> Tensor:
        """Return the representations, (B, R)."""
        ids_BL = _unpacked(tags, _ROOM["tags"])
        weight_FE = self.encoder.convolution.weight.squeeze(2)
        maps_BLF = torch.relu(
            functional.linear(
                self.encoder.embedding(ids_BL), weight_FE, self.encoder.convolution.bias
            )
        )
        # After a ReLU, zeros do not change the maximum.
        return (maps_BLF * (ids_BL != PADDING)[..., None]).amax(1)


_PADDED: dict[type[nn.Module], type[nn.Module]] = {
    TextEncoder: PaddedText,
    AverageOfWords: PaddedAverage,
    TagsEncoder: PaddedTags,
}


def _pad(system: System) -> None:
    """Replace the encoders of words and tags, unless that has been done."""
    for module in list(system.modules()):
        if isinstance(module, tuple(_PADDED.values())):
            continue
        for name, encoder in module.named_children():
            if padded := _PADDED.get(type(encoder)):
                setattr(module, name, padded(encoder))


def _batch(subset: str, inputs: Mapping[str, Tensor]) -> Batch:
    """Return posts that hold exactly the subset."""
    # Posts are counted by features where there are any, so that ids may turn out to be unused.
    counted = min(inputs, key=lambda name: name in _ROOM)
    all_B = torch.arange(inputs[counted].shape[0])
    held = set(subset.split("+"))
    return Batch(
        labels_B=torch.zeros_like(all_B),
        inputs={
            modality: _of_modality({n: v for n, v in inputs.items() if MODALITY_OF[n] == modality})
            for modality in dict.fromkeys(MODALITY_OF[name] for name in inputs)
        },
        rows={s: all_B if held.issuperset(s.split("+")) else all_B[:0] for s in SUBSETS},
    )


def _of_modality(inputs: Mapping[str, Tensor]) -> Tensor | Packed:
    """Return a modality's input: pictures or their features, or ids with features or without."""
    features_BD = next((v for name, v in inputs.items() if name not in _ROOM), None)
    lists = next(((name, v) for name, v in inputs.items() if name in _ROOM), None)
    if lists is not None:
        name, ids_BL = lists
        return _packed(ids_BL, _ROOM[name], features_BD)
    assert features_BD is not None
    if {"image", "image_features"} & inputs.keys():
        return features_BD
    ones_B1 = torch.ones_like(features_BD[:, :1], dtype=torch.int64)
    return _packed(ones_B1, 0, features_BD)


def _packed(ids_BL: Tensor, room: int, features_BD: Tensor | None) -> Packed:
    """Lay padded lists end to end, each followed by ``room`` padding ids."""
    L = ids_BL.shape[1]
    B = (ids_BL if features_BD is None else features_BD).shape[0]
    return Packed(
        ids_T=functional.pad(ids_BL, (0, room), value=PADDING).flatten(),
        starts_N=torch.arange(B) * (L + room),
        lengths_N=(ids_BL != PADDING).sum(1),
        longest=L,
        features_ND=features_BD,
    )


def _unpacked(lists: Packed, room: int) -> Tensor:
    """Return the ids that were laid end to end, (B, L + room)."""
    return lists.ids_T.view(len(lists), lists.longest + room)
