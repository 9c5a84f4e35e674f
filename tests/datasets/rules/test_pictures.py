"""Pictures of a data set."""

import io

import imagehash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flickr_emotion.datasets.rules import pictures
from flickr_emotion.datasets.rules.pictures import UnreadablePictureError


def prepare_picture(data: bytes, *, short_side: int) -> bytes:
    return pictures.prepare_picture(data, short_side=short_side).jpeg


def encoded(width: int, height: int, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 60).convert(mode).save(out, kind)
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

    @pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM"])
    def test_a_format_that_flickr_does_not_serve_is_refused(self, kind: str) -> None:
        with pytest.raises(UnreadablePictureError, match=r"^cannot be decoded \(cannot identify"):
            prepare_picture(encoded(20, 20, kind), short_side=256)

    @pytest.mark.parametrize(
        ("size", "scale"), [((1600, 1200), 2), ((1364, 1023), 1), ((1030, 1024), 1)]
    )
    def test_version_1_of_the_rule(self, size: tuple[int, int], scale: int) -> None:
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
        assert pictures.PREPARATION == 1
        assert prepared.jpeg == expected.getvalue()
        assert prepared.hash == int(str(imagehash.phash(small.reduce(2))), 16)

    def test_the_hash_of_a_picture_that_is_kept(self) -> None:
        data = encoded(100, 80)
        with Image.open(io.BytesIO(data)) as picture:
            expected = int(str(imagehash.phash(picture)), 16)
        prepared = pictures.prepare_picture(data, short_side=256)
        assert (prepared.jpeg, prepared.hash) == (data, expected)

    def test_a_truncated_picture_with_an_end_marker_is_refused(self) -> None:
        data = encoded(400, 300)
        with pytest.raises(UnreadablePictureError, match="not whole"):
            prepare_picture(data[: len(data) // 2] + b"\xff\xd9", short_side=256)

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
        with pytest.raises(UnreadablePictureError, match=r"too many|cannot be decoded"):
            prepare_picture(bytes(data), short_side=256)

    def test_the_largest_picture_that_is_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pictures, "_MOST_PIXELS", 600)
        assert prepare_picture(encoded(20, 30), short_side=256)
        with pytest.raises(UnreadablePictureError) as caught:
            prepare_picture(encoded(20, 31), short_side=256)
        assert str(caught.value) == "has too many pixels (20x31)"
