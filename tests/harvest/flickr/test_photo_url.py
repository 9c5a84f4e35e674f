"""Picture URLs of the published lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.photo_url import NotFlickrError, PhotoReference, parse_photo_url

ids = st.integers(min_value=1, max_value=10**18).map(str)
secrets = st.text("0123456789abcdef", min_size=10, max_size=10)
servers = st.integers(min_value=1, max_value=99_999).map(str)


class TestParse:
    @given(ids, secrets, servers, st.integers(1, 9), st.sampled_from(["", "_z", "_m", "_b", "_s"]))
    def test_every_host_of_the_lists_names_the_same_photo(
        self, photo_id: str, secret: str, server: str, farm: int, suffix: str
    ) -> None:
        name = f"{photo_id}_{secret}{suffix}.jpg"
        for url, expected_farm in (
            (f"http://farm{farm}.staticflickr.com/{server}/{name}", str(farm)),
            (f"http://farm{farm}.static.flickr.com/{server}/{name}", str(farm)),
            (f"https://c{farm}.staticflickr.com/{farm}/{server}/{name}", str(farm)),
            (f"https://live.staticflickr.com/{server}/{name}", None),
            (f"http://static.flickr.com/{server}/{name}", None),
        ):
            reference = parse_photo_url(url)
            assert reference == PhotoReference(
                photo_id=photo_id, server=server, farm=expected_farm, secret=secret
            )
            assert reference.image_path() == f"/{server}/{photo_id}_{secret}.jpg"

    def test_the_oldest_host_knows_no_server(self) -> None:
        reference = parse_photo_url("http://photos23.flickr.com/28_abcdef0123_t.jpg")
        assert (reference.photo_id, reference.server) == ("28", None)

    @pytest.mark.parametrize("suffix", ["h", "k", "o"])
    def test_a_size_with_a_separate_secret_gives_none(self, suffix: str) -> None:
        url = f"https://live.staticflickr.com/1/28_abcdef0123_{suffix}.jpg"
        assert parse_photo_url(url).secret is None

    @pytest.mark.parametrize(
        "url",
        [
            "http://distilleryimage1.instagram.com/481f66805152666f.jpg",
            "https://live.staticflickr.com.evil.example/1/28_abcdef0123.jpg",
            "ftp://live.staticflickr.com/1/28_abcdef0123.jpg",
            "https://evil.example/live.staticflickr.com/1/28_abcdef0123.jpg",
            "http://[::1/28_abcdef0123.jpg",
        ],
    )
    def test_other_hosts_are_not_flickr(self, url: str) -> None:
        with pytest.raises(NotFlickrError):
            parse_photo_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https://live.staticflickr.com/1/abc.jpg",
            "https://live.staticflickr.com/28_abcdef0123.jpg",
            "https://live.staticflickr.com/../etc/28_abcdef0123.jpg",
            "https://live.staticflickr.com/1/28_abcdef0123.exe",
        ],
    )
    def test_a_flickr_host_without_a_photo_is_malformed(self, url: str) -> None:
        with pytest.raises(ValueError) as error:  # noqa: PT011
            parse_photo_url(url)
        assert not isinstance(error.value, NotFlickrError)

    @given(st.text())
    def test_no_text_breaks_it(self, text: str) -> None:
        try:
            reference = parse_photo_url(text)
        except ValueError:
            return
        assert reference.photo_id.isdigit()
