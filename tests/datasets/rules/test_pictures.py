"""Pictures of a data set."""

import io
from functools import cache
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from flickr_emotion.datasets.pictures import formats
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules import pictures
from flickr_emotion.datasets.rules.near_duplicates import picture_hash
from flickr_emotion.harvest.pictures.jpeg import NotWholeError
from flickr_emotion.harvest.pictures.whole_picture import check_whole
from tests.datasets.pictures.profiles import ADOBE_RGB, cmyk_profile, gamma, rgb_profile


def prepare_picture(data: bytes, *, short_side: int) -> bytes:
    return pictures.prepare_picture(data, short_side=short_side).jpeg


def encoded(width: int, height: int, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 60).convert(mode).save(out, kind)
    return out.getvalue()


@cache
def scene(mode: str, restarts: int) -> bytes:
    """A JPEG of 120 x 90 pixels with a restart marker after each ``restarts`` blocks."""
    coarse = np.random.default_rng(3).integers(256, size=(9, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC).convert(mode)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, restart_marker_blocks=restarts)
    return out.getvalue()


class TestPreparePicture:
    def test_a_small_jpeg_keeps_its_bytes(self) -> None:
        data = encoded(300, 256)
        assert prepare_picture(data, short_side=256) == data

    @pytest.mark.parametrize(
        ("size", "expected"), [((500, 375), (341, 256)), ((300, 900), (256, 768))]
    )
    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_a_larger_one_is_reduced(
        self, size: tuple[int, int], expected: tuple[int, int], mode: str
    ) -> None:
        prepared = prepare_picture(encoded(*size, mode=mode), short_side=256)
        with Image.open(io.BytesIO(prepared)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", expected)

    def test_a_rotated_picture_is_turned_when_its_exif_tag_is_lost(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        lying = io.BytesIO()
        Image.effect_noise((800, 600), 60).convert("RGB").save(lying, "JPEG", exif=exif)
        with Image.open(io.BytesIO(prepare_picture(lying.getvalue(), short_side=256))) as picture:
            assert picture.size == (256, 341)
            assert 0x0112 not in picture.getexif()

    @pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB")])
    def test_other_formats_become_jpeg(self, kind: str, mode: str) -> None:
        prepared = prepare_picture(encoded(20, 30, kind, mode), short_side=256)
        with Image.open(io.BytesIO(prepared)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (20, 30))

    @pytest.mark.parametrize(
        ("size", "scale"), [((1600, 1200), 2), ((1364, 1023), 1), ((1030, 1024), 1)]
    )
    def test_how_an_ordinary_jpeg_is_reduced(self, size: tuple[int, int], scale: int) -> None:
        """The decoder halves a picture that stays twice as large both ways as it will be.

        Another rule gives other bytes for the same picture, and needs another ``PREPARATION``.
        """
        data = encoded(*size)
        expected = io.BytesIO()
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft(None, (size[0] // scale, size[1] // scale))
            small = picture.resize((round(size[0] * 256 / size[1]), 256), Image.Resampling.HAMMING)
            small.save(expected, "JPEG", quality=90)
        prepared = pictures.prepare_picture(data, short_side=256)
        assert pictures.PREPARATION == 2
        assert prepared.jpeg == expected.getvalue()
        assert prepared.hash == int(str(imagehash.phash(small.reduce(2))), 16)

    def test_the_hash_of_a_picture_that_is_kept(self) -> None:
        data = encoded(100, 80)
        with Image.open(io.BytesIO(data)) as picture:
            expected = int(str(imagehash.phash(picture)), 16)
        prepared = pictures.prepare_picture(data, short_side=256)
        assert (prepared.jpeg, prepared.hash) == (data, expected)

    @pytest.mark.parametrize("short_side", [64, 256])
    @pytest.mark.parametrize("number", range(1, 9))
    def test_a_turned_picture_is_its_upright_twin(self, number: int, short_side: int) -> None:
        coarse = np.random.default_rng(5).integers(256, size=(7, 9, 3), dtype=np.uint8)
        held = Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = number
        turned, upright = io.BytesIO(), io.BytesIO()
        held.save(turned, "JPEG", exif=exif, quality=95)
        ImageOps.exif_transpose(Image.open(turned)).save(upright, "JPEG", quality=95)
        one, other = (
            pictures.prepare_picture(data.getvalue(), short_side=short_side)
            for data in (turned, upright)
        )
        assert one.hash is not None
        assert other.hash is not None
        assert (one.hash ^ other.hash).bit_count() <= 2
        shown = [np.asarray(Image.open(io.BytesIO(it.jpeg))).astype(int) for it in (one, other)]
        assert np.abs(shown[0] - shown[1]).mean() < 3  # also to readers that ignore the tag
        assert other.jpeg == upright.getvalue() or short_side == 64

    @pytest.mark.parametrize("short_side", [64, 256])
    def test_a_transparent_picture_is_on_white(self, short_side: int) -> None:
        logo = Image.new("RGBA", (200, 160))
        logo.paste((200, 0, 0, 255), (20, 20, 90, 90))
        data = io.BytesIO()
        logo.save(data, "PNG")
        prepared = prepare_picture(data.getvalue(), short_side=short_side)
        assert np.asarray(Image.open(io.BytesIO(prepared)))[1, 1].min() > 250

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    def test_a_small_jpeg_in_other_colours_becomes_srgb(self, mode: str) -> None:
        profile = rgb_profile(ADOBE_RGB, gamma(2.2)) if mode == "RGB" else cmyk_profile(50)
        data = io.BytesIO()
        Image.new("RGB", (200, 160), (200, 100, 100)).convert(mode).save(
            data, "JPEG", icc_profile=profile
        )
        prepared = pictures.prepare_picture(data.getvalue(), short_side=256)
        with Image.open(io.BytesIO(prepared.jpeg)) as shown:
            assert (shown.mode, shown.info.get("icc_profile")) == ("RGB", None)
            red, green, _ = np.asarray(shown)[80, 100].astype(int)
        # The printer's inks are all grey.
        assert (red > 225) if mode == "RGB" else (abs(red - green) <= 3)

    def test_a_jpeg_with_a_second_picture_keeps_its_bytes(self) -> None:
        """Pillow calls it MPO; phones store depth and brightness so."""
        scene = Image.effect_noise((200, 160), 90).convert("RGB")
        data = io.BytesIO()
        scene.save(data, "MPO", save_all=True, append_images=[scene.convert("L").convert("RGB")])
        prepared = pictures.prepare_picture(data.getvalue(), short_side=256)
        assert prepared.jpeg == data.getvalue()
        assert prepared.hash == picture_hash(Image.open(data))
        with pytest.raises(UnreadablePictureError):
            prepare_picture(data.getvalue()[:3000], short_side=256)

    def test_an_ordinary_jpeg_is_prepared_as_ever(self) -> None:
        """Data sets of harvests must stay what they are, to the byte and to the bit."""
        waves = np.add.outer(np.arange(300) ** 2 // 97, np.arange(400) * 3) % 256
        data = io.BytesIO()
        Image.fromarray(waves.astype(np.uint8)).convert("RGB").save(data, "JPEG", quality=85)
        for short_side in (100, 300):
            with Image.open(io.BytesIO(data.getvalue())) as opened:
                if short_side == 100:
                    opened.draft("RGB", (266, 200))
                picture = opened.convert("RGB")
            if short_side == 100:
                picture = picture.resize((133, 100), Image.Resampling.HAMMING)
            expected = io.BytesIO()
            picture.save(expected, "JPEG", quality=90)
            value = picture_hash(picture)
            prepared = pictures.prepare_picture(data.getvalue(), short_side=short_side)
            assert prepared.jpeg == (data if short_side == 300 else expected).getvalue()
            assert (prepared.hash, prepared.is_plain) == (value, True)

    def test_a_truncated_picture_with_an_end_marker_is_refused(self) -> None:
        data = encoded(400, 300)
        with pytest.raises(UnreadablePictureError, match="not whole"):
            prepare_picture(data[: len(data) // 2] + b"\xff\xd9", short_side=256)

    @pytest.mark.parametrize(
        "how", [{}, {"restart_marker_rows": 1}, {"progressive": True}], ids=str
    )
    def test_it_is_whole_wherever_the_check_of_a_crawl_says_so(self, how: dict[str, Any]) -> None:
        body = io.BytesIO()
        Image.open(io.BytesIO(encoded(420, 300))).save(body, "JPEG", **how)
        data = body.getvalue()
        assert prepare_picture(data + b"more\xff\xd9", short_side=256) == prepare_picture(
            data, short_side=256
        )
        for missing in (*range(2, 40, 3), *range(40, len(data) // 2, len(data) // 20)):
            cut = data[:-missing] + b"\xff\xd9"
            try:
                check_whole(cut)
            except NotWholeError:
                with pytest.raises(UnreadablePictureError, match="not whole"):
                    prepare_picture(cut, short_side=256)
            else:
                assert prepare_picture(cut, short_side=256)

    @pytest.mark.parametrize("restarts", [0, 8])
    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    @settings(max_examples=15)
    @given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1, max_size=3))
    def test_a_damaged_jpeg_has_the_pixels_of_its_own_data(
        self, mode: str, restarts: int, flips: list[tuple[float, int]]
    ) -> None:
        """The check for the end must not change what is decoded (``PREPARATION``)."""
        data = bytearray(scene(mode, restarts))
        for place, bit in flips:
            data[-3 - int(place * (len(data) // 2))] ^= 1 << bit
        try:
            check_whole(bytes(data))
            with Image.open(io.BytesIO(data)) as opened:
                expected = opened.convert("RGB").resize((85, 64), Image.Resampling.HAMMING)
        except (NotWholeError, OSError):
            with pytest.raises(UnreadablePictureError):
                prepare_picture(bytes(data), short_side=64)
            return
        body = io.BytesIO()
        expected.save(body, "JPEG", quality=90)
        prepared = pictures.prepare_picture(bytes(data), short_side=64)
        assert prepared.jpeg == body.getvalue()
        assert prepared.hash == picture_hash(expected)

    def test_the_same_bytes_come_out_each_time(self) -> None:
        data = encoded(640, 480)
        assert prepare_picture(data, short_side=256) == prepare_picture(data, short_side=256)

    @given(st.binary(max_size=200))
    def test_no_picture(self, data: bytes) -> None:
        with pytest.raises(UnreadablePictureError):
            prepare_picture(data, short_side=256)

    @pytest.mark.parametrize("size", [(200, 150), (500, 375)])
    def test_half_a_picture(self, size: tuple[int, int]) -> None:
        data = encoded(*size)
        with pytest.raises(UnreadablePictureError):
            prepare_picture(data[: len(data) // 2], short_side=256)

    def test_a_decompression_bomb(self) -> None:
        data = bytearray(encoded(16, 16))
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
        with pytest.raises(UnreadablePictureError, match=r"too many"):
            prepare_picture(bytes(data), short_side=256)

    def test_the_largest_picture_that_is_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(formats, "MOST_PIXELS", 600)
        assert prepare_picture(encoded(20, 30), short_side=256)
        with pytest.raises(UnreadablePictureError) as caught:
            prepare_picture(encoded(20, 31), short_side=256)
        assert str(caught.value) == "cannot be read (it has too many pixels: 20 x 31)"
