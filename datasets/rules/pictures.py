"""Pictures of a data set: every one fully decoded, and re-encoded at most once.

A picture with a short side of at most ``short_side`` keeps its bytes; a larger one is reduced to
it. What cannot be decoded, or would unfold to absurd size, is refused: pictures are untrusted.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from flickr_emotion.datasets.rules.near_duplicates import picture_hash
from flickr_emotion.harvest.pictures.jpeg import NotWholeError
from flickr_emotion.harvest.pictures.whole_picture import check_whole

PREPARATION = 1
"""Counts the versions of this rule: a picture that an older one prepared is prepared again."""

_JPEG_QUALITY = 90
# Flickr's largest sizes stay below; a small file that unfolds to more is an attack or an accident.
_MOST_PIXELS = 100_000_000


class UnreadablePictureError(ValueError):
    """The bytes are no picture that can be decoded whole."""


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A picture as it goes into the data set."""

    jpeg: bytes
    hash: int
    """64 bits that near-identical pictures share but for a few."""


def prepare_picture(data: bytes, *, short_side: int) -> PreparedPicture:
    """Return a picture as it goes into the data set: a whole JPEG, and its hash.

    Raises ``UnreadablePictureError``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "GIF", "WEBP"]) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise UnreadablePictureError(
                        f"{picture.width}x{picture.height} pixels are too many"
                    )
                if picture.format == "JPEG":
                    check_whole(data)
                return _prepared(picture, data, short_side)
    except UnreadablePictureError:
        raise
    except NotWholeError as error:
        raise UnreadablePictureError(f"is not whole ({error})") from None
    except Exception as error:  # Pillow's decoders raise what they like on broken input
        raise UnreadablePictureError(f"cannot be decoded ({error})") from None


def _prepared(picture: Image.Image, data: bytes, short_side: int) -> PreparedPicture:
    shorter = min(picture.size)
    if shorter <= short_side:
        picture.load()
        if picture.format == "JPEG":
            return PreparedPicture(data, picture_hash(picture))
        size = picture.size
    else:
        size = (
            max(1, round(picture.width * short_side / shorter)),
            max(1, round(picture.height * short_side / shorter)),
        )
        # The decoder itself can halve a JPEG, which saves most of the work.
        picture.draft("RGB", (size[0] * 2, size[1] * 2))
    reduced = picture if picture.mode == "RGB" else picture.convert("RGB")
    if reduced.size != size:
        # As sharp as bicubic when a picture shrinks, in two thirds of the time.
        reduced = reduced.resize(size, Image.Resampling.HAMMING)
    # Re-encoding drops the tag that says which side is up, so the picture is turned.
    ImageOps.exif_transpose(reduced, in_place=True)
    encoded = io.BytesIO()
    reduced.save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return PreparedPicture(encoded.getvalue(), picture_hash(reduced))
