"""`mmtrans-mt`: a transformer over the modalities' sequences, with two tasks (Shen et al. 2021).

Words, tags and the picture become a sequence of vectors of one length, with attention between all
of them. From the output at a learnt first vector, one layer predicts the category and another a
dimension. The dimension is VSO's sentiment value where posts have one and, for the eight emotions,
their valence: 1 for the four pleasant ones, -1 for the four unpleasant ones. Without either, the
second task is off.

We have only the paper's abstract, so the sizes are ours: small enough for a few thousand posts. The
paper fuses words, audio and video; here a picture is a sequence of one vector, its backbone's
features, because these are computed once and shared with all systems. Word positions are learnt;
tags have none.

Shapes in names: N posts, L positions in a sequence, D size of a vector, T words or tags, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import TAG_DIMENSION, ImageEncoder, look_up
from flickr_emotion.model.networks.fusion import CATEGORY, FusedAnswers, FusionSystem
from flickr_emotion.model.networks.system import Flags, scatter
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.posts.posts import FIRST_ID, PADDING, Encoding, Posts

WIDTH = 128
ATTENTION_HEADS = 4
LAYERS = 2
DROPOUT = 0.1

DIMENSION = "dimension"
VALENCES = dict.fromkeys(("amusement", "awe", "contentment", "excitement"), 1.0) | dict.fromkeys(
    ("anger", "disgust", "fear", "sadness"), -1.0
)


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """One sequence for each post."""

    vectors_NLD: Tensor  # noqa: N815 (shapes in names)
    mask_NL: Tensor  # noqa: N815
    """The mask: which positions are not padding."""

    def of(self, rows: Tensor) -> "Sequences":
        """Return the sequences of the posts at ``rows``."""
        return Sequences(vectors_NLD=self.vectors_NLD[rows], mask_NL=self.mask_NL[rows])


class TokenEncoder(nn.Module):
    """Projects the vectors of words or tags to the transformer's width."""

    def __init__(self, vocabulary_size: int, dimension: int, places: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, dimension, padding_idx=PADDING)
        self.fc = nn.Linear(dimension, WIDTH)
        # A parameter, not an embedding: its gradient is as long as a batch's longest list.
        self.places_LD = nn.Parameter(torch.randn(places, WIDTH) * 0.02) if places else None

    def forward(self, lists: Packed) -> Sequences:
        """Return lists as sequences, padded to the longest."""
        offsets_L = torch.arange(lists.longest, device=lists.ids_T.device)
        last_N1 = lists.lengths_N[:, None] - 1
        places_NL = lists.starts_N[:, None] + torch.minimum(offsets_L, last_N1)
        vectors_NLD = self.fc(look_up(self.embedding, lists.ids_T[places_NL]))
        if self.places_LD is not None:
            vectors_NLD = vectors_NLD + self.places_LD[: lists.longest]
        return Sequences(vectors_NLD=vectors_NLD, mask_NL=offsets_L <= last_N1)


