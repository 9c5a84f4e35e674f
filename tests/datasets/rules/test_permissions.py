"""``--license``: which licences a post may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.permissions import LicenseRule
from flickr_emotion.harvest.flickr.licenses import LICENSES, License

LICENSE = st.sampled_from(LICENSES)


@given(named=LICENSE, held=LICENSE)
def test_an_id_means_one_licence_and_a_code_all_of_its_versions(
    named: License, held: License
) -> None:
    assert LicenseRule([named.id]).takes(held.id) == (named == held)
    assert LicenseRule([named.code]).takes(held.id) == (named.code == held.code)
    if named.version:
        assert LicenseRule([f"{named.code}-{named.version}"]).takes(held.id) == (named == held)


def test_by_does_not_mean_the_licences_that_allow_less() -> None:
    rule = LicenseRule(["by", "cc0"])
    assert [it.id for it in LICENSES if rule.takes(it.id)] == ["4", "9", "11"]
    assert rule.takes("CC BY 3.0")


@pytest.mark.parametrize("held", [None, "", "another", "17"])
def test_an_unknown_licence_allows_nothing(held: str | None) -> None:
    assert not LicenseRule([it.code for it in LICENSES]).takes(held)


@pytest.mark.parametrize("given", ["", "by,", "cc0-1.0", "free", "17", "BY;CC0"])
def test_wrong_names(given: str) -> None:
    with pytest.raises(DatasetError, match=r"--license '.*' is no licence: give some of"):
        BuildOptions(license=given)


def test_spaces_and_case_do_not_matter() -> None:
    rule = BuildOptions(license=" BY-4.0, cc0").license_rule
    assert rule is not None
    assert [it.id for it in LICENSES if rule.takes(it.id)] == ["9", "11"]
