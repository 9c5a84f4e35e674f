"""Lists of different lengths laid end to end, as the encoders of words and tags take them.

Nothing is padded to the longest list, so a batch costs no more than its contents.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.model.posts.posts import PADDING, Integers


@dataclass(frozen=True, kw_only=True)
class Packed:
    """N lists of ids, T ids in all."""

    ids_T: Tensor  # noqa: N815 (shapes in names)
    starts_N: Tensor  # noqa: N815
    """The start of each list; the first is 0, and no list is empty."""
    lengths_N: Tensor  # noqa: N815
    """The number of ids of each list; padding may follow, up to the next start."""
    longest: int
    """The longest list's length, kept here so that it need not be read from the device."""
    features_ND: Tensor | None = None  # noqa: N815
    """The frozen readers' features of the lists, if the recipe has readers."""

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
    """Pack the ``chosen`` lists; those shorter than ``least`` are padded to it.

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
