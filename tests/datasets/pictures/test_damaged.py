"""Damaged pictures: each ends in a picture or in one line, whatever decoder meets it."""

import io
import random
from typing import Any

import pytest
from PIL import Image

from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.pictures import prepare_picture
from tests.datasets.pictures.profiles import ADOBE_RGB, cmyk_profile, gamma, rgb_profile

FILES_OF_A_KIND = 10
KINDS = {
    **{kind: (kind, "RGB") for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")},
    **{f"PNG {mode}": ("PNG", mode) for mode in ("RGBA", "P", "LA", "I;16")},
    **{f"TIFF {mode}": ("TIFF", mode) for mode in ("CMYK", "F", "I")},
    "HEIF": ("HEIF", "RGB"),
    "MPO": ("MPO", "RGB"),
    "BMP of runs": ("BMP", "P"),
}


def whole(name: str) -> bytes:
    """A small picture of a kind, with a profile and an orientation where the format has them."""
    kind, mode = KINDS[name]
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    noise = Image.effect_noise((64, 48), 70)
    picture = Image.new(mode, noise.size, 999) if mode == "I;16" else noise.convert("RGB")
    if mode in ("F", "I", "LA"):
        picture = noise
    if mode != "I;16":
        picture = picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, Any] = {}
    if mode == "RGB" and kind not in ("GIF", "BMP", "MPO"):
        profile = rgb_profile(ADOBE_RGB, gamma(2.2))
        options = {"exif": exif.tobytes(), "icc_profile": profile}
    elif mode == "CMYK":
        options = {"icc_profile": cmyk_profile(50), "compression": "tiff_lzw"}
    elif kind == "MPO":
        options = {"save_all": True, "append_images": [picture]}
    elif (kind, mode) == ("BMP", "P"):
        options = {"compression": 1}
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_or_one_line(name: str) -> None:
    chance = random.Random(name)
    original = whole(name)
    prepare_picture(original, short_side=32)
    for _ in range(FILES_OF_A_KIND):
        damaged = bytearray(original)
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            start = min(len(damaged), chance.choice((64, 300, 1 << 20)))
            damaged[chance.randrange(start)] = chance.randrange(256)
        if chance.random() < 0.1:
            del damaged[chance.randrange(len(damaged)) :]
        said = ""
        try:
            prepare_picture(bytes(damaged), short_side=chance.choice((32, 256)))
        except UnreadablePictureError as error:
            said = str(error)
        assert " at 0x" not in said
        assert "\n" not in said
