"""From a picture's bytes to what an image backbone is fed.

Pictures come from strangers: whatever is wrong with one is an error that names the photo, and none
can make the program use more memory than a large photograph needs.
"""

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from flickr_emotion.model.errors import ModelError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 80_000_000
# Shrinking a picture of 10,000 x 1 to a short side of 256 would make it 2,560,000 wide.
MAX_ASPECT = 8

# What to do about a picture that cannot be read depends on who gave it.
FOR_A_USER = "give a whole picture (JPEG, PNG, WebP, ...)"
FOR_A_DATASET = "build the splits again"


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a backbone wants its pictures: the recipe of its published weights."""

    resize: int
    """The short side before cropping."""
    crop: int
    """The side of the square that is cut from the middle."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Image.Resampling = Image.Resampling.BILINEAR

    def geometry(self, width: int, height: int) -> tuple[tuple[int, int], int, int]:
        """Return a picture's (width, height) before cropping, and where the crop begins."""
        # torchvision's roundings, so that published weights see what they were trained on.
        size = (
            self.resize if width <= height else int(self.resize * width / height),
            self.resize if height <= width else int(self.resize * height / width),
        )
        left, top = (round((side - self.crop) / 2) for side in size)
        return size, left, top

    def picture(self, content: bytes, photo: str, way_out: str = FOR_A_USER) -> Tensor:
        """Decode a picture to (3, crop, crop) bytes; the error names ``photo`` and ``way_out``.

        Values stay bytes, the backbone normalises whole batches: a quarter of the memory. In
        memory the channels of a pixel lie side by side, as the decoder leaves them.
        """
        image = decode(content, photo, way_out)
        size, left, top = self.geometry(*image.size)
        if size != image.size:
            image = image.resize(size, self.interpolation)
        image = image.crop((left, top, left + self.crop, top + self.crop))
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def decode(content: bytes, photo: str, way_out: str = FOR_A_USER) -> Image.Image:
    """Decode a picture to upright RGB."""
    upright: Image.Image
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            image.load()
            upright = image if image.mode == "RGB" else image.convert("RGB")
            ImageOps.exif_transpose(upright, in_place=True)
    # Pillow's decoders answer a damaged file with almost any exception.
    except Exception as error:
        raise ModelError(
            f"the picture of {photo} cannot be read ({_reason(error)}): {way_out}"
        ) from None
    short = min(upright.size)
    if max(upright.size) > MAX_ASPECT * short:
        width, height = (min(side, MAX_ASPECT * short) for side in upright.size)
        left, top = (upright.width - width) // 2, (upright.height - height) // 2
        upright = upright.crop((left, top, left + width, top + height))
    return upright


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no picture format that is known"
    return " ".join(str(error).split()) or type(error).__name__
