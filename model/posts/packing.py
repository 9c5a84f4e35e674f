"""Lists of different lengths laid end to end, as the encoders of words and tags take them.

No list is padded to the length of another, so a batch costs what it holds.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.model.posts.posts import PADDING, Integers

WINDOWS = (3, 4, 5)
"""Words in the windows of the text encoder's convolutions: a text has room for the longest."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """N lists of ids, T ids in all."""

    ids_T: Tensor  # noqa: N815 (shapes in names)
    starts_N: Tensor  # noqa: N815
    """Where each list starts; the first starts at 0, and none is empty."""
    lengths_N: Tensor  # noqa: N815
    """The number of ids of each list; padding may stand behind them, up to the next start."""
    longest: int
    """The longest list's length: known here, a device need not be asked for it."""
    features_ND: Tensor | None = None  # noqa: N815
    """What frozen readers made of the lists, where the recipe has some."""

    def __len__(self) -> int:
        return len(self.starts_N)

    def to(self, device: torch.device) -> "Packed":
        """Return the lists on a device."""
        return Packed(
            ids_T=self.ids_T.to(device, non_blocking=True),
            starts_N=self.starts_N.to(device, non_blocking=True),
            lengths_N=self.lengths_N.to(device, non_blocking=True),
            longest=self.longest,
            features_ND=None
            if self.features_ND is None
            else self.features_ND.to(device, non_blocking=True),
        )


def pack(ids: Integers, starts: Integers, chosen: Integers, *, least: int = 1) -> Packed:
    """Take some of many lists; those shorter than ``least`` are padded up to it.

    ``ids`` holds all lists end to end, list n from ``starts[n]`` to ``starts[n + 1]``.
    """
    lengths = starts[chosen + 1] - starts[chosen]
    room = np.maximum(lengths, least)
    ends = np.cumsum(room)
    offsets = np.arange(ends[-1]) - np.repeat(ends - room, room)
    source = np.repeat(starts[chosen], room) + offsets
    packed = ids[np.minimum(source, len(ids) - 1)]
    packed[offsets >= np.repeat(lengths, room)] = PADDING
    return Packed(
        ids_T=torch.from_numpy(packed),
        starts_N=torch.from_numpy(ends - room),
        lengths_N=torch.from_numpy(lengths),
        longest=int(lengths.max()),
    )
