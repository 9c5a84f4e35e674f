"""`fasttext` and `inception`: the text-only and image-only baselines of Duong et al. 2017.

Both put a linear classifier on a representation of one modality: the average of a text's word
vectors, which are trained too (the words are those of title and description; the baseline ignores
tags), or the features of an image network. They answer every subset that holds their modality, from
that modality alone, and no other subset.

Shapes in names: N posts that hold the modality, T words of all of them, E embedding, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.encoders import ImageEncoder, look_up
from flickr_emotion.model.networks.system import Flags, System, scatter
from flickr_emotion.model.posts.packing import Packed
from flickr_emotion.model.posts.posts import FIRST_ID, PADDING, Encoding, Posts


class AverageOfWords(nn.Module):
    """Averages a text's word vectors and classifies linearly."""

    def __init__(self, vocabulary_size: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, WORD_DIMENSION, padding_idx=PADDING)
        self.fc = nn.Linear(WORD_DIMENSION, classes)

    def forward(self, texts: Packed) -> Tensor:
        """Return the logits of texts, (N, C); padding is ignored."""
        real_T1 = (texts.ids_T != PADDING)[:, None]
        vectors_TE = look_up(self.embedding, texts.ids_T) * real_T1
        words_T = torch.arange(len(texts.ids_T), device=texts.ids_T.device)
        text_T = torch.searchsorted(texts.starts_N, words_T, right=True) - 1
        sums_NE = vectors_TE.new_zeros(len(texts), WORD_DIMENSION).index_add(0, text_T, vectors_TE)
        logits_NC: Tensor = self.fc(sums_NE / texts.lengths_N[:, None])
        return logits_NC


class UnimodalBaseline(System):
    """An encoder of one modality whose outputs are the logits."""

    def __init__(self, modality: str, encoder: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({modality: encoder})
        self._modality = modality

    def forward(self, batch: Batch, asked: Collection[str] | None = None) -> Mapping[str, Tensor]:
        """Answer each subset that holds the modality."""
        modality = self._modality
        if modality not in batch.inputs:
            return {}
        logits_NC = self.encoders[modality](batch.inputs[modality])
        logits_BC = scatter(logits_NC, batch.rows[modality], len(batch))
        return {
            subset: logits_BC[batch.rows[subset]]
            for subset in (self.subsets if asked is None else asked)
            if modality in subset.split("+") and len(batch.rows[subset])
        }

    @property
    def complete(self) -> None:
        """None: it reads one modality."""

    def holders(self, posts: Posts) -> dict[str, Flags]:
        """Posts that have the modality count."""
        return {self._modality: posts.present[self._modality]}

    def term_sums(self, answers: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the summed cross-entropy."""
        if self._modality not in answers:
            return {}
        targets = batch.targets[batch.rows[self._modality]]
        return {self._modality: cross_entropy(answers[self._modality], targets, reduction="sum")}

    def trained_by(self, term: str) -> Iterable[nn.Parameter]:
        """Return the linear classifier's parameters."""
        return self.encoders[term].get_submodule("fc").parameters()


def fasttext(encoding: Encoding) -> UnimodalBaseline:
    """Build the text-only baseline."""
    encoder = AverageOfWords(FIRST_ID + len(encoding.words), len(encoding.classes))
    return UnimodalBaseline("text", encoder)


def inception(encoding: Encoding, backbone: Backbone, *, frozen_image: bool) -> UnimodalBaseline:
    """Build the image-only baseline."""
    encoder = ImageEncoder(backbone, frozen=frozen_image, outputs=len(encoding.classes))
    return UnimodalBaseline("image", encoder)