class TransformerFusion(FusionSystem[Sequences]):
    """A transformer over the sequences that are present, with two tasks."""

    def __init__(
        self, encoding: Encoding, backbone: Backbone | None, *, frozen_image: bool
    ) -> None:
        super().__init__()
        assert backbone is not None
        self.encoders = nn.ModuleDict(
            {
                "image": ImageEncoder(backbone, frozen=frozen_image, outputs=WIDTH),
                "text": TokenEncoder(FIRST_ID + len(encoding.words), WORD_DIMENSION, MAX_WORDS),
                "tags": TokenEncoder(FIRST_ID + len(encoding.tags), TAG_DIMENSION, 0),
            }
        )
        self.kinds_MD = nn.Parameter(torch.randn(len(MODALITIES), WIDTH) * 0.02)
        """Learnt vectors that mark each modality."""
        self.first_D = nn.Parameter(torch.randn(WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, ATTENTION_HEADS, 4 * WIDTH, DROPOUT, batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(
            layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.category = nn.Linear(WIDTH, len(encoding.classes))
        self.dimension = nn.Linear(WIDTH, 1)
        self._valences = [VALENCES.get(name, np.nan) for name in encoding.classes]

    @property
    def complete(self) -> None:
        """None: it reads sequences, in which an absent modality has no place to fill."""

    def represent(self, batch: Batch) -> dict[str, Sequences]:
        """Return each modality's sequences, with a row for each post of the batch."""
        represented = {}
        read = self.modalities
        for kind_D, modality in zip(self.kinds_MD, MODALITIES, strict=True):
            if modality not in batch.inputs or modality not in read:
                continue
            encoded = self.encoders[modality](batch.inputs[modality])
            if not isinstance(encoded, Sequences):  # a picture
                there_N1 = torch.ones(len(encoded), 1, dtype=torch.bool, device=encoded.device)
                encoded = Sequences(vectors_NLD=encoded[:, None], mask_NL=there_N1)
            rows = batch.rows[modality]
            represented[modality] = Sequences(
                vectors_NLD=scatter(encoded.vectors_NLD + kind_D, rows, len(batch)),
                mask_NL=scatter(encoded.mask_NL, rows, len(batch)),
            )
        return represented

    def fuse(self, parts: dict[str, Sequences], modalities: list[str], rows_N: Tensor) -> Tensor:
        """Return the category's logits followed by the dimension, from the given modalities."""
        held = [parts[modality].of(rows_N) for modality in modalities]
        first_N1D = self.first_D.expand(len(rows_N), 1, WIDTH)
        always_N1 = held[0].mask_NL.new_ones(len(rows_N), 1)
        gathered_NLD = self.transformer(
            torch.cat([first_N1D, *(part.vectors_NLD for part in held)], dim=1),
            src_key_padding_mask=~torch.cat([always_N1, *(part.mask_NL for part in held)], dim=1),
        )
        gathered_ND = gathered_NLD[:, 0]
        return torch.cat([self.category(gathered_ND), self.dimension(gathered_ND)], dim=1)

    def forward(
        self, batch: Batch, asked: Collection[str] | None = None
    ) -> FusedAnswers[Sequences]:
        """Answer each subset that posts hold; in training, each post by its own subset only."""
        both = super().forward(batch, asked)
        return TwoAnswers(
            logits={subset: values[:, :-1] for subset, values in both.logits.items()},
            dimensions={subset: values[:, -1] for subset, values in both.logits.items()},
            rows=both.rows,
            held_B=both.held_B,
            parts=both.parts,
        )

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """The dimension's term covers the posts whose dimension is known."""
        answered = super().holders(posts)
        return answered | {DIMENSION: answered[CATEGORY] & ~np.isnan(self._dimensions(posts))}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropy and the summed squared error of the dimension."""
        if not answers:
            return {}
        sums = super().term_sums(answers, batch)
        wanted_B = self._dimensions_of_batch(batch)
        errors = []
        for subset, found_N in answers.dimensions.items():
            own = answers.own(subset)
            difference_N = found_N[own] - wanted_B[answers.rows[subset][own]]
            errors.append(torch.nan_to_num(difference_N).square().sum())
        return sums | {DIMENSION: torch.stack(errors).sum()}

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return a task's last layer."""
        return (self.category if term == CATEGORY else self.dimension).parameters()

    def _dimensions(self, posts: Posts) -> np.typing.NDArray[np.float64]:
        """Return each post's dimension, NaN if unknown."""
        by_label = np.array(self._valences)[posts.labels]
        if posts.sentiments is None:
            return by_label
        return np.where(np.isnan(posts.sentiments), by_label, posts.sentiments)

    def _dimensions_of_batch(self, batch: Batch) -> Tensor:
        valences_C = torch.tensor(self._valences, device=batch.labels_B.device)
        by_label_B = valences_C[batch.labels_B]
        if batch.sentiments_B is None:
            return by_label_B
        return torch.where(batch.sentiments_B.isnan(), by_label_B, batch.sentiments_B)


@dataclass(frozen=True, kw_only=True)
class TwoAnswers(FusedAnswers[Sequences]):
    """The category's logits, and the dimension."""

    dimensions: dict[str, Tensor]
    """By subset, (N,)."""
