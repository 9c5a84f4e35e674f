"""The three encoders of the paper's section 3.1: each turns one modality into 300 numbers.

A representation depends on its own post only: words and tags come packed, without padding, and
pooling sees a post's own.

Where the paper is silent:

- The fully-connected layers that end the image and text encoders are linear. The paper names ReLU
  wherever it uses it, and a ReLU of the classifier follows its own first layer anyway.
- The word vectors are trained along with the rest, as in Kim's "non-static" text CNN, which the
  encoder is taken from.
- A text shorter than a window is padded with zeros up to the window: it has one position, seen by
  all three convolutions.

Shapes in names: N posts that hold the modality, T words or tags of all of them, K tags of the post
with most, E embedding, F feature maps.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor, nn

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.networks.text_convolutions import convolve_and_pool
from flickr_emotion.model.posts.packing import WINDOWS, Packed
from flickr_emotion.model.posts.posts import PADDING

REPRESENTATION = 300
TAG_DIMENSION = 250
FILTERS_PER_WINDOW = 100
TAG_FILTERS = 300
WORD_DROPOUT = 0.25


class TextEncoder(nn.Module):
    """Word vectors, three parallel convolutions, global max, average and min pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, WORD_DIMENSION, padding_idx=PADDING)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WORD_DIMENSION, FILTERS_PER_WINDOW, window) for window in WINDOWS
        )
        self.fc = nn.Linear(3 * FILTERS_PER_WINDOW * len(WINDOWS), REPRESENTATION)

    def forward(self, texts: Packed) -> Tensor:
        """Return the representations of texts, which are padded up to the longest window.

        The gradient of the word vectors is sparse: it holds the words of the texts only.
        """
        vectors_TE = look_up(self.embedding, texts.ids_T)
        # Padding is multiplied by zero, so that nothing learns from it.
        scale_TE = (texts.ids_T != PADDING)[:, None].to(vectors_TE.dtype)
        if self.training:
            scale_TE = _kept(vectors_TE).mul_(scale_TE / (1 - WORD_DROPOUT))
        convolutions = [layer for layer in self.convolutions if isinstance(layer, nn.Conv1d)]
        pools_NF = convolve_and_pool(
            vectors_TE * scale_TE,
            texts,
            [layer.weight for layer in convolutions],
            [layer.bias for layer in convolutions if layer.bias is not None],
        )
        representation: Tensor = self.fc(pools_NF)
        return representation


def look_up(embedding: nn.Embedding, ids_T: Tensor) -> Tensor:
    """Return the vectors of words or tags; their gradient is sparse."""
    # Without the layer's own treatment of padding, which copies the whole gradient to leave it out.
    return nn.functional.embedding(ids_T, embedding.weight, sparse=True)


def _kept(values: Tensor) -> Tensor:
    """Return 1 for the values that dropout keeps, 0 for the others.

    A random byte decides on a value, 64 of 256 drop it. Torch draws a number for each value, which
    on a CPU takes as long as the convolutions.
    """
    draws = torch.empty((values.numel() + 7) // 8, dtype=torch.int64, device=values.device)
    bytes_ = draws.random_(-(2**63), None).view(torch.uint8)[: values.numel()]
    kept = torch.empty_like(values)
    return torch.ge(bytes_.view(values.shape), round(256 * WORD_DROPOUT), out=kept)


class TagsEncoder(nn.Module):
    """Tag vectors of their own, one convolution with a window of one tag, global max pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, TAG_DIMENSION, padding_idx=PADDING)
        self.convolution = nn.Conv1d(TAG_DIMENSION, TAG_FILTERS, 1)

    def forward(self, tags: Packed) -> Tensor:
        """Return the representations of lists of tags; the tag vectors' gradient is sparse."""
        vectors_TE = look_up(self.embedding, tags.ids_T)
        weight_FE = self.convolution.weight.squeeze(2)
        maps_TF = torch.relu(nn.functional.linear(vectors_TE, weight_FE, self.convolution.bias))
        # A list's last tag stands for what it has fewer than the longest: the maximum is the same.
        offsets_K = torch.arange(tags.longest, device=tags.lengths_N.device)
        tags_NK = tags.starts_N[:, None] + torch.minimum(offsets_K, tags.lengths_N[:, None] - 1)
        maps_NKF = maps_TF.index_select(0, tags_NK.flatten()).view(*tags_NK.shape, -1)
        return maps_NKF.amax(1)


class ImageEncoder(nn.Module):
    """A pretrained backbone whose last layer is replaced by one of 300 neurons.

    Takes pictures, or the features that the same backbone made of them: with a frozen backbone
    the features are computed once and training never sees a picture.
    """

    def __init__(self, backbone: Backbone, *, frozen: bool, outputs: int = REPRESENTATION) -> None:
        super().__init__()
        self.backbone = backbone
        self.frozen = frozen
        self.fc = nn.Linear(backbone.features, outputs)
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
