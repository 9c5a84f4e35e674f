"""The rule for tags is Flickr's own, and one for all sources."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.tags import is_machine_tag, normal_form, plain_tags


@pytest.fixture(scope="module")
def recorded_tags(shared_data: Path) -> list[dict[str, Any]]:
    """Every tag of the recorded answers of `getInfo`: `raw`, `norm`, `machine_tag`."""
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        file = archive.extractfile("./getinfo_photos.jsonl")
        assert file is not None
        return [tag for line in file for tag in json.loads(line)["tags"]]


class TestNormalForm:
    def test_letters_and_digits_in_lower_case(self) -> None:
        assert normal_form("West Yorkshire!") == "westyorkshire"

    @given(st.text())
    def test_it_is_stable(self, raw: str) -> None:
        assert normal_form(normal_form(raw)) == normal_form(raw)

    def test_it_is_flickrs_own_on_every_recorded_pair(
        self, recorded_tags: list[dict[str, Any]]
    ) -> None:
        pairs = [tag for tag in recorded_tags if not tag["machine_tag"]]
        assert pairs
        assert [normal_form(tag["raw"]) for tag in pairs] == [tag["norm"] for tag in pairs]


class TestPlainTags:
    def test_machine_tags_empty_ones_and_doubles_go(self) -> None:
        tags = (
            "Zebra",
            "geo:lat=51.5 N",
            "!!",
            "",
            "at 10:30",
            "zebra",
            "a=b",
            "0:0=",
            "vision:night=077",
        )
        assert plain_tags(tags) == ("00", "ab", "at1030", "zebra")

    def test_machine_tags_are_told_as_flickr_tells_them(
        self, recorded_tags: list[dict[str, Any]]
    ) -> None:
        flags = [bool(tag["machine_tag"]) for tag in recorded_tags]
        assert any(flags)
        assert [is_machine_tag(tag["raw"]) for tag in recorded_tags] == flags
        assert [is_machine_tag(tag["norm"]) for tag in recorded_tags] == flags
