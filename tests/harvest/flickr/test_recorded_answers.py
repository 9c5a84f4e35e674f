"""Recorded answers are read, and damage never makes a wrong post or another failure."""

import copy
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.answers import (
    Answer,
    MalformedAnswerError,
    parse_get_info,
    parse_listing,
)

Json = Any

GET_INFO_IDS = ("53517142775", "8130464513")


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> dict[str, Json]:
    """Recorded contents by the archive's file name; pages of listings are also under `photos`."""
    found = {}
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        for member in archive:
            if not member.name.endswith(".json"):
                continue
            file = archive.extractfile(member)
            assert file is not None
            content = json.load(file)
            if isinstance(content, list):  # The photos of a page, without their envelope.
                content = {"parsed": {"photos": {"photo": content}}}
            found[Path(member.name).name] = content.get("parsed")
    return found


@pytest.fixture(scope="module")
def get_infos(recorded: dict[str, Json]) -> list[Json]:
    found = [
        content
        for name, content in sorted(recorded.items())
        if "getInfo" in name and isinstance(content, dict) and "photo" in content
    ]
    assert len(found) == len(GET_INFO_IDS)
    return found


@pytest.fixture(scope="module")
def listings(recorded: dict[str, Json]) -> list[Json]:
    """Pages whose entries have all parts of a post, cut to a length that is quick to damage."""
    found = []
    for _, content in sorted(recorded.items()):
        entries = listed(content)
        if entries and "tags" in entries[0]:
            content = copy.deepcopy(content)
            del listed(content)[3:]
            found.append(content)
    assert len(found) >= 5
    return found


def listed(content: Json) -> list[Json]:
    """Return the entries of a content that may be a listing."""
    for key in ("photoset", "photos"):
        if isinstance(content, dict) and key in content:
            envelope = content[key]
            entries = envelope.get("photo") if isinstance(envelope, dict) else None
            return entries if isinstance(entries, list) else []
    return []


def places(value: Json) -> list[tuple[Any, Any]]:
    """Yield every position in a JSON value, as its container and the key or index there."""
    keys: list[Any] = []
    if is_deep(value):
        return []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    found = [(value, key) for key in keys]
    for key in keys:
        found += places(value[key])
    return found


def is_deep(value: Json) -> bool:
    depth = 0
    while isinstance(value, list) and len(value) == 1:
        value, depth = value[0], depth + 1
    return depth > 100


def nested(value: Json) -> Json:
    for _ in range(3000):  # Deeper than Python's recursion limit.
        value = [value]
    return value


def retyped(value: Json) -> Json:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else {"_content": value}
    return str(value) if isinstance(value, int | float) else [value]


DAMAGES: list[Callable[[Json], Json]] = [
    *(retyped, nested),
    lambda value: value[: len(value) // 2] if isinstance(value, str | list) else None,
    lambda value: [value],
    lambda value: {"_content": value},
    lambda value: value * 2 if isinstance(value, str | list) else value,
]
VALUES: st.SearchStrategy[Json] = st.one_of(
    st.sampled_from([None, True, -1, 10**30, 10**4000, float("nan"), "1", "../x", "\ud800", {}]),
    st.text(st.characters(exclude_categories=()), max_size=5),
    st.integers(),
)


def damaged(content: Json, data: st.DataObject) -> Json:
    content = copy.deepcopy(content)
    for _ in range(data.draw(st.integers(1, 4))):
        found = places(content)
        if not found:
            break
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        match data.draw(st.sampled_from(["delete", "replace", "damage"])):
            case "delete":
                del container[key]
            case "replace":
                container[key] = data.draw(VALUES)
            case "damage":
                container[key] = data.draw(st.sampled_from(DAMAGES))(container[key])
    return content


class TestGetInfo:
    def test_each_is_read(self, get_infos: list[Json]) -> None:
        answers = [parse_get_info(c, c["photo"]["id"]) for c in get_infos]
        assert sorted(answer.reference.photo_id for answer in answers) == sorted(GET_INFO_IDS)
        for answer, content in zip(answers, get_infos, strict=True):
            photo = content["photo"]
            assert answer.owner == photo["owner"]["nsid"]
            assert answer.title == photo["title"]["_content"]
            assert answer.description == photo["description"]["_content"]
            assert answer.date_taken == photo["dates"]["taken"]
            assert answer.reference.secret == photo["secret"]

    @given(st.data())
    @settings(max_examples=300, deadline=None)
    def test_damage_makes_no_other_post(self, get_infos: list[Json], data: st.DataObject) -> None:
        content = damaged(data.draw(st.sampled_from(get_infos)), data)
        asked = data.draw(st.sampled_from(GET_INFO_IDS))
        try:
            answer = parse_get_info(content, asked)
        except MalformedAnswerError:
            return
        assert answer.reference.photo_id == asked == str(content["photo"]["id"])
        answer.title.encode()


class TestListings:
    def test_every_entry_with_a_posts_parts_is_read(self, recorded: dict[str, Json]) -> None:
        read = 0
        for content in recorded.values():
            entries = listed(content)
            whole = [entry for entry in entries if "tags" in entry and "description" in entry]
            page = parse_listing(content, owner="1@N01") if entries else None
            if page is None:
                continue
            assert [a.reference.photo_id for a in page.answers] == [e["id"] for e in whole]
            assert page.refused == len(entries) - len(whole)
            for answer, entry in zip(page.answers, whole, strict=True):
                assert answer.title == entry["title"]
                assert answer.description == entry["description"]["_content"]
                assert answer.date_taken == entry["datetaken"]
                assert answer.date_upload == int(entry["dateupload"])
                assert answer.license == entry["license"]
            read += len(page.answers)
        assert read > 10

    def test_a_recorded_machine_tag_is_not_a_tag(self, recorded: dict[str, Json]) -> None:
        page = parse_listing(recorded["flickr_people_getPublicPhotos_1.json"])
        assert [answer.tags for answer in page.answers] == [("foo",), ("foo",)]
        assert (page.total, page.pages) == (2, 1)

    def test_the_same_photo_recorded_by_both_methods(
        self, recorded: dict[str, Json], get_infos: list[Json]
    ) -> None:
        info = next(parse_get_info(c, i) for c in get_infos if (i := c["photo"]["id"])[0] == "8")
        page = parse_listing(recorded["flickr_people_getPublicPhotos_1.json"])
        entry = next(a for a in page.answers if a.reference.photo_id == info.reference.photo_id)
        assert (entry.reference, entry.tags, entry.owner) == (info.reference, info.tags, info.owner)
        assert (entry.date_upload, entry.date_taken) == (info.date_upload, info.date_taken)
        assert (entry.license, entry.description) == (info.license, info.description)

    @given(st.data())
    @settings(max_examples=400, deadline=None)
    def test_damage_makes_no_other_post(self, listings: list[Json], data: st.DataObject) -> None:
        content = damaged(data.draw(st.sampled_from(listings)), data)
        try:
            page = parse_listing(content)
        except MalformedAnswerError:
            return
        entries = listed(content)
        assert page.refused == len(entries) - len(page.answers)
        alone: list[Answer] = []
        for entry in entries:
            answers = parse_listing({"photos": {"photo": [entry]}}).answers
            for answer in answers:
                assert answer.reference.photo_id == str(entry["id"])
                (answer.title + answer.description + "".join(answer.tags)).encode()
            alone += answers
        assert page.answers == tuple(alone)
