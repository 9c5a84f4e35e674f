"""The paper's network and the best recipe's, computed by numpy from a run's weights.

A text takes a millisecond of arithmetic, and torch takes seconds to import. The networks are those
of ``model/networks/multitask.py`` and ``model/networks/recipe_network.py`` in evaluation mode; a
test compares the answers for every subset.

Shapes in names: B posts, N of which have the modality in question, D features, R size of a
representation, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.texts.readers import READ
from flickr_emotion.model.features.texts.views import TUNED_VIEWS, Floats
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding, Integers, Post, Posts, encode
from flickr_emotion.model.prediction.plain_encoders import Weights, Words, linear, read_tags
from flickr_emotion.model.recipes import SHARE_OF_REGRESSION, SHARE_OF_TUNED

_SUBSET = "|".join(map(re.escape, SUBSETS))
_KNOWN = re.compile(
    rf"heads\.({_SUBSET})\.[024]\.(weight|bias)|encoders\.(image|text|tags)\..+"
    rf"|classifiers\.heads\.({_SUBSET})\.[147]\.(weight|bias)"
    r"|classifiers\.(layers|direct)\.(image|text|tags)\.(weight|bias)"
    r"|regression\.(image|text|tags|bias_HC)"
)
"""The names of the weights that are read here; a run with others is another network's."""


class PlainNetwork:
    """A network of numpy arrays."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._words: Words | None = None

    def fits(self, encoding: Encoding, heads: Sequence[str]) -> bool:
        """Return whether the weights are those of the network: a post is answered to try them."""
        if not all(_KNOWN.fullmatch(name) for name in self._weights):
            return False
        posts = encode(
            [Post(photo_id="", text="a", tags=["a"], has_image=True, label=None)], encoding
        )
        try:
            frozen = {modality: self._blank(modality) for modality in _modalities(heads)}
            rows = {head: np.zeros(1, np.int64) for head in heads}
            found = self.logits(posts, frozen, rows)
        except (KeyError, IndexError, ValueError):
            return False
        sizes = {
            len(encoding.words) + FIRST_ID: "encoders.text.embedding.weight",
            len(encoding.tags) + FIRST_ID: "encoders.tags.embedding.weight",
        }
        known = [
            len(self._weights[name]) == size
            for size, name in sizes.items()
            if name in self._weights
        ]
        # numpy would repeat a bias of one number.
        known += [
            len(values) == len(self._weights.get(name.replace(".bias", ".weight"), ()))
            for name, values in self._weights.items()
            if name.endswith(".bias")
        ]
        return all(known) and all(
            logits.shape == (1, len(encoding.classes)) for logits in found.values()
        )

    def _blank(self, modality: str) -> Floats:
        """Return features of a post, all zeros."""
        raise NotImplementedError

    def _read_lists(self, name: str, modality: str, posts: Posts) -> Floats:
        if modality == "tags":
            return read_tags(self._weights, name, posts)
        if self._words is None:
            self._words = Words(self._weights, name)
        return self._words.read(posts)

    def logits(
        self, posts: Posts, frozen: Mapping[str, Floats], rows: Mapping[str, Integers]
    ) -> dict[str, Floats]:
        """Return, by head, the logits (N, C) of the posts at ``rows[head]``.

        ``frozen``: by modality, frozen features of the posts that have it, (N, D): of pictures,
        and with the best recipe of texts and tags. ``rows``: by head, some of the posts that hold
        its modalities.
        """
        raise NotImplementedError


class PaperNetwork(PlainNetwork):
    """Three encoders and a head for each subset."""

    def _blank(self, modality: str) -> Floats:
        size = self._weights["encoders.image.fc.weight"].shape[1] if modality == "image" else 0
        return np.zeros((1, size), np.float32)

    def logits(
        self, posts: Posts, frozen: Mapping[str, Floats], rows: Mapping[str, Integers]
    ) -> dict[str, Floats]:
        """Return the heads' logits."""
        places = _places(posts)
        representations_NR = {
            modality: self._representations(modality, posts, frozen)
            for modality in _modalities(rows)
        }
        return {
            head: _layers(
                self._weights,
                [f"heads.{head}.{number}" for number in (0, 2, 4)],
                np.concatenate(
                    [representations_NR[m][places[m][chosen]] for m in head.split("+")], axis=1
                ),
            )
            for head, chosen in rows.items()
        }

    def _representations(self, modality: str, posts: Posts, frozen: Mapping[str, Floats]) -> Floats:
        if modality == "image":
            return linear(self._weights, "encoders.image.fc", frozen["image"])
        return self._read_lists(f"encoders.{modality}", modality, posts)


