"""The reference for training speed: a plain implementation of the network in the paper.

Texts are padded to 150 words and lists of tags to 10, each convolution is ``nn.Conv1d``, word and
tag vectors have dense gradients, Adam is PyTorch's with its defaults, an encoder runs on zeros
where a post lacks its modality, the seven heads run one by one, and pictures are decoded one by one
(or their features are looked up if they were computed before). The loss and the weights' names are
those of `model/networks/multitask.py`, so that both can start from the same weights.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.picture_sizes import FOR_A_DATASET
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.networks.encoders import (
    FILTERS_PER_WINDOW,
    REPRESENTATION,
    TAG_DIMENSION,
    TAG_FILTERS,
    WORD_DROPOUT,
    ImageEncoder,
)
from flickr_emotion.model.networks.system import classifier
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.posts.posts import (
    FIRST_ID,
    MAX_TAGS,
    NO_IMAGE,
    WINDOWS,
    Encoding,
    Integers,
    Posts,
)


class PlainTextEncoder(nn.Module):
    """Words padded to 150, three convolutions, pooling over the text's own positions."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, WORD_DIMENSION, padding_idx=0)
        self.dropout = nn.Dropout(WORD_DROPOUT)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WORD_DIMENSION, FILTERS_PER_WINDOW, window) for window in WINDOWS
        )
        self.fc = nn.Linear(3 * FILTERS_PER_WINDOW * len(WINDOWS), REPRESENTATION)

    def forward(self, words_BL: Tensor) -> Tensor:
        lengths_B = (words_BL != 0).sum(1)
        vectors_BEL = self.dropout(self.embedding(words_BL)).transpose(1, 2)
        pools = []
        for window, convolution in zip(WINDOWS, self.convolutions, strict=True):
            maps_BFL = torch.relu(convolution(vectors_BEL))
            positions_B = (lengths_B - window + 1).clamp(min=1)
            beyond_B1L = (torch.arange(maps_BFL.shape[2]) >= positions_B[:, None])[:, None]
            pools += [
                maps_BFL.masked_fill(beyond_B1L, 0.0).amax(2),
                maps_BFL.masked_fill(beyond_B1L, 0.0).sum(2) / positions_B[:, None],
                maps_BFL.masked_fill(beyond_B1L, torch.inf).amin(2),
            ]
        representation: Tensor = self.fc(torch.cat(pools, dim=1))
        return representation


class PlainTagsEncoder(nn.Module):
    """Tags padded to 10, one convolution over one tag, max pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, TAG_DIMENSION, padding_idx=0)
        self.convolution = nn.Conv1d(TAG_DIMENSION, TAG_FILTERS, 1)

    def forward(self, tags_BK: Tensor) -> Tensor:
        maps_BFK = torch.relu(self.convolution(self.embedding(tags_BK).transpose(1, 2)))
        return maps_BFK.masked_fill((tags_BK == 0)[:, None], 0.0).amax(2)


@dataclass(frozen=True, kw_only=True)
class PlainBatch:
    """B posts, with zeros for absent modalities."""

    labels_B: Tensor  # noqa: N815
    image: Tensor
    words_BL: Tensor  # noqa: N815
    tags_BK: Tensor  # noqa: N815
    held: dict[str, Tensor]
    """By subset: whether each post has its modalities."""


class PlainNetwork(nn.Module):
    """Three encoders, seven heads, one after the other."""

    def __init__(self, encoding: Encoding, backbone: Backbone, *, frozen_image: bool) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                "image": ImageEncoder(backbone, frozen=frozen_image),
                "text": PlainTextEncoder(FIRST_ID + len(encoding.words)),
                "tags": PlainTagsEncoder(FIRST_ID + len(encoding.tags)),
            }
        )
        self.heads = nn.ModuleDict(
            {s: classifier(len(s.split("+")), len(encoding.classes)) for s in SUBSETS}
        )

    def forward(self, batch: PlainBatch) -> dict[str, Tensor]:
        representations = {
            "image": self.encoders["image"](batch.image),
            "text": self.encoders["text"](batch.words_BL),
            "tags": self.encoders["tags"](batch.tags_BK),
        }
        return {
            subset: head(torch.cat([representations[m] for m in subset.split("+")], dim=1))
            for subset, head in self.heads.items()
        }

    def loss(self, logits: dict[str, Tensor], batch: PlainBatch) -> Tensor:
        terms = [
            nn.functional.cross_entropy(logits[subset][held], batch.labels_B[held])
            for subset, held in batch.held.items()
            if held.any()
        ]
        return torch.stack(terms).sum()


@dataclass(frozen=True, kw_only=True)
class PlainSplit:
    """Posts with the features of their pictures, or with the pictures themselves."""

    posts: Posts
    features: Tensor | None = None
    pictures: Sequence[bytes] = ()
    backbone: Backbone | None = None

    def batch(self, indices: Integers) -> PlainBatch:
        posts = self.posts
        return PlainBatch(
            labels_B=torch.from_numpy(posts.labels[indices]),
            image=torch.stack([self._image(int(posts.image_rows[index])) for index in indices]),
            words_BL=_padded(posts.words, posts.word_starts, indices, MAX_WORDS),
            tags_BK=_padded(posts.tags, posts.tag_starts, indices, MAX_TAGS),
            held={
                subset: torch.from_numpy(
                    np.all([posts.present[m][indices] for m in subset.split("+")], axis=0)
                )
                for subset in SUBSETS
            },
        )

    def _image(self, row: int) -> Tensor:
        if self.features is not None:
            return torch.zeros(self.features.shape[1]) if row == NO_IMAGE else self.features[row]
        assert self.backbone is not None
        preprocessing = self.backbone.preprocessing
        if row == NO_IMAGE:
            return torch.zeros(3, preprocessing.crop, preprocessing.crop, dtype=torch.uint8)
        return preprocessing.picture(self.pictures[row], f"picture {row}", FOR_A_DATASET)


def _padded(ids: Integers, starts: Integers, indices: Integers, length: int) -> Tensor:
    padded = torch.zeros(len(indices), length, dtype=torch.long)
    for row, index in enumerate(indices):
        entries = ids[starts[index] : starts[index + 1]]
        padded[row, : len(entries)] = torch.from_numpy(entries)
    return padded


def plain_order(posts: int, batch_size: int, generator: np.random.Generator) -> Iterator[Integers]:
    """Yield an epoch's batches in a random order."""
    shuffled = generator.permutation(posts)
    for start in range(0, posts, batch_size):
        yield shuffled[start : start + batch_size]
