"""Opens pictures: which formats are read, how large a picture may be, and what is said of others.

Pictures are untrusted input. The number of pixels is known before any is decoded, and whatever a
decoder raises becomes one error that says what is wrong in a few words.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pillow's names of the formats that it reads itself; HEIC needs a plugin, which is loaded late."""
NAMED = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
JPEGS = ("JPEG", "MPO")
"""Pillow calls a JPEG that other pictures follow MPO, such as those of many phones."""
MOST_PIXELS = 100_000_000
"""Flickr's largest sizes are below this; more pixels are an attack, or the file is damaged."""

# Pillow warns of large and damaged pictures; errors say so here. A filter that is set and reset
# around each call would not be safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_BOX = b"ftyp"
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>")
_LONGEST_REASON = 200
# What users give by mistake, by how it begins.
_OTHER_THINGS = (
    (b"%PDF", "is a PDF"),
    (b"8BPS", "is a file of Photoshop"),
    (b"\xff\x0a", "is a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "is a JPEG XL"),
    (b"\x00\x00\x00\x0cjP", "is a JPEG 2000"),
    (b"PK\x03\x04", "is a ZIP archive"),
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file itself"),
    (b"\xff\xd8", "is a damaged JPEG"),
    (b"\x89PNG", "is a damaged PNG"),
    (b"GIF8", "is a damaged GIF"),
    (b"RIFF", "is a damaged WebP, or none"),
    (b"II*\x00", "is a damaged TIFF, or of a rare kind"),
    (b"MM\x00*", "is a damaged TIFF, or of a rare kind"),
)
_LOOKED_AT = 1000


class UnreadablePictureError(ValueError):
    """There is no picture that can be decoded completely; reads on from "the picture of X"."""

    def __init__(self, what: str, path: Path | str | None = None) -> None:
        """``what`` is wrong, as in "is empty"; ``path``: the file that was looked for."""
        super().__init__(f"cannot be read ({path or 'it'} {what})")
        self.what = what

    def of(self, path: Path | None) -> "UnreadablePictureError":
        """Return the same error with the path of the file."""
        return UnreadablePictureError(self.what, path)


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """Yield a picture, not yet decoded, as Pillow opens it: of several frames, the first.

    Raises ``UnreadablePictureError``, also for what Pillow raises while the picture is used.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                size = f"{picture.width} x {picture.height}"
                raise UnreadablePictureError(f"has too many pixels: {size}")
            yield picture
    except UnreadablePictureError:
        raise
    except Image.DecompressionBombError:  # even more, which Pillow refuses to open
        raise UnreadablePictureError("has too many pixels") from None
    except UnidentifiedImageError:
        raise UnreadablePictureError(_what_else(data)) from None
    except Exception as error:  # Pillow's decoders raise errors of any type on broken input
        reason = _ADDRESS.sub("a file", " ".join(str(error).split())) or type(error).__name__
        raise UnreadablePictureError(f"cannot be decoded: {reason[:_LONGEST_REASON]}") from None


def _formats(data: bytes) -> tuple[str, ...]:
    if data[4:8] != _BOX or data[8:12] not in _HEIF_BRANDS:
        return FORMATS
    if not _reads_heif():
        raise UnreadablePictureError("is a HEIC picture: `pip install pillow-heif` to read it")
    return *FORMATS, "HEIF"


@cache
def _reads_heif() -> bool:
    """Load the plugin for HEIC, whose libraries are large, when the first such picture comes."""
    try:
        import pillow_heif
    except ImportError:
        return False
    # Pictures are decoded side by side already.
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    return True


def _what_else(data: bytes) -> str:
    """Say what bytes are that Pillow does not take for a picture."""
    start = data[:_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return "is empty" if not data else "is no picture"
    for beginning, what in _OTHER_THINGS:
        if start.startswith(beginning):
            return what
    if start.startswith(b"<"):
        return "is an SVG drawing" if b"<svg" in start.lower() else "is a web page"
    if data[4:8] == _BOX:
        return "is a video, or of a rare kind"
    return f"is no {NAMED}"
