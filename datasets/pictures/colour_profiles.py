"""Colours as a picture's ICC profile means them, converted to sRGB.

Without the conversion a photograph in Adobe RGB or Display P3 is paler than its owner sees it, and
the four colours of print are guessed. Most profiles are sRGB's own, in one of its many editions:
those pictures are left exactly as they are.
"""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# The largest profiles, those of printers, take 2 to 3 MB. A larger one is ignored.
_LARGEST = 4 * 2**20
_SIGNATURE = slice(36, 40), b"acsp"
# A list of calculations of any length, which no camera or printer writes: a few megabytes of them
# would take minutes.
_CALCULATIONS = b"mpet\0\0\0\0"
_SPACE = slice(16, 20)
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}
# A profile is sRGB if no colour differs by more: editions of sRGB round in different places.
_SAME = 2
_STEPS = 17


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture of mode L, RGB, CMYK or LAB as sRGB, in mode RGB.

    A profile that is damaged, too large or made for another kind of colours is ignored.
    """
    transform = transform_of(profile, picture.mode)
    if transform is None and picture.mode == "LAB":
        transform = _of_lab()
    if transform is None:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    if picture.mode == "L" and transform.input_mode == "RGB":
        picture = picture.convert("RGB")
    return transform.apply(picture)


def transform_of(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return how a profile's colours become sRGB in a picture of this mode; None: they are it."""
    if not profile or len(profile) > _LARGEST or profile[_SIGNATURE[0]] != _SIGNATURE[1]:
        return None
    if _CALCULATIONS in profile:
        return None
    own = _MODES.get(profile[_SPACE])
    # Grey pictures often carry the profile of the coloured ones that they were.
    if own is None or (own != mode and (mode, own) != ("L", "RGB")):
        return None
    return _transform(profile, own)


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        transform = _built(ImageCms.ImageCmsProfile(io.BytesIO(profile)), mode)
        return None if _changes_nothing(transform, mode) else transform
    except Exception:  # the profile is damaged, or Pillow was built without Little CMS
        return None


@lru_cache(maxsize=1)
def _of_lab() -> ImageCms.ImageCmsTransform:
    return _built(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")


def _built(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    # As programs show pictures: the paper is white, and black is as dark as the screen's.
    return ImageCms.ImageCmsTransform(
        profile,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether colours from all over the cube stay what they are."""
    if mode not in ("L", "RGB"):
        return False
    if mode == "L":
        colours = np.arange(256, dtype=np.uint8)[None]
    else:
        steps = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
        colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    there = Image.fromarray(colours)
    differ = np.asarray(there.convert("RGB"), np.int16) - np.asarray(transform.apply(there))
    return bool(np.abs(differ).max() <= _SAME)
