"""The multimodal multitask network of Pagé Fortin and Chaib-draa (2019), section 3.

Three encoders turn what a post carries into representations of 300 numbers; seven classifiers, one
for each subset of the modalities, answer from the representations that are there. Training adds up
the seven losses, so that a post trains whatever it has the modalities for, and a post that lacks
some can be answered by the head of what it has.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from datasets.modalities import MODALITIES, SUBSETS
from model.batches import Batch
from model.encoders import REPRESENTATION, ImageEncoder, TagsEncoder, TextEncoder
from model.image_backbones import Backbone
from model.posts import FIRST_ID, Encoding

HIDDEN = (256, 128)


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


class MultitaskNetwork(nn.Module):
    """Three encoders and seven heads."""

    def __init__(self, encoding: Encoding, backbone: Backbone, *, frozen_image: bool) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                "image": ImageEncoder(backbone, frozen=frozen_image),
                "text": TextEncoder(FIRST_ID + len(encoding.words)),
                "tags": TagsEncoder(FIRST_ID + len(encoding.tags)),
            }
        )
        self.heads = nn.ModuleDict(
            {
                subset: classifier(len(subset.split("+")), len(encoding.classes))
                for subset in SUBSETS
            }
        )

    @property
    def text_encoder(self) -> TextEncoder:
        """The encoder whose word vectors a file may fill."""
        encoder = self.encoders["text"]
        assert isinstance(encoder, TextEncoder)
        return encoder

    @property
    def backbone(self) -> Backbone:
        """The image encoder without its last layer."""
        encoder = self.encoders["image"]
        assert isinstance(encoder, ImageEncoder)
        return encoder.backbone

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return each head's logits for the posts at ``batch.rows[subset]``.

        An encoder runs only on the posts that have its modality, a head only on those that have
        all of its own; a subset that no post of the batch holds is missing in the answer.
        """
        representations = {
            modality: _scatter(
                self.encoders[modality](batch.inputs[modality]), batch.rows[modality], len(batch)
            )
            for modality in MODALITIES
            if modality in batch.inputs
        }
        logits = {}
        for subset, head in self.heads.items():
            rows = batch.rows[subset]
            if len(rows):
                held = [representations[modality] for modality in subset.split("+")]
                logits[subset] = head(_gather(torch.cat(held, dim=1), rows))
        return logits

    def loss(
        self, logits: dict[str, Tensor], batch: Batch, counts: Mapping[str, int] | None = None
    ) -> Tensor:
        """Section 3.2: the sum over the heads of their mean cross-entropy.

        The mean is over those posts of the batch that have the head's modalities, so that a rare
        combination weighs as much as a frequent one; a head without any adds nothing. Where the
        batch is a part of a step, ``counts`` says how many posts of the step each head has: the
        parts' losses then add up to the step's.
        """
        terms = [
            nn.functional.cross_entropy(
                head_logits, _gather(batch.labels_B, batch.rows[subset]), reduction="sum"
            )
            / (counts[subset] if counts else len(head_logits))
            for subset, head_logits in logits.items()
        ]
        return torch.stack(terms).sum()


def _scatter(values: Tensor, rows: Tensor, size: int) -> Tensor:
    """Lay representations out by the batch's rows; rows without one are never read."""
    if len(rows) == size:
        return values
    return values.new_zeros(size, values.shape[1]).index_copy(0, rows, values)


def _gather(values: Tensor, rows: Tensor) -> Tensor:
    return values if len(rows) == len(values) else values.index_select(0, rows)
