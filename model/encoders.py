"""The three encoders of the paper's section 3.1: each turns one modality into 300 numbers.

A representation depends on its own post only: pooling sees words and tags, never the padding that
a batch adds, so batch mates change nothing.

Where the paper is silent:

- The fully-connected layers that end the image and text encoders are linear. The paper names ReLU
  wherever it uses it, and a ReLU of the classifier follows its own first layer anyway.
- The word vectors are trained along with the rest, as in Kim's "non-static" text CNN, which the
  encoder is taken from.
- A text shorter than a window is padded with zeros up to the window: it has one position, seen by
  all three convolutions.

Shapes in names: N posts that hold the modality, L words, K tags, E embedding, F filters.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor, nn

from model.image_backbones import Backbone
from model.posts import PADDING

REPRESENTATION = 300
WORD_DIMENSION = 300
TAG_DIMENSION = 250
WINDOWS = (3, 4, 5)
FILTERS_PER_WINDOW = 100
TAG_FILTERS = 300
WORD_DROPOUT = 0.25


class TextEncoder(nn.Module):
    """Word vectors, three parallel convolutions, global max, average and min pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, WORD_DIMENSION, padding_idx=PADDING)
        self.dropout = nn.Dropout(WORD_DROPOUT)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WORD_DIMENSION, FILTERS_PER_WINDOW, window) for window in WINDOWS
        )
        self.fc = nn.Linear(3 * FILTERS_PER_WINDOW * len(WINDOWS), REPRESENTATION)

    def forward(self, words_NL: Tensor) -> Tensor:
        """Return the texts' representations; ids are padded with 0 behind their last word."""
        lengths_N = (words_NL != PADDING).sum(1)
        words_NL = nn.functional.pad(words_NL, (0, max(0, max(WINDOWS) - words_NL.shape[1])))
        embedded_NEL = self.dropout(self.embedding(words_NL)).transpose(1, 2)
        pools = []
        for window, convolution in zip(WINDOWS, self.convolutions, strict=True):
            maps_NFL = torch.relu(convolution(embedded_NEL))
            pools.append(_pool(maps_NFL, (lengths_N - window + 1).clamp(min=1)))
        representation: Tensor = self.fc(torch.cat(pools, dim=1))
        return representation


def _pool(maps_NFL: Tensor, positions_N: Tensor) -> Tensor:
    """Equation 1: max, average and min of each feature map over the text's own positions.

    Feature maps come from a ReLU, so a zero in place of padding changes neither max nor sum.
    """
    padding_N1L = (torch.arange(maps_NFL.shape[2], device=maps_NFL.device) >= positions_N[:, None])[
        :, None, :
    ]
    real_NFL = maps_NFL.masked_fill(padding_N1L, 0.0)
    return torch.cat(
        [
            real_NFL.amax(2),
            real_NFL.sum(2) / positions_N[:, None],
            maps_NFL.masked_fill(padding_N1L, torch.inf).amin(2),
        ],
        dim=1,
    )


class TagsEncoder(nn.Module):
    """Tag vectors of their own, one convolution with a window of one tag, global max pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, TAG_DIMENSION, padding_idx=PADDING)
        self.convolution = nn.Conv1d(TAG_DIMENSION, TAG_FILTERS, 1)

    def forward(self, tags_NK: Tensor) -> Tensor:
        """Return the representations of lists of tags, padded with 0."""
        maps_NFK = torch.relu(self.convolution(self.embedding(tags_NK).transpose(1, 2)))
        return maps_NFK.masked_fill((tags_NK == PADDING)[:, None, :], 0.0).amax(2)


class ImageEncoder(nn.Module):
    """A pretrained backbone whose last layer is replaced by one of 300 neurons.

    Takes pictures, or the features that the same backbone made of them: with a frozen backbone
    the features are computed once and training never sees a picture.
    """

    def __init__(self, backbone: Backbone, *, frozen: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.frozen = frozen
        self.fc = nn.Linear(backbone.features, REPRESENTATION)
        backbone.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Switch to training; a frozen backbone keeps its statistics and drops nothing."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the representations of pictures (N, 3, H, W) or of features (N, D)."""
        features_ND = self.backbone(images) if images.dim() == 4 else images
        representation: Tensor = self.fc(features_ND)
        return representation
