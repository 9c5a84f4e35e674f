"""What an image network wants of a picture: its sizes, and how its values are normalised."""

from dataclasses import dataclass

import torch
from torch import Tensor

from flickr_emotion.model.features.picture_sizes import FOR_A_USER, PictureSizes


@dataclass(frozen=True, kw_only=True)
class Preprocessing(PictureSizes):
    """A backbone's preprocessing, as published with its weights."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def picture(self, content: bytes, photo: str, advice: str = FOR_A_USER) -> Tensor:
        """Decode a picture to bytes (3, crop, crop); the error names ``photo`` and ``advice``.

        Values stay bytes, a quarter of the memory; the backbone normalises whole batches. The
        memory format is channels last, as the decoder gives it.
        """
        return torch.from_numpy(self.pixels(content, photo, advice)).permute(2, 0, 1)
