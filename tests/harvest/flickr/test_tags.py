"""The rule for tags is Flickr's own, and the same for all sources."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any
from unicodedata import normalize
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.tags import (
    is_machine_tag,
    letters_and_digits,
    normal_form,
    plain_tags,
)


@pytest.fixture(scope="module")
def recorded_tags(shared_data: Path) -> list[dict[str, Any]]:
    """Every tag of the recorded answers of `getInfo`: `raw`, `norm`, `machine_tag`."""
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        file = archive.extractfile("./getinfo_photos.jsonl")
        assert file is not None
        return [tag for line in file for tag in json.loads(line)["tags"]]


@pytest.fixture(scope="module")
def listed_tags(shared_data: Path) -> list[str]:
    """Every tag of the recorded listings, in JSON and in XML, without machine tags."""
    found: list[str] = []
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            content = file.read().decode() if file else ""
            if member.name.endswith((".json", ".jsonl")):
                tags = re.findall(r'"tags": ?("(?:[^"\\]|\\.)*")', content)
                found += [tag for words in tags for tag in json.loads(words).split()]
            elif member.name.endswith(".xml"):
                found += [
                    tag
                    for photo in ElementTree.fromstring(content).iter("photo")
                    for tag in photo.get("tags", "").split()
                ]
    return [tag for tag in found if not is_machine_tag(tag)]


class TestNormalForm:
    def test_lower_case_without_spaces_and_punctuation(self) -> None:
        assert normal_form("West  Yorkshire! #1 (a_b-c)") == "westyorkshire1abc"

    @pytest.mark.parametrize(
        "tag",
        # Thai, Hindi and Bengali words with their marks, and symbols that Flickr keeps.
        ["ม้า", "यात्रा", "ঘোড়া", "風景・スナップ", "©me", "rock’n’roll", "´tgooi", "a~b", "🎉", "❤️"],
    )
    def test_what_flickr_keeps(self, tag: str) -> None:
        assert normal_form(tag.upper()) == normalize("NFC", tag)

    def test_words_that_differ_by_a_mark_stay_different(self) -> None:
        assert normal_form("ม้า") != normal_form("มา")
        assert len({normal_form(tag) for tag in ("किताब", "कतब", "कुतब", "केतब")}) == 4

    def test_unprintable_characters_are_removed(self) -> None:
        assert normal_form("\ufeffa\u200eb\x1b\xad\ud800\u2028c") == "abc"
        assert normal_form("می\u200cخواهم") == "می\u200cخواهم"

    def test_a_letter_and_its_mark_are_the_letter_with_the_mark(self) -> None:
        assert normal_form("Cafe\u0301") == "café"

    def test_it_changes_no_tag_of_a_recorded_listing(self, listed_tags: list[str]) -> None:
        assert len(listed_tags) > 9000
        assert [tag for tag in listed_tags if normal_form(tag) != tag] == []
        # The earlier rule, which kept only letters and digits, changed some.
        changed = {tag for tag in listed_tags if letters_and_digits(tag) != tag}
        assert {"ต้น", "´tgooi"} <= changed

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
    def test_machine_tags_empty_ones_and_duplicates_are_removed(self) -> None:
        tags = ("zebra", "geo:lat=515n", "", "at1030", "zebra", "a=b", "0:0=", "vision:night=077")
        assert plain_tags(tags) == ("0:0=", "a=b", "at1030", "zebra")

    def test_machine_tags_are_told_as_flickr_tells_them(
        self, recorded_tags: list[dict[str, Any]]
    ) -> None:
        flags = [bool(tag["machine_tag"]) for tag in recorded_tags]
        assert any(flags)
        assert [is_machine_tag(tag["raw"]) for tag in recorded_tags] == flags
        assert [is_machine_tag(tag["norm"]) for tag in recorded_tags] == flags
