"""The paper's encoders of words and tags (section 3.1), computed by numpy from a run's weights.

Shapes in names: N posts that have the modality, T words or tags of all of them, V words of the
vocabulary, E size of an embedding, G weights of all places in all windows, P positions of a window,
R size of a representation, F feature maps.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.features.texts.views import Floats
from flickr_emotion.model.posts.posts import PADDING, WINDOWS, Integers, Posts

Weights = Mapping[str, npt.NDArray[Any]]

MOST_PRODUCTS = 20_000
"""Of so many words of a vocabulary the products are kept: 4.8 kB each."""
WORDS_PER_BLOCK = 1024


def read_tags(weights: Weights, name: str, posts: Posts) -> Floats:
    """Return the maximum over each post's tags of their feature maps, (N, F)."""
    vectors_TE = weights[f"{name}.embedding.weight"][posts.tags]
    weight_FE = weights[f"{name}.convolution.weight"][:, :, 0]
    maps_TF = np.maximum(vectors_TE @ weight_FE.T + weights[f"{name}.convolution.bias"], 0)
    starts_N = posts.tag_starts[:-1][posts.present["tags"]]
    maximum: Floats = np.maximum.reduceat(maps_TF, starts_N, axis=0)
    return maximum


class Words:
    """The text encoder of section 3.1."""

    def __init__(self, weights: Weights, name: str) -> None:
        self._weights, self._name = weights, name
        self._embedding_VE = weights[f"{name}.embedding.weight"]
        convolutions = [f"{name}.convolutions.{number}" for number in range(len(WINDOWS))]
        self._places_GE = np.concatenate(
            [
                weights[f"{convolution}.weight"][:, :, place]
                for convolution, window in zip(convolutions, WINDOWS, strict=True)
                for place in range(window)
            ]
        )
        self._biases = [weights[f"{convolution}.bias"] for convolution in convolutions]
        count = len(self._embedding_VE)
        # A word's products with all weights are the same wherever it stands. Rows that no text
        # needs are never written, so they take no memory.
        self._products_VG = np.zeros((min(count, MOST_PRODUCTS), len(self._places_GE)), np.float32)
        self._is_known_V = np.arange(count) == PADDING  # whose products are zeros

    def read(self, posts: Posts) -> Floats:
        """Return the representations of the posts' texts, (N, R)."""
        has_text = posts.present["text"]
        lengths_N, starts_N = posts.text_lengths[has_text], posts.word_starts[:-1][has_text]
        ends_N = np.cumsum(lengths_N)
        pools = []
        at = 0
        while at < len(lengths_N):  # some texts at a time: their maps then stay in the cache
            most = ends_N[at] - lengths_N[at] + WORDS_PER_BLOCK
            end = max(at + 1, int(np.searchsorted(ends_N, most)))
            ids_T, firsts_N = _laid_out(posts.words, starts_N[at:end], lengths_N[at:end])
            pools.append(_pooled(self._products(ids_T), firsts_N, lengths_N[at:end], self._biases))
            at = end
        return linear(self._weights, f"{self._name}.fc", np.concatenate(pools))

    def _products(self, ids_T: Integers) -> Floats:
        """Return the products of words with the weights of every place in every window."""
        if len(self._embedding_VE) > MOST_PRODUCTS:
            vectors_TE = self._embedding_VE[ids_T]
            vectors_TE[ids_T == PADDING] = 0
            direct_TG: Floats = vectors_TE @ self._places_GE.T
            return direct_TG
        new = np.unique(ids_T[~self._is_known_V[ids_T]])
        if len(new):
            self._products_VG[new] = self._embedding_VE[new] @ self._places_GE.T
            self._is_known_V[new] = True
        return self._products_VG[ids_T]


def _laid_out(
    words: Integers, starts_N: Integers, lengths_N: Integers
) -> tuple[Integers, Integers]:
    """Return the texts' ids end to end, short ones padded to the longest window, and their starts.

    Behind the last one there is padding too, for windows that begin in it.
    """
    longest = max(WINDOWS)
    room_N = np.maximum(lengths_N, longest)
    firsts_N = np.cumsum(room_N) - room_N
    ids_T = np.zeros(int(room_N.sum()) + longest - 1, np.int64)
    offsets = np.arange(int(lengths_N.sum())) - np.repeat(
        np.cumsum(lengths_N) - lengths_N, lengths_N
    )
    ids_T[np.repeat(firsts_N, lengths_N) + offsets] = words[
        np.repeat(starts_N, lengths_N) + offsets
    ]
    return ids_T, firsts_N


def _pooled(
    products_TG: Floats, firsts_N: Integers, lengths_N: Integers, biases: Sequence[Floats]
) -> Floats:
    """Return maximum, average and minimum of each convolution's maps over each text.

    ``products_TG``: of the words laid out, with the weights of each place in each window.
    """
    count = len(products_TG) - max(WINDOWS) + 1
    pools, column = [], 0
    for window, bias_F in zip(WINDOWS, biases, strict=True):
        maps_TF = np.broadcast_to(bias_F, (count, len(bias_F))).copy()
        for place in range(window):
            maps_TF += products_TG[place : place + count, column : column + len(bias_F)]
            column += len(bias_F)
        np.maximum(maps_TF, 0, out=maps_TF)
        positions_N = np.maximum(lengths_N - window + 1, 1)
        ends_N = np.cumsum(positions_N)
        begins_N = ends_N - positions_N
        own = np.arange(ends_N[-1]) + np.repeat(firsts_N - begins_N, positions_N)
        real_PF = maps_TF[own]
        pools += [
            np.maximum.reduceat(real_PF, begins_N, axis=0),
            np.add.reduceat(real_PF, begins_N, axis=0) / positions_N[:, None].astype(np.float32),
            np.minimum.reduceat(real_PF, begins_N, axis=0),
        ]
    return np.concatenate(pools, axis=1)


def linear(weights: Weights, name: str, values_BD: Floats) -> Floats:
    """Apply a linear layer."""
    product: Floats = values_BD @ weights[f"{name}.weight"].T
    return product + weights[f"{name}.bias"]
