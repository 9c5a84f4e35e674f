"""Flickr's answers are untrusted."""

import copy
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.answers import Answer, MalformedAnswerError, parse_get_info

PHOTO: dict[str, Any] = {
    "id": "53517142775",
    "secret": "00eaa0df09",
    "server": "65535",
    "farm": 66,
    "dateuploaded": "1707406357",
    "license": "0",
    "owner": {"nsid": "199603930@N03", "username": ".."},
    "title": {"_content": "A title"},
    "description": {"_content": "A <b>description</b>"},
    "dates": {"posted": "1707406357", "taken": "2024-02-08 07:22:41"},
    "tags": {
        "tag": [
            {"raw": "West Yorkshire", "_content": "westyorkshire", "machine_tag": 0},
            {"raw": "camera:model=x", "_content": "camera:model=x", "machine_tag": 1},
            {"raw": "", "_content": "", "machine_tag": 0},
            {"raw": "Beach", "_content": "beach", "machine_tag": "0"},
        ]
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def parse(**changes: Any) -> Answer:
    return parse_get_info({"photo": PHOTO | changes, "stat": "ok"}, PHOTO["id"])


class TestParseGetInfo:
    def test_a_post(self) -> None:
        answer = parse()
        assert (answer.title, answer.description) == ("A title", "A <b>description</b>")
        assert answer.tags == ("beach", "westyorkshire")
        assert answer.reference.image_path() == "/65535/53517142775_00eaa0df09.jpg"
        assert (answer.owner, answer.license) == ("199603930@N03", "0")
        assert (answer.date_upload, answer.date_taken) == (1707406357, "2024-02-08 07:22:41")

    def test_types_that_changed_over_the_years(self) -> None:
        assert parse(license=0, server=65535, farm="66", dateuploaded=1707406357) == parse()

    def test_another_photos_answer_is_refused(self) -> None:
        with pytest.raises(MalformedAnswerError, match="answered '1'"):
            parse(id="1")

    def test_a_path_in_the_place_of_a_server_is_not_believed(self) -> None:
        assert parse(server="../../etc").reference.server is None

    def test_a_lone_surrogate_can_be_stored(self) -> None:
        assert parse(title={"_content": "\ud800x"}).title == "?x"

    @given(st.sampled_from(sorted(PHOTO)), json_values)
    def test_any_field_may_be_anything(self, field: str, value: Any) -> None:
        try:
            answer = parse(**{field: value})
        except MalformedAnswerError:
            return
        assert answer.reference.photo_id == PHOTO["id"]
        assert list(answer.tags) == sorted(set(answer.tags))
        (answer.title + answer.description + "".join(answer.tags)).encode()

    @given(json_values)
    def test_any_answer_may_come(self, content: Any) -> None:
        with pytest.raises(MalformedAnswerError):
            parse_get_info(content, "1")


class TestRecordedAnswers:
    def test_every_recorded_get_info_is_read(self, shared_data: Path) -> None:
        read = 0
        with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
            for member in archive:
                if "getInfo" not in member.name or not member.name.endswith(".json"):
                    continue
                file = archive.extractfile(member)
                assert file is not None
                content = json.load(file).get("parsed")
                if not isinstance(content, dict) or "photo" not in content:
                    continue
                answer = parse_get_info(content, content["photo"]["id"])
                assert answer.owner
                assert answer.title == content["photo"]["title"]["_content"]
                damaged = copy.deepcopy(content)
                del damaged["photo"]["tags"]
                with pytest.raises(MalformedAnswerError):
                    parse_get_info(damaged, content["photo"]["id"])
                read += 1
        assert read
