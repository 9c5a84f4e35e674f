"""What the training loop, evaluation and prediction know of a system, whichever it is.

A system answers a batch and names the terms of its loss. A term is a mean over those posts that
have what it needs: the loop counts them over a whole step, so that the parts of a step, in several
passes or on several processes, add up to its loss; validation counts them over the whole split.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import (
    REPRESENTATION,
    ImageEncoder,
    TagsEncoder,
    TextEncoder,
)
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding, Posts

Flags = npt.NDArray[np.bool_]
Numbers = TypeVar("Numbers", Tensor, npt.NDArray[np.float64])

HIDDEN = (256, 128)


class System(nn.Module):
    """A network, or several, that answers for subsets of the modalities."""

    encoders: nn.ModuleDict
    """By modality."""

    by_length = True
    """Whether texts of like length are trained on together: it saves time where words are read."""

    def forward(self, batch: Batch, asked: Collection[str] = SUBSETS) -> Mapping[str, Tensor]:
        """Return logits by subset, (N, C): those of the posts at ``batch.rows[subset]``.

        Only subsets that are ``asked`` for cost anything. One that the system does not answer, or
        that no post holds, is missing. In training a system may answer only what its loss needs.
        """
        raise NotImplementedError

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """Return, for each term of the loss, which posts it is a mean over."""
        raise NotImplementedError

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return, for each term that posts of the batch take part in, the sum over them.

        ``answers`` are what ``forward`` returned for the batch.
        """
        raise NotImplementedError

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return some parameters that a term gives a gradient, whichever posts it is about."""
        raise NotImplementedError

    def loss(self, answers: Any, batch: Batch, counts: Mapping[str, int]) -> Tensor:
        """Return the batch's part of the loss of a step, a scalar; the parts add up to the loss.

        ``counts`` says by term how many of the step's posts take part in it: all of them, not the
        batch's. Terms without a post are left out, so that they give no gradient.
        """
        sums = {t: total for t, total in self.term_sums(answers, batch).items() if counts[t]}
        counts_T = torch.tensor([counts[term] for term in sums])
        if batch.labels_B.is_cuda:  # from other memory a copy would wait for the kernels before it
            counts_T = counts_T.pin_memory().to(batch.labels_B.device, non_blocking=True)
        return sum_of_means(torch.stack(list(sums.values())), counts_T)

    @property
    def modalities(self) -> list[str]:
        """What the system reads of a post."""
        return [modality for modality in MODALITIES if modality in self.encoders]

    @property
    def subsets(self) -> list[str]:
        """What the system answers: here all of which it reads something, in their order."""
        read = set(self.modalities)
        return [subset for subset in SUBSETS if read.intersection(subset.split("+"))]

    @property
    def backbone(self) -> Backbone | None:
        """The image encoder without its last layer; None where the system sees no pictures."""
        if "image" not in self.encoders:
            return None
        encoder = self.encoders["image"]
        assert isinstance(encoder, ImageEncoder)
        return encoder.backbone

    @property
    def word_embedding(self) -> nn.Embedding | None:
        """The word vectors, which a file may fill; None where the system reads no texts."""
        if "text" not in self.encoders:
            return None
        embedding = self.encoders["text"].embedding
        assert isinstance(embedding, nn.Embedding)
        return embedding


def sum_of_means(sums_T: Numbers, counts_T: Numbers) -> Numbers:
    """Return a system's loss, a scalar: the sum over its terms of their means (section 3.2).

    A term's mean is over those posts that take part in it, so that a rare combination of modalities
    weighs as much as a frequent one.
    """
    loss: Numbers = (sums_T / counts_T).sum()
    return loss


def encoder_of(
    modality: str, encoding: Encoding, backbone: Backbone | None, *, frozen_image: bool
) -> nn.Module:
    """Build an encoder of section 3.1."""
    if modality == "image":
        assert backbone is not None
        return ImageEncoder(backbone, frozen=frozen_image)
    if modality == "text":
        return TextEncoder(FIRST_ID + len(encoding.words))
    return TagsEncoder(FIRST_ID + len(encoding.tags))


def encoders_of(
    encoding: Encoding,
    backbone: Backbone | None,
    *,
    frozen_image: bool,
    modalities: Iterable[str] = MODALITIES,
) -> nn.ModuleDict:
    """Build the encoders of section 3.1 by modality."""
    return nn.ModuleDict(
        {
            modality: encoder_of(modality, encoding, backbone, frozen_image=frozen_image)
            for modality in modalities
        }
    )


def classifier(modalities: int, classes: int) -> nn.Sequential:
    """Return a classifier of section 3.1 over so many concatenated representations.

    The softmax is part of the loss and of prediction.
    """
    first, second = HIDDEN
    return nn.Sequential(
        nn.Linear(modalities * REPRESENTATION, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, classes),
    )


def scatter(values_NR: Tensor, rows: Tensor, size: int) -> Tensor:
    """Lay values out by the batch's rows; rows without one are zero and learn nothing."""
    if len(rows) == size:
        return values_NR
    return values_NR.new_zeros(size, *values_NR.shape[1:]).index_copy(0, rows, values_NR)
