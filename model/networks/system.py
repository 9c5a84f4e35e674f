"""The interface of a system, as training, evaluation and prediction use it.

A system answers a batch and names the terms of its loss. A term is a mean over the posts that have
what it needs. The training loop counts these over a whole step, so that the parts of a step
(several forward passes, several processes) sum to its loss; validation counts them over the split.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
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

    _untaught: frozenset[str] = frozenset()

    losses = ("", "")
    """What the training and the validation loss are, if they differ and cannot be compared."""

    by_length = True
    """Whether batches group texts of similar length, which saves time where words are read."""

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Mapping[str, Tensor]:
        """Return logits by subset, (N, C): those of the posts at ``batch.rows[subset]``.

        Only subsets in ``asked`` are computed, by default all ``subsets``. A subset that the system
        does not answer, or that no post holds, is missing. In training a system may answer only
        what its loss needs.
        """
        raise NotImplementedError

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """Return, for each term of the loss, which posts count in its mean."""
        raise NotImplementedError

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return, for each term that posts of the batch count in, the sum over these posts.

        ``answers`` is what ``forward`` returned for the batch.
        """
        raise NotImplementedError

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return some parameters that get a gradient from a term, whatever the posts."""
        raise NotImplementedError

    def loss(self, answers: Any, batch: Batch, counts: Mapping[str, int]) -> Tensor:
        """Return the batch's part of the loss of a step, a scalar; the parts sum to the loss.

        ``counts`` gives, by term, how many posts of the whole step count in it, not only the
        batch's. Terms without posts are omitted, so that they give no gradient.
        """
        sums = {t: total for t, total in self.term_sums(answers, batch).items() if counts[t]}
        counts_T = torch.tensor([counts[term] for term in sums])
        if batch.labels_B.is_cuda:  # a copy from unpinned memory would wait for earlier kernels
            counts_T = counts_T.pin_memory().to(batch.labels_B.device, non_blocking=True)
        return sum_of_means(torch.stack(list(sums.values())), counts_T)

    @property
    def modalities(self) -> list[str]:
        """The modalities that the system reads."""
        read = {modality for subset in self.subsets for modality in subset.split("+")}
        return [m for m in MODALITIES if m in self.encoders and m in read]

    @property
    def subsets(self) -> list[str]:
        """The subsets that the system answers, in the order of ``SUBSETS``."""
        return [subset for subset in self.built_for() if subset not in self._untaught]

    def built_for(self) -> list[str]:
        """Return the subsets that the network could answer, taught or not.

        By default those with a modality that has an encoder.
        """
        return [s for s in SUBSETS if any(m in self.encoders for m in s.split("+"))]

    @property
    def complete(self) -> "System | None":
        """The network whose taught head of all modalities reads its encoders' outputs, (N, D).

        None if there is none, so that nothing can be filled in for an absent modality.
        """
        return self if COMPLETE in self.subsets else None

    def leave_out_untaught(self, training_posts: Mapping[str, int]) -> None:
        """From now on, answer only what training posts have taught.

        ``training_posts``: how many training posts hold each subset.
        """
        self._untaught = frozenset(
            subset for subset in self.built_for() if not self._is_taught(subset, training_posts)
        )

    def _is_taught(self, subset: str, training_posts: Mapping[str, int]) -> bool:
        """Return whether training posts taught a subset.

        By default the subsets share one classifier, so each encoder must have had posts.
        """
        return all(training_posts[m] > 0 for m in subset.split("+") if m in self.encoders)

    @property
    def backbone(self) -> Backbone | None:
        """The image encoder without its last layer; None if the system reads no pictures."""
        if "image" not in self.modalities:
            return None
        encoder = self.encoders["image"]
        assert isinstance(encoder, ImageEncoder)
        return encoder.backbone

    @property
    def word_embedding(self) -> nn.Embedding | None:
        """The word vectors, which a file may initialise; None if the system reads no texts."""
        if "text" not in self.encoders:
            return None
        embedding = self.encoders["text"].embedding
        assert isinstance(embedding, nn.Embedding)
        return embedding


def sum_of_means(sums_T: Numbers, counts_T: Numbers) -> Numbers:
    """Return a system's loss, a scalar: the sum of its terms' means (section 3.2).

    A term's mean is over the posts that count in it, so that a rare combination of modalities has
    the same weight as a frequent one.
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
    """Return a classifier of section 3.1 over ``modalities`` concatenated representations.

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


def repeated(targets: Tensor, times: int) -> Tensor:
    """Return the targets of posts, labels (B,) or distributions (B, C), several times over."""
    return targets.repeat(times, *[1] * (targets.dim() - 1))


def scatter(values_NR: Tensor, rows: Tensor, size: int) -> Tensor:
    """Place values at the batch's rows; other rows are zero and get no gradient."""
    if len(rows) == size:
        return values_NR
    return values_NR.new_zeros(size, *values_NR.shape[1:]).index_copy(0, rows, values_NR)


def joined_logits(logits: Tensor, others: Tensor, share: float) -> Tensor:
    """Return the logarithms of the mean of two answers' probabilities, (..., C).

    ``share`` is the weight of the ``others``.
    """
    mean = torch.lerp(softmax(logits.float(), dim=-1), softmax(others.float(), dim=-1), share)
    return mean.clamp(min=torch.finfo(torch.float32).tiny).log()
