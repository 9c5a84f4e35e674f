"""Licences are known by Flickr's ids, and by what others write in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.licenses import (
    LICENSES,
    NOT_KNOWN,
    License,
    Terms,
    license_of_page,
    name_of,
    terms_of,
)


@given(license=st.sampled_from(LICENSES), upper=st.booleans())
def test_a_licence_is_known_by_id_name_and_page(license: License, upper: bool) -> None:
    terms = Terms(license.code, license.version)
    for written in (license.id, license.name, license.url):
        assert terms_of(f" {written.upper() if upper else written}\n") == terms
    assert terms_of(license.code) == Terms(license.code)
    assert name_of(license.id) == name_of(license.name) == license.name


@pytest.mark.parametrize(
    ("written", "terms"),
    [
        ("CC BY-NC 3.0", Terms("by-nc", "3.0")),
        ("cc-by-sa-4.0", Terms("by-sa", "4.0")),
        ("Creative Commons BY 2.5", Terms("by", "2.5")),
        ("https://creativecommons.org/licenses/by/3.0/de/", Terms("by", "3.0")),
        ("http%3A%2F%2Fcreativecommons.org%2Flicenses%2Fby-nd%2F2.0%2F", Terms("by-nd", "2.0")),
        ("https://creativecommons.org/publicdomain/zero/1.0/", Terms("cc0")),
        ("CC0 1.0", Terms("cc0")),
        ("PDM", Terms("pd")),
        ("https://creativecommons.org/licenses/sampling/1.0/", None),
        ("by-nd-sa", None),
        ("17", None),
        ("free for all", None),
        ("", None),
    ],
)
def test_what_others_write(written: str, terms: Terms | None) -> None:
    assert terms_of(written) == terms


def test_versions_that_flickr_does_not_offer_have_no_id() -> None:
    assert license_of_page("https://creativecommons.org/licenses/by/3.0/") is None
    assert name_of("https://creativecommons.org/licenses/by/3.0/") == "CC BY 3.0"
    assert name_of("CC BY") == "CC BY"
    assert name_of("free for all") == "another licence"
    assert name_of(None) == name_of("") == NOT_KNOWN
