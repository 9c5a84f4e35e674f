"""MiniLM with the layers that a run has trained on its own posts (`train --finetune-text`).

To the rest of the program it is one more reader of texts and tags, whose features are scores of the
classes (``tuned_text.py`` beside this module), but that it reads a post's text and tags together
too. The run's network holds its trained layers; the vectors of the tokens, and the tokenizer, are
those of the package. Torch is imported where it reads.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from flickr_emotion.model.engines.kept_graphs import digest_of_weights
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.texts.minilm import open_minilm
from flickr_emotion.model.features.texts.sentences import EncoderReader, SentenceReader
from flickr_emotion.model.recipes import TUNED

if TYPE_CHECKING:
    from torch import Tensor

    from flickr_emotion.model.features.texts.tuned_text import TunedText

Weights = Mapping[str, npt.NDArray[Any]]


class TunedReader(EncoderReader):
    """A reader with the weights of a run."""

    name = TUNED
    masked = True

    def __init__(self, weights: Weights, classes: int, engine: str) -> None:
        """``weights``: those of ``TunedText.tuned``, contiguous, by name.

        ``engine`` says what runs it (``model/engines/choice.py``).
        """
        base = open_minilm()
        super().__init__(
            lambda: (_network(base, weights, classes), base.tokenizer),
            longest=base.longest,
            files=base.files,
            pooling=digest_of_weights(TUNED, weights, {}),
        )
        self.dimension = classes
        self.engine = engine

    def pooled(self, tokens: Any) -> "Tensor":
        """Return the scores (N, C) of tokenized texts."""
        scores: Tensor = self.network(tokens["input_ids"], tokens["attention_mask"])
        return scores


def new_tuned_text(base: SentenceReader, classes: int) -> "TunedText":
    """Return MiniLM as it is published, with scores that are all zero."""
    import copy

    from flickr_emotion.model.features.texts.tuned_text import TunedText

    return TunedText(copy.deepcopy(base.network), classes)


def contiguous(weights: Mapping[str, "Tensor"]) -> Weights:
    """Return weights as a reader takes them."""
    return {name: values.cpu().contiguous().numpy() for name, values in weights.items()}


def _network(base: SentenceReader, weights: Weights, classes: int) -> "TunedText":
    import torch

    network = new_tuned_text(base, classes)
    held = {name: torch.from_numpy(values) for name, values in weights.items()}
    try:
        network.tuned().load_state_dict(held)
    except RuntimeError:
        raise ModelError(
            "the run's sentence encoder is not MiniLM of this version: train again"
        ) from None
    return network
