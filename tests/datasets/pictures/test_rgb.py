"""Pictures are what their owner sees, whatever file they are in."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from flickr_emotion.datasets.pictures import rgb
from flickr_emotion.datasets.pictures.formats import open_picture
from flickr_emotion.datasets.pictures.rgb import is_plain, upright_rgb
from tests.datasets.pictures.profiles import (
    ADOBE_RGB,
    SRGB,
    cmyk_profile,
    gamma,
    grey_profile,
    rgb_profile,
    srgb_curve,
)

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)
SRGB_PROFILE = rgb_profile(SRGB, srgb_curve())
ADOBE_PROFILE = rgb_profile(ADOBE_RGB, gamma(2.2))


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def seen(data: bytes) -> npt.NDArray[np.uint8]:
    """Pixels (H, W, 3)."""
    with open_picture(data) as picture:
        shown = upright_rgb(picture)
        assert shown.mode == "RGB"
        return np.asarray(shown)


def half(mode: str, left: Any, right: Any) -> Image.Image:
    """A picture of two colours."""
    picture = Image.new(mode, (32, 16), left)
    picture.paste(right, (16, 0, 32, 16))
    return picture


def colours(data: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colours at the left and at the right."""
    pixels = seen(data)
    return tuple(map(int, pixels[8, 2])), tuple(map(int, pixels[8, -3]))


class TestTransparency:
    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("PNG", {}),
            ("WEBP", {"lossless": True}),
            ("TIFF", {}),
            ("AVIF", {"quality": 100}),
        ],
    )
    def test_it_is_on_white(self, kind: str, options: dict[str, Any]) -> None:
        left, right = colours(encoded(half("RGBA", (0, 0, 0, 0), (*RED, 255)), kind, **options))
        assert left == WHITE
        assert np.abs(np.subtract(right, RED)).max() <= 3

    def test_what_is_half_transparent_is_half_white(self) -> None:
        assert colours(encoded(half("RGBA", (0, 0, 0, 128), (*RED, 64)), "PNG")) == (
            (127, 127, 127),
            (255, 191, 191),
        )

    def test_greys(self) -> None:
        assert colours(encoded(half("LA", (0, 0), (90, 255)), "PNG")) == (WHITE, (90, 90, 90))

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_a_palette(self, kind: str) -> None:
        picture = half("P", 0, 1)
        picture.putpalette([0, 0, 0, 255, 0, 0])
        assert colours(encoded(picture, kind, transparency=0)) == (WHITE, RED)

    @pytest.mark.parametrize(("mode", "clear"), [("RGB", BLACK), ("L", 0), ("1", 0)])
    def test_a_colour_that_means_transparent(self, mode: str, clear: Any) -> None:
        full = 1 if mode == "1" else 255 if mode == "L" else RED
        left, right = colours(encoded(half(mode, clear, full), "PNG", transparency=clear))
        assert (left, right) == (WHITE, RED if mode == "RGB" else WHITE)

    def test_a_16_bit_grey_that_means_transparent(self) -> None:
        picture = Image.fromarray(np.array([[0, 65535, 32896, 32896]], np.uint16))
        assert seen(encoded(picture, "PNG", transparency=0))[0, :, 0].tolist() == [
            255,
            255,
            128,
            128,
        ]