class RecipeNetwork(PlainNetwork):
    """Standardised frozen features, shallow heads, and a regression beside them."""

    def __init__(self, weights: Weights, *, scores: int = 0) -> None:
        """``scores``: how many numbers of a trained reader follow the frozen features of texts."""
        super().__init__(weights)
        self._scores = scores
        self._is_shallow = "classifiers.heads.text.4.weight" not in weights
        self._has_regression = "regression.bias_HC" in weights

    def logits(
        self, posts: Posts, frozen: Mapping[str, Floats], rows: Mapping[str, Integers]
    ) -> dict[str, Floats]:
        """Return the heads' logits."""
        weights, places = self._weights, _places(posts)
        scaled, inputs, representations_NR = {}, {}, {}
        for modality in _modalities(rows):
            scaled[modality] = self._scaled(modality, posts, frozen)
            inputs[modality] = self._inputs(modality, posts, scaled[modality])
            layer = linear(weights, f"classifiers.layers.{modality}", inputs[modality])
            representations_NR[modality] = np.maximum(layer, 0) if self._is_shallow else layer
        found = {}
        for head, chosen in rows.items():
            held = {modality: places[modality][chosen] for modality in head.split("+")}
            joined_BR = np.concatenate(
                [representations_NR[m][at] for m, at in held.items()], axis=1
            )
            names = [
                f"classifiers.heads.{head}.{n}" for n in ((1,) if self._is_shallow else (1, 4, 7))
            ]
            logits_BC = _layers(weights, names, joined_BR)
            for modality, at in held.items():
                direct = weights.get(f"classifiers.direct.{modality}.weight")
                if direct is not None:
                    logits_BC = logits_BC + inputs[modality][at] @ direct.T
            if self._has_regression:
                scores_BC = weights["regression.bias_HC"][SUBSETS.index(head)] + sum(
                    scaled[m][at] @ weights[f"regression.{m}"] for m, at in held.items()
                )
                logits_BC = _joined(logits_BC, scores_BC, SHARE_OF_REGRESSION)
            read = [modality for modality in READ if modality in held]
            if self._scores and read:
                tuned_NC = self._tuned(frozen[read[0]], together=len(read) == len(READ))
                logits_BC = _joined(logits_BC, tuned_NC[held[read[0]]], SHARE_OF_TUNED)
            found[head] = logits_BC
        return found

    def _blank(self, modality: str) -> Floats:
        origin_D = self._weights[f"encoders.{modality}.scale.origin_D"]
        scores = self._scores if modality in READ else 0
        return np.zeros((1, int(origin_D.max(initial=-1)) + 1 + scores), np.float32)

    def _tuned(self, frozen_ND: Floats, *, together: bool) -> Floats:
        """Return the trained reader's scores (N, C): of a modality alone, or of text and tags."""
        alone_NC, together_NC = np.split(frozen_ND[:, -self._scores :], TUNED_VIEWS, axis=1)
        return together_NC if together else alone_NC

    def _scaled(self, modality: str, posts: Posts, frozen: Mapping[str, Floats]) -> Floats:
        name = f"encoders.{modality}.scale"
        origin_D = self._weights[f"{name}.origin_D"]
        raw_ND = frozen.get(modality)
        if raw_ND is None:
            raw_ND = np.zeros((int(posts.present[modality].sum()), 0), np.float32)
        standard_ND: Floats = (
            raw_ND[:, origin_D] - self._weights[f"{name}.mean_D"]
        ) * self._weights[f"{name}.factor_D"]
        return standard_ND

    def _inputs(self, modality: str, posts: Posts, scaled_ND: Floats) -> Floats:
        name = f"encoders.{modality}.trained"
        if f"{name}.embedding.weight" not in self._weights:
            return scaled_ND
        trained_NR = self._read_lists(name, modality, posts)
        return np.concatenate([scaled_ND, trained_NR], axis=1)


def _modalities(heads: Iterable[str]) -> list[str]:
    """Return the modalities of the heads that have a post to answer."""
    return [m for m in ("image", "text", "tags") if any(m in head.split("+") for head in heads)]


def _places(posts: Posts) -> dict[str, Integers]:
    """Return, by modality, the place of each post among those that have it."""
    return {modality: np.cumsum(held) - 1 for modality, held in posts.present.items()}


def _layers(weights: Weights, names: Sequence[str], values_BD: Floats) -> Floats:
    """Apply linear layers with ReLU between them."""
    for number, name in enumerate(names):
        if number:
            values_BD = np.maximum(values_BD, 0)
        values_BD = linear(weights, name, values_BD)
    return values_BD


def _joined(logits_BC: Floats, others_BC: Floats, share: float) -> Floats:
    """Return the logarithms of the mean of two answers' probabilities."""
    mean_BC = (1 - share) * _softmax(logits_BC) + share * _softmax(others_BC)
    logarithms: Floats = np.log(np.maximum(mean_BC, np.finfo(np.float32).tiny))
    return logarithms


def _softmax(logits_BC: Floats) -> Floats:
    raised_BC = np.exp(logits_BC - logits_BC.max(1, keepdims=True))
    shares: Floats = raised_BC / raised_BC.sum(1, keepdims=True)
    return shares
