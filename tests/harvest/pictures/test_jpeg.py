"""The check whether a JPEG is complete."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flickr_emotion.harvest.pictures.jpeg import NotWholeError, dimensions


def jpeg(width: int = 40, height: int = 30, **options: object) -> bytes:
    encoded = io.BytesIO()
    Image.effect_noise((width, height), 50).convert("RGB").save(encoded, "JPEG", **options)
    return encoded.getvalue()


class TestDimensions:
    @pytest.mark.parametrize("progressive", [False, True])
    @given(width=st.integers(1, 300), height=st.integers(1, 300))
    def test_of_real_pictures(self, progressive: bool, width: int, height: int) -> None:
        data = jpeg(width, height, progressive=progressive)
        assert dimensions(data) == (width, height)

    def test_a_thumbnail_in_the_header_is_not_the_picture(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "\xff\xd9" * 10
        assert dimensions(jpeg(64, 48, exif=exif, comment=b"\xff\xd9\xff\xda")) == (64, 48)

    def test_bytes_after_the_end_do_not_matter(self) -> None:
        assert dimensions(jpeg(64, 48) + b"trailer") == (64, 48)

    @given(st.integers(min_value=0, max_value=10_000))
    def test_every_part_is_refused(self, cut: int) -> None:
        data = jpeg()
        part = data[: cut % (len(data) - 1)]
        with pytest.raises(NotWholeError):
            dimensions(part)

    @given(st.binary(max_size=300))
    def test_no_bytes_break_it(self, data: bytes) -> None:
        for candidate in (data, b"\xff\xd8\xff" + data):
            try:
                width, height = dimensions(candidate)
            except NotWholeError:
                continue
            assert width > 0
            assert height > 0
