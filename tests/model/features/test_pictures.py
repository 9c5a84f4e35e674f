"""Pictures are preprocessed as published, and bad ones are refused by name."""

import io
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.picture_sizes import MAX_ASPECT, decode
from tests.model.dataset_folder import picture


def noise(size: tuple[int, int], form: str = "PNG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("size", [(300, 257), (256, 400), (90, 61), (256, 256), (512, 1000)])
@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0"])
def test_equal_to_torchvisions_transform(name: str, size: tuple[int, int]) -> None:
    backbone = build_backbone(name)
    content = noise(size)
    found = backbone.preprocessing.picture(content, "photo 1").float() / 255
    found = (found - backbone.mean) / backbone.std
    transform = models.get_model_weights(name).DEFAULT.transforms()
    torch.testing.assert_close(found, transform(Image.open(io.BytesIO(content))))


def test_efficientnet_lite0s_range() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    backbone = build_backbone("efficientnet_lite0")
    assert backbone.features == 1280
    values = (torch.tensor([0.0, 127.0, 255.0]) / 255 - backbone.mean.flatten()) / (
        backbone.std.flatten()
    )
    torch.testing.assert_close(values, torch.tensor([-127 / 128, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_a_very_long_picture_stays_small() -> None:
    content = picture((1, 2, 3), size=(20_000, 10))
    assert decode(content, "photo 1").size == (10 * MAX_ASPECT, 10)


def test_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    file = io.BytesIO()
    Image.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    assert decode(file.getvalue(), "photo 1").size == (20, 40)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 20,000 x 20,000 pixels."""
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Too many requests</html>",
        picture((1, 2, 3))[:200],
        noise((50, 50))[:99],
        bomb(),
    ],
    ids=["empty", "page", "cut JPEG", "cut PNG", "bomb"],
)
def test_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"the picture of photo 77 cannot be read \(") as caught:
        decode(content, "photo 77")
    assert "\n" not in str(caught.value)
