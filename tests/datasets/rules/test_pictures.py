"""Pictures of a data set."""

import io

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

    def test_other_formats_become_jpeg(self) -> None:
        prepared = prepare_picture(encoded(20, 20, "PNG", "RGBA"), short_side=256)
        assert prepared[:3] == b"\xff\xd8\xff"

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
