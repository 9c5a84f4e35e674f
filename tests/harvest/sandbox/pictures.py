"""Small JPEG files for the sandbox's tests."""

import io

from PIL import Image


def jpeg(width: int = 8, height: int = 6, colour: tuple[int, int, int] = (200, 40, 40)) -> bytes:
    """Return a JPEG of one colour."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(written, "JPEG")
    return written.getvalue()
