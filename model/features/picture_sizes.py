"""A picture's bytes to the pixels that an image network reads: decoded, upright, resized, cropped.

Pictures come from untrusted sources: whatever is wrong with one gives an error that names the
photo, and none can make the program use more memory than a large photograph needs. `export` copies
this module into its folder, so it does not import torch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from flickr_emotion.datasets.pictures.formats import NAMED, UnreadablePictureError, open_picture
from flickr_emotion.datasets.pictures.rgb import upright_rgb
from flickr_emotion.model.errors import ModelError

# Shrinking a picture of 10,000 x 1 to a short side of 256 would make it 2,560,000 wide.
MAX_ASPECT = 8

# What to do about an unreadable picture depends on who supplied it.
FOR_A_USER = f"give a whole {NAMED}"
FOR_A_DATASET = "build the splits again"


@dataclass(frozen=True, kw_only=True)
class PictureSizes:
    """How pictures are resized and cropped."""

    resize: int
    """The short side after resizing, before cropping; with ``square``, both sides."""
    crop: int
    """The side of the centre crop."""
    interpolation: Image.Resampling = Image.Resampling.BILINEAR
    square: bool = False
    """Whether pictures of any shape are resized to a square, as for SigLIP."""

    def geometry(self, width: int, height: int) -> tuple[tuple[int, int], int, int]:
        """Return a picture's (width, height) before cropping, and where the crop begins."""
        # Rounded as torchvision does, so that published weights get the inputs they were trained
        # on.
        size = (
            (self.resize, self.resize)
            if self.square
            else (
                self.resize if width <= height else int(self.resize * width / height),
                self.resize if height <= width else int(self.resize * height / width),
            )
        )
        left, top = (round((side - self.crop) / 2) for side in size)
        return size, left, top

    def pixels(self, content: bytes, photo: str, advice: str = FOR_A_USER) -> npt.NDArray[np.uint8]:
        """Decode a picture to (crop, crop, 3); the error names ``photo`` and ``advice``."""
        image = decode(content, photo, advice)
        size, left, top = self.geometry(*image.size)
        if size != image.size:
            image = image.resize(size, self.interpolation)
        return np.array(image.crop((left, top, left + self.crop, top + self.crop)))


def decode(content: bytes, photo: str, advice: str = FOR_A_USER) -> Image.Image:
    """Decode a picture to upright RGB."""
    try:
        with open_picture(content) as image:
            upright = upright_rgb(image)
    except UnreadablePictureError as error:
        raise ModelError(f"the picture of {photo} {error}: {advice}") from None
    short = min(upright.size)
    if max(upright.size) > MAX_ASPECT * short:
        width, height = (min(side, MAX_ASPECT * short) for side in upright.size)
        left, top = (upright.width - width) // 2, (upright.height - height) // 2
        upright = upright.crop((left, top, left + width, top + height))
    return upright
