"""Which formats are read, and what is said of bytes that are none of them."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from flickr_emotion.datasets.pictures import formats
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError, open_picture
from flickr_emotion.datasets.pictures.rgb import upright_rgb


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    with open_picture(data) as picture:
        return np.asarray(upright_rgb(picture)).astype(int)


def error_of(data: bytes) -> str:
    with pytest.raises(UnreadablePictureError) as caught:
        pixels(data)
    return str(caught.value)


class TestFormats:
    @pytest.mark.parametrize(
        "kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "MPO"]
    )
    def test_each_is_read(self, kind: str) -> None:
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        found = pixels(encoded(Image.new("RGB", (40, 24), (200, 60, 30)), kind))
        assert found.shape == (24, 40, 3)
        assert np.abs(found - (200, 60, 30)).max() <= 12

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
    def test_the_first_of_several_frames(self, kind: str) -> None:
        frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "lime")]
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        with open_picture(data) as picture:
            assert getattr(picture, "n_frames", 1) == 3
        assert np.abs(pixels(data)[16, 16] - (255, 0, 0)).max() <= 6

    def test_heic_without_its_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        formats._reads_heif.cache_clear()
        message = error_of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        formats._reads_heif.cache_clear()
        assert "`pip install pillow-heif`" in message


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"", "it is empty"),
            (b"  \n", "it is no picture"),
            (b"<!DOCTYPE html><title>503</title>", "it is a web page"),
            (b'<?xml version="1.0"?>\n<svg xmlns="">', "it is an SVG drawing"),
            (b"%PDF-1.7", "it is a PDF"),
            (b"\xff\xd8\xff\xe0", "it is a damaged JPEG"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "it is a video"),
            (b"two words", "it is no JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"),
        ],
    )
    def test_it_says_what_it_is(self, data: bytes, what: str) -> None:
        assert error_of(data).startswith(f"cannot be read ({what}")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
    @pytest.mark.parametrize("part", [0.02, 0.5])
    def test_a_part_is_refused_in_one_line_without_an_address(self, kind: str, part: float) -> None:
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        data = encoded(Image.effect_noise((200, 160), 80).convert("RGB"), kind)
        message = error_of(data[: int(len(data) * part)])
        assert " at 0x" not in message
        assert "BytesIO" not in message
        assert "\n" not in message

    def test_an_address_in_a_decoders_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = encoded(Image.new("RGB", (8, 8)), "PNG")
        with pytest.raises(UnreadablePictureError) as caught, open_picture(data):
            raise OSError(f"bad seek in {io.BytesIO()}")
        assert str(caught.value) == "cannot be read (it cannot be decoded: bad seek in a file)"


class TestBombs:
    """The number of pixels is known before any is decoded."""

    def test_png(self) -> None:
        header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n"
        for chunk in (header, b"IDAT" + zlib.compress(b""), b"IEND"):
            data += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        assert error_of(data) == "cannot be read (it has too many pixels)"

    @pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF", "WEBP", "AVIF", "HEIF"])
    def test_a_few_bytes_that_claim_many_pixels(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        monkeypatch.setattr(formats, "MOST_PIXELS", 100 * 100)
        data = encoded(Image.new("RGB", (128, 100)), kind)
        assert error_of(data) == "cannot be read (it has too many pixels: 128 x 100)"

    def test_many_frames_cost_what_the_first_costs(self) -> None:
        frames = [Image.new("L", (64, 64), shade) for shade in range(200)]
        data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        with open_picture(data) as picture:
            upright_rgb(picture)
            assert picture.tell() == 0
