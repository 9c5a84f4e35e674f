"""Every way in which a list names a photo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.photo_names import (
    NamedPhoto,
    is_nsid,
    parse_photo_name,
    with_parts,
)
from flickr_emotion.harvest.flickr.photo_url import NotFlickrError, PhotoReference

ID, SECRET = "3712345678", "abcdef0123"
PICTURE = f"{ID}_{SECRET}"
SHORT = "6E3K2Y"  # The id in base 58.
BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def base58(number: int) -> str:
    """Return a number in base 58, as Flickr's documentation of short links describes it."""
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return digits


def named(text: str) -> tuple[str, str | None, str | None]:
    reference = parse_photo_name(text).reference
    return reference.photo_id, reference.server, reference.secret


class TestWithASecret:
    @pytest.mark.parametrize("host", ["farm4", "live", "c1", "c5", "farm66"])
    @pytest.mark.parametrize("suffix", ["", "_b", "_z_d", "_b_d", "_d", "_q", "_3k_d", "_o_d"])
    def test_static_urls_of_every_host_and_size(self, host: str, suffix: str) -> None:
        folder = "4/3456" if host.startswith("c") else "3456"
        url = f"https://{host}.staticflickr.com/{folder}/{PICTURE}{suffix}.jpg?zz=1"
        own = suffix in ("_3k_d", "_o_d")
        assert named(url) == (ID, "3456", None if own else SECRET)

    @pytest.mark.parametrize(
        "text",
        [
            f"//live.staticflickr.com/3456/{PICTURE}_b.jpg",
            f"live.staticflickr.com/3456/{PICTURE}_b.jpg",
            f"HTTPS://Live.StaticFlickr.com/3456/{PICTURE}.jpg",
            f"  <https://live.staticflickr.com/3456/{PICTURE}_b.jpg>  ",
            f'"http://farm4.static.flickr.com/3456/{PICTURE}_m.jpg"',
            f"https://live.staticflickr.com/3456/{ID}%5F{SECRET}.jpg",
        ],
    )
    def test_however_it_is_written(self, text: str) -> None:
        assert named(text) == (ID, "3456", SECRET)

    @pytest.mark.parametrize("name", [f"{PICTURE}.jpg", f"{PICTURE}_b.jpg", f"a/b/{PICTURE}_z.png"])
    def test_a_files_name_has_it_without_a_server(self, name: str) -> None:
        assert named(name) == (ID, None, SECRET)

    def test_a_table_may_have_it_in_columns(self) -> None:
        photo = parse_photo_name(ID)
        parts = {"secret": SECRET.upper(), "server": "3456", "farm": "4"}
        assert with_parts(photo, parts).reference == PhotoReference(
            photo_id=ID, server="3456", farm="4", secret=SECRET
        )
        assert with_parts(photo, parts | {"secret": "no secret"}) == photo
        assert with_parts(photo, parts | {"server": ""}) == photo


class TestWithoutASecret:
    @pytest.mark.parametrize(
        "text",
        [
            f"https://www.flickr.com/photos/someone/{ID}",
            f"https://www.flickr.com/photos/someone/{ID}/",
            f"http://flickr.com/photos/someone/{ID}/in/photostream/",
            f"https://www.flickr.com/photos/someone/{ID}/in/album-72157601234567890/",
            f"https://www.flickr.com/photos/someone/{ID}/sizes/l/",
            f"www.flickr.com/photos/someone/{ID}#comments",
            f"https://m.flickr.com/#/photos/someone/{ID}/",
            f"https://secure.flickr.com/photos/someone/{ID}/lightbox/?a=b",
            f"https://www.flickr.com/photo.gne?id={ID}",
            f"https://embedr.flickr.com/photos/{ID}",
            f"https://www.flickr.com/photo_zoom.gne?id={ID}&size=o",
            f"https://www.flickr.com/photo.gne?short={SHORT}",
            f"https://flic.kr/p/{SHORT}",
            f"http://flic.kr/p/{SHORT}/",
            f"flic.kr/p/{SHORT}",
            ID,
            f"00{ID}",
            f"{ID}.0",
            "3.712345678e+09",
            f"{ID}.jpg",
            f" '{ID}' ",
        ],
    )
    def test_pages_short_links_and_ids(self, text: str) -> None:
        assert named(text) == (ID, None, None)

    def test_a_page_names_the_owner(self) -> None:
        photo = parse_photo_name(f"https://www.flickr.com/photos/12345678%40N00/{ID}/")
        assert photo.owner == "12345678@N00"
        assert is_nsid("12345678@N00")
        assert not is_nsid("someone")

    @given(st.integers(1, 10**19 - 1))
    def test_short_links_of_every_id(self, photo_id: int) -> None:
        assert named(f"https://flic.kr/p/{base58(photo_id)}") == (str(photo_id), None, None)


class TestRefused:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "   ",
            "0",
            "sunset",
            "1" * 20,
            "https://www.flickr.com/",
            "https://www.flickr.com/photos/someone/",
            "https://www.flickr.com/photos/someone/sets/72157601234567890/",
            "https://www.flickr.com/photos/tags/2012/",
            "https://www.flickr.com/gp/someone/abc123",
            "https://flic.kr/s/aHsjABCDEF",
            "https://flic.kr/p/0OIl",
            f"https://flic.kr/p/{'Z' * 30}",
            "https://farm4.staticflickr.com/3456/buddyicons/12345678@N00.jpg",
            "3.71E+09",
            f"ftp://www.flickr.com/photos/someone/{ID}",
            f"https://[::1/photos/someone/{ID}",
        ],
    )
    def test_what_is_flickrs_or_no_url_is_malformed(self, text: str) -> None:
        with pytest.raises(ValueError) as error:  # noqa: PT011
            parse_photo_name(text)
        assert not isinstance(error.value, NotFlickrError)

    def test_a_rounded_id_says_what_to_do(self) -> None:
        with pytest.raises(
            ValueError, match="a spreadsheet has rounded: export the column as text"
        ):
            parse_photo_name("3.71235E+9")

    @pytest.mark.parametrize(
        "text",
        [
            "http://distilleryimage1.instagram.com/481f66805152666f.jpg",
            f"https://flickr.com.evil.example/photos/someone/{ID}",
            f"https://notflickr.com/photos/someone/{ID}",
            f"https://evil.example/flickr.com/photos/someone/{ID}",
        ],
    )
    def test_other_sites_are_not_flickr(self, text: str) -> None:
        with pytest.raises(NotFlickrError):
            parse_photo_name(text)

    @given(st.text() | st.text().map(lambda text: f"https://www.flickr.com/{text}"))
    def test_no_text_breaks_it(self, text: str) -> None:
        try:
            photo = parse_photo_name(text)
        except ValueError:
            return
        assert isinstance(photo, NamedPhoto)
        assert 1 <= len(photo.reference.photo_id) <= 19
