"""A sentiment lexicon: how positive and how negative people have rated a text's words."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.features.packages import package_folder
from flickr_emotion.model.recipes import LEXICON

SCORES = ("neg", "neu", "pos", "compound")
"""VADER's names of its scores, in the order of the features."""


class LexiconReader:
    """VADER (Hutto and Gilbert 2014): how positive, neutral and negative a text's words are.

    Its lexicon was rated by people and handles emoticons, capitals and negation. The features are
    the three shares and the compound score.
    """

    name = LEXICON
    dimension = 4
    cut = 0
    longest = None

    def __init__(self) -> None:
        package_folder(
            "vaderSentiment",
            "--recipe best needs the package vaderSentiment: install the extra `pretrained` of "
            f"pyproject.toml, or give --without {LEXICON}",
        )
        from vaderSentiment import vaderSentiment  # type: ignore[import-untyped]

        self._analyser = vaderSentiment.SentimentIntensityAnalyzer()

    def digest(self) -> str:
        """Return the SHA-256 of the lexicon."""
        entries = sorted([*self._analyser.lexicon.items(), *self._analyser.emojis.items()])
        return hashlib.sha256(repr(entries).encode()).hexdigest()

    def features(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the features (N, 4) of texts."""
        scores = [self._analyser.polarity_scores(text) for text in texts]
        return np.array([[each[name] for name in SCORES] for each in scores], np.float32)
