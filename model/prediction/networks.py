"""What a predictor asks of a run's network, whatever computes the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.features.picture_sizes import PictureSizes
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.features.texts.views import Floats
from flickr_emotion.model.posts.posts import Encoding, Integers, Posts


@dataclass(frozen=True, kw_only=True)
class ReadPosts:
    """Posts that were read, B of them."""

    posts: Posts
    pictures: Sequence[npt.NDArray[np.uint8]]
    """Pictures (side, side, 3) of the posts that have one, in their order."""
    texts: Mapping[str, Sequence[Floats]] | None
    """By modality, each reader's features (B, D); None for a run without readers."""


class AnsweringNetwork(Protocol):
    """A run's network with its readers."""

    encoding: Encoding
    readers: list[TextReader]
    ranking: tuple[str, ...]
    """The heads, the preferred ones last (``model/runs/heads.py``)."""

    @property
    def sizes(self) -> PictureSizes | None:
        """How pictures are prepared; None if it reads none."""

    def logits(self, read: ReadPosts, rows: Mapping[str, Integers]) -> dict[str, Floats]:
        """Return, by head, its logits (N, C) for the posts at ``rows[head]``.

        ``rows``: by head, in increasing order, some of the posts that hold its modalities.
        """
