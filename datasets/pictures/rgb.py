"""Pixels as the owner of a picture sees them: upright RGB, opaque, 8 bits, in sRGB.

Pillow's own conversion to RGB makes transparent pixels black, cuts 16 bits off at 255, takes no
notice of colour profiles and leaves a picture as the camera was held. This module is the only one
that turns a picture into RGB. An ordinary JPEG passes through it unchanged.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from flickr_emotion.datasets.pictures.colour_profiles import to_srgb, transform_of
from flickr_emotion.datasets.pictures.formats import JPEGS

_ORIENTATION, _UPRIGHT = 0x0112, 1
_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A large picture is converted in parts, so that it is never in memory in more than two forms.
_PIXELS_AT_ONCE = 1 << 22
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def upright_rgb(picture: Image.Image) -> Image.Image:
    """Return an opened picture (``open_picture``) as upright RGB; it is decoded if it is not yet.

    Transparent pixels are on white. Greys of more than 8 bits are scaled: 16 bits by their range,
    32 bits and floats by the first of 1 (floats only), 255 and 65,535 that no value exceeds, and
    otherwise from the lowest value to the highest.
    """
    picture.load()
    upright = picture
    if picture.mode != "RGB" or picture.has_transparency_data or _transform(picture) is not None:
        upright = _converted(picture)
    turn = _TURNS.get(orientation(picture))
    return upright if turn is None else upright.transpose(turn)


def orientation(picture: Image.Image) -> int:
    """Return EXIF's number for how a picture lies; 1, upright, where it does not say.

    It may not be known before the picture is decoded, but for a JPEG.
    """
    try:
        found = picture.getexif().get(_ORIENTATION, _UPRIGHT)
    except Exception:  # Pillow raises errors of any type on damaged EXIF data
        return _UPRIGHT
    return found if isinstance(found, int) and found in _TURNS else _UPRIGHT


def lies_on_its_side(picture: Image.Image) -> bool:
    """Return whether width and height of a decoded picture change places when it is turned."""
    return orientation(picture) in _SIDEWAYS


def is_plain(picture: Image.Image) -> bool:
    """Return whether a picture is an ordinary JPEG, whose pixels are shown as they are decoded."""
    return (
        picture.format in JPEGS
        and picture.mode in ("RGB", "L")
        and _transform(picture) is None
        and orientation(picture) == _UPRIGHT
    )


def _transform(picture: Image.Image) -> object | None:
    return transform_of(picture.info.get("icc_profile"), picture.mode)


def _converted(picture: Image.Image) -> Image.Image:
    bounds = _bounds(picture) if _is_deep(picture) else None
    if picture.width * picture.height <= _PIXELS_AT_ONCE:
        return _opaque(picture, bounds)
    whole = Image.new("RGB", picture.size)
    top = 0
    for strip in _strips(picture):
        whole.paste(_opaque(strip, bounds), (0, top))
        top += strip.height
    return whole


def _strips(picture: Image.Image) -> Iterator[Image.Image]:
    rows = max(1, _PIXELS_AT_ONCE // picture.width)
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _opaque(picture: Image.Image, bounds: tuple[float, float] | None) -> Image.Image:
    """Return a picture as sRGB on white; ``bounds``: the values that are black and white."""
    colours, alpha = _colours(picture) if bounds is None else _greys(picture, *bounds)
    colours = to_srgb(colours, picture.info.get("icc_profile"))
    if alpha is None:
        return colours
    opaque = Image.new("RGB", picture.size, "white")
    opaque.paste(colours, mask=alpha)
    return opaque


def _colours(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours in a mode that profiles are made for, and how opaque each pixel is."""
    alpha = None
    is_grey = picture.mode in ("1", "L", "LA", "La")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
    if is_grey:
        return picture.convert("L") if alpha is None else picture.getchannel("R"), alpha
    if picture.mode in ("RGB", "CMYK", "LAB"):
        return picture, alpha
    return picture.convert("RGB"), alpha


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _bounds(picture: Image.Image) -> tuple[float, float]:
    """Return the values of a grey picture of more than 8 bits that are black and white."""
    if picture.mode not in ("I", "F"):
        white_is_zero = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        return (65535, 0) if white_is_zero else (0, 65535)
    low, high = np.inf, -np.inf
    for strip in _strips(picture):
        values = np.asarray(strip)
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, values.min()), max(high, values.max())
    for white in (1, 255, 65535) if picture.mode == "F" else (255, 65535):
        if low >= 0 and high <= white:
            return 0, white
    return float(low), float(high)


def _greys(
    picture: Image.Image, black: float, white: float
) -> tuple[Image.Image, Image.Image | None]:
    values = np.asarray(picture, np.float32)
    shades = np.nan_to_num((values - black) * (255 / ((white - black) or 1)), nan=0)
    greys = Image.fromarray(shades.round().clip(0, 255).astype(np.uint8))
    clear = picture.info.get("transparency")  # PNG names one value
    if not isinstance(clear, int):
        return greys, None
    return greys, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
