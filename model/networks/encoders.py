"""The three encoders of the paper's section 3.1: each turns one modality into 300 numbers.

A post's representation depends on that post only: words and tags are packed without padding, and
pooling covers the post's own positions.

Where the paper does not say:

- The fully-connected layers that end the image and text encoders are linear. The paper names ReLU
  wherever it uses it, and the classifier's first layer is followed by a ReLU anyway.
- The word vectors are trained with the rest, as in Kim's "non-static" text CNN, on which the
  encoder is based.
- A text shorter than a window is padded with zeros to the window's length: it has one position,
  seen by all three convolutions.

Shapes in names: N posts that hold the modality, T words or tags of all of them, K tags of the post
with the most, E embedding, F feature maps.
"""

# ruff: noqa: N803, N806 (shapes in names)

import torch
from torch import Tensor, nn

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.networks.text_convolutions import convolve_and_pool
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.posts.posts import PADDING, WINDOWS

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
        """Return the representations of texts that are padded to the longest window.

        The gradient of the word vectors is sparse: it covers only the words of these texts.
        """
        vectors_TE = look_up(self.embedding, texts.ids_T)
        # Padding vectors are multiplied by zero, so that they get no gradient.
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
    # Bypasses the layer's padding_idx, which would copy the whole gradient to omit padding.
    return nn.functional.embedding(ids_T, embedding.weight, sparse=True)


def _kept(values: Tensor) -> Tensor:
    """Return a dropout mask: 1 for values that are kept, 0 for the others.

    One random byte per value; 64 of its 256 values drop. Torch's own dropout draws a float per
    value, which on a CPU takes as long as the convolutions.
    """
    draws = torch.empty((values.numel() + 7) // 8, dtype=torch.int64, device=values.device)
    bytes_ = draws.random_(-(2**63), None).view(torch.uint8)[: values.numel()]
    kept = torch.empty_like(values)
    return torch.ge(bytes_.view(values.shape), round(256 * WORD_DROPOUT), out=kept)


class TagsEncoder(nn.Module):
    """Separate tag vectors, one convolution with a window of one tag, global max pooling."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, TAG_DIMENSION, padding_idx=PADDING)
        self.convolution = nn.Conv1d(TAG_DIMENSION, TAG_FILTERS, 1)

    def forward(self, tags: Packed) -> Tensor:
        """Return the representations of lists of tags; the tag vectors' gradient is sparse."""
        vectors_TE = look_up(self.embedding, tags.ids_T)
        weight_FE = self.convolution.weight.squeeze(2)
        maps_TF = torch.relu(nn.functional.linear(vectors_TE, weight_FE, self.convolution.bias))
        # Shorter lists are padded with their own last tag, which leaves the maximum unchanged.
        offsets_K = torch.arange(tags.longest, device=tags.lengths_N.device)
        tags_NK = tags.starts_N[:, None] + torch.minimum(offsets_K, tags.lengths_N[:, None] - 1)
        maps_NKF = maps_TF.index_select(0, tags_NK.flatten()).view(*tags_NK.shape, -1)
        return maps_NKF.amax(1)


class ImageEncoder(nn.Module):
    """A pretrained backbone whose last layer is replaced by one of 300 neurons.

    It takes pictures, or features computed from them by the same backbone: with a frozen backbone
    the features are computed once and training never decodes a picture.
    """

    def __init__(self, backbone: Backbone, *, frozen: bool, outputs: int = REPRESENTATION) -> None:
        super().__init__()
        self.backbone = backbone
        self.frozen = frozen
        self.fc = nn.Linear(backbone.features, outputs)
        backbone.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Set training mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the representations of pictures (N, 3, H, W) or of features (N, D)."""
        features_ND = self.backbone(images) if images.dim() == 4 else images
        representation: Tensor = self.fc(features_ND)
        return representation