class TestDeepGreys:
    SHADES = np.array([[0, 64, 128, 255]], np.float64)

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("PNG", (SHADES * 257).astype(np.uint16)),
            ("TIFF", (SHADES * 257).astype(np.uint16)),
            ("TIFF", (SHADES * 257).astype(">u2")),
            ("TIFF", SHADES.astype(np.int32)),
            ("TIFF", (SHADES * 257).astype(np.int32)),
            ("TIFF", (SHADES * 70_000 - 9_000).astype(np.int32)),
            ("TIFF", SHADES.astype(np.float32)),
            ("TIFF", (SHADES / 255).astype(np.float32)),
            ("TIFF", (SHADES * 257).astype(np.float32)),
            ("TIFF", (SHADES - 100).astype(np.float32)),
        ],
        ids=["PNG", "TIFF", "big-endian", "I", "I-16", "I-32", "F", "F-1", "F-16", "F-negative"],
    )
    def test_they_are_scaled(self, kind: str, values: npt.NDArray[Any]) -> None:
        pixels = seen(encoded(Image.fromarray(values), kind))
        assert pixels[0, :, 0].tolist() == self.SHADES[0].tolist()

    def test_numbers_that_are_none(self) -> None:
        values = np.array([[np.nan, 0.5, 1, np.inf]], np.float32)
        assert seen(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [
            0,
            128,
            255,
            255,
        ]
        values = np.full((1, 4), np.nan, np.float32)
        assert not seen(encoded(Image.fromarray(values), "TIFF")).any()

    def test_white_is_zero(self) -> None:
        values = Image.fromarray((self.SHADES * 257).astype(np.uint16))
        pixels = seen(encoded(values, "TIFF", tiffinfo={262: 0}))
        assert pixels[0, :, 0].tolist() == (255 - self.SHADES[0]).tolist()


class TestOrientation:
    @pytest.mark.parametrize("number", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
    def test_it_is_upright(self, kind: str, number: int) -> None:
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        scene = Image.new("RGB", (48, 32), "white")
        scene.paste("red", (0, 0, 24, 16))
        scene.paste("blue", (24, 16, 48, 32))
        # What a camera stores that was held so: turning it by the number gives the scene.
        undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(number, number)
        turn = rgb._TURNS.get(undo)
        held = scene if turn is None else scene.transpose(turn)
        exif = Image.Exif()
        exif[0x0112] = number
        pixels = seen(encoded(held, kind, exif=exif.tobytes(), quality=95)).astype(int)
        assert pixels.shape == (32, 48, 3)
        for (row, column), colour in {(6, 9): "red", (6, 39): "white", (26, 39): "blue"}.items():
            wanted = np.asarray(Image.new("RGB", (1, 1), colour)).astype(int)[0, 0]
            assert np.abs(pixels[row, column] - wanted).max() < 40

    def test_damaged_exif_says_nothing(self) -> None:
        data = encoded(half("RGB", RED, WHITE), "JPEG", exif=b"Exif\0\0no TIFF at all")
        assert seen(data).shape == (16, 32, 3)


class TestProfiles:
    def test_those_of_srgb_change_nothing(self) -> None:
        picture = Image.effect_noise((64, 64), 80).convert("RGB")
        plain, profiled = (
            encoded(picture, "JPEG", icc_profile=profile) for profile in (None, SRGB_PROFILE)
        )
        assert plain != profiled
        assert np.array_equal(seen(plain), seen(profiled))
        for data in (plain, profiled):
            with open_picture(data) as opened:
                assert is_plain(opened)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
    def test_colours_of_a_camera(self, kind: str) -> None:
        """Adobe RGB's (200, 100, 100) by the formulas of the two standards."""
        if kind == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        picture = Image.new("RGB", (32, 32), (200, 100, 100))
        data = encoded(picture, kind, quality=100, icc_profile=ADOBE_PROFILE)
        assert np.abs(seen(data)[16, 16].astype(int) - (229, 100, 99)).max() <= 3

    def test_transparent_pixels_are_white_before_and_behind(self) -> None:
        data = encoded(
            half("RGBA", (200, 100, 100, 0), (200, 100, 100, 255)), "PNG", icc_profile=ADOBE_PROFILE
        )
        left, right = colours(data)
        assert left == WHITE
        assert np.abs(np.subtract(right, (229, 100, 99))).max() <= 3

    def test_greys(self) -> None:
        picture = Image.new("L", (16, 16), 128)
        linear = seen(encoded(picture, "JPEG", icc_profile=grey_profile(gamma(1))))
        assert abs(int(linear[8, 8, 0]) - 188) <= 2
        # The profile of the coloured picture that it was.
        assert seen(encoded(picture, "JPEG", icc_profile=SRGB_PROFILE))[8, 8].tolist() == [128] * 3

    def test_inks(self) -> None:
        picture = half("CMYK", (255, 0, 0, 0), (0, 0, 0, 0))
        left, right = colours(encoded(picture, "TIFF", icc_profile=cmyk_profile(lightness=50)))
        assert max(left) - min(left) <= 2  # the printer's cyan is grey
        assert 60 < left[0] < 140
        assert min(right) >= 253
        assert colours(encoded(picture, "TIFF"))[0] == (0, 255, 255)

    def test_lab(self) -> None:
        picture = Image.new("LAB", (16, 16), (255, 128, 128))
        assert seen(encoded(picture, "TIFF")).min() >= 253

    @pytest.mark.parametrize(
        "profile",
        [
            b"no profile",
            ADOBE_PROFILE[:200],
            ADOBE_PROFILE[:128] + b"\xff" * 400,
            grey_profile(gamma(1)),
            cmyk_profile(50),
            ADOBE_PROFILE + b"mpet\0\0\0\0",
            ADOBE_PROFILE + b"\0" * 5_000_000,
        ],
        ids=["none", "cut", "damaged", "of greys", "of inks", "calculated", "huge"],
    )
    def test_one_that_does_not_fit_is_ignored(self, profile: bytes) -> None:
        picture = Image.new("RGB", (16, 16), (200, 100, 100))
        data = encoded(picture, "PNG", icc_profile=profile)
        if len(profile) > 1_000_000:  # more than Pillow reads in a PNG
            data = encoded(picture, "JPEG", quality=100, icc_profile=profile)
        assert np.abs(seen(data)[8, 8].astype(int) - (200, 100, 100)).max() <= 2

    def test_threads_share_them(self) -> None:
        pictures = [
            encoded(
                Image.effect_noise((200, 200), 90).convert("RGB"), "PNG", icc_profile=ADOBE_PROFILE
            )
            for _ in range(6)
        ]
        alone = [seen(data) for data in pictures]
        with ThreadPoolExecutor(6) as pool:
            together = list(pool.map(seen, pictures * 4))
        assert all(map(np.array_equal, together, alone * 4))


class TestParts:
    @pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "I;16", "F", "CMYK"])
    def test_a_large_picture_is_converted_in_parts(
        self, mode: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noise = np.random.default_rng(0).integers(256, size=(61, 47, 4), dtype=np.uint8)
        if mode == "I;16":
            picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 250)
        else:
            picture = Image.fromarray(noise).convert("LA" if mode == "LA" else "RGBA")
            picture = picture.convert("L" if mode == "F" else mode).convert(mode)
        data = encoded(picture, "PNG" if mode in ("RGBA", "P", "LA", "I;16") else "TIFF")
        whole = seen(data)
        monkeypatch.setattr(rgb, "_PIXELS_AT_ONCE", 500)
        assert np.array_equal(seen(data), whole)


class TestPlain:
    """Most pictures of a harvest: their digests must not depend on this module."""

    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_an_ordinary_jpeg(self, mode: str) -> None:
        data = encoded(Image.effect_noise((90, 60), 50).convert(mode), "JPEG")
        with open_picture(data) as picture:
            assert is_plain(picture)
            as_it_is = Image.open(io.BytesIO(data)).convert("RGB")
            assert upright_rgb(picture).tobytes() == as_it_is.tobytes()

    def test_others(self) -> None:
        scene = Image.effect_noise((90, 60), 50).convert("RGB")
        exif = Image.Exif()
        exif[0x0112] = 6
        others = [
            encoded(scene, "PNG"),
            encoded(scene.convert("CMYK"), "JPEG"),
            encoded(scene, "JPEG", exif=exif),
            encoded(scene, "JPEG", icc_profile=ADOBE_PROFILE),
        ]
        for data in others:
            with open_picture(data) as picture:
                assert not is_plain(picture)
