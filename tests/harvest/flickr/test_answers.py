"""Flickr's answers are untrusted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.answers import (
    Answer,
    MalformedAnswerError,
    parse_get_info,
    parse_listed,
    parse_listing,
)

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

    def test_a_path_instead_of_a_server_is_ignored(self) -> None:
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


ENTRY: dict[str, Any] = {
    "id": "53517142775",
    "owner": "199603930@N03",
    "secret": "00eaa0df09",
    "server": "65535",
    "farm": 66,
    "title": "A title",
    "description": {"_content": "A <b>description</b>"},
    "tags": "beach camera:model=x westyorkshire",
    "license": "0",
    "dateupload": "1707406357",
    "datetaken": "2024-02-08 07:22:41",
}


def listing(*entries: Any, key: str = "photos", **envelope: Any) -> dict[str, Any]:
    return {key: {"page": 1, "photo": list(entries), **envelope}, "stat": "ok"}


class TestParseListing:
    def test_a_post_is_the_same_as_by_get_info(self) -> None:
        page = parse_listing(listing(ENTRY, total="39182", pages=392))
        assert page.answers == (parse(),)
        assert (page.refused, page.total, page.pages) == (0, 39182, 392)

    def test_types_that_changed_over_the_years(self) -> None:
        entry = ENTRY | {
            **{"id": 53517142775, "title": {"_content": "A title"}, "license": 0},
            **{"description": "A <b>description</b>", "server": 65535, "farm": "66"},
            **{"dateupload": 1707406357, "datetaken": "2024-02-08 07:22:41.0"},
        }
        assert parse_listing(listing(entry)).answers == (parse(),)

    def test_a_bad_entry_is_counted_and_the_others_stay(self) -> None:
        halves = [{k: v for k, v in ENTRY.items() if k != left_out} for left_out in ENTRY]
        # No picture needs the farm, and a post may have any owner.
        whole = [half for half in halves if "farm" not in half or "owner" not in half]
        bad = [half for half in halves if half not in whole]
        page = parse_listing(listing(*bad, None, ENTRY | {"id": "x"}, *whole))
        assert page.refused == len(ENTRY) - 2 + 2
        assert [(it.reference.farm, it.owner) for it in page.answers] == [
            ("66", None),
            (None, "199603930@N03"),
        ]

    def test_entries_that_are_not_public_are_skipped_and_videos_are_named(self) -> None:
        hidden = [ENTRY | {"ispublic": ispublic} for ispublic in (0, "0", False)]
        public: tuple[Any, ...] = (1, "1", None, {}, "")
        shown = [ENTRY | {"ispublic": ispublic} for ispublic in public]
        videos = [ENTRY | {"id": "7", "media": "video"}, ENTRY | {"media": {"_content": "video"}}]
        page = parse_listing(listing(*hidden, *shown, *videos))
        assert (len(page.answers), page.videos) == (5, ("7", ENTRY["id"]))
        assert page.refused == 3

    def test_the_order_is_the_listings(self) -> None:
        page = parse_listing(listing(*(ENTRY | {"id": str(number)} for number in (3, 1, 2))))
        assert [answer.reference.photo_id for answer in page.answers] == ["3", "1", "2"]

    def test_photos_of_a_set_have_the_owner_that_was_asked_for(self) -> None:
        entry = {k: v for k, v in ENTRY.items() if k != "owner"}
        content = listing(entry, key="photoset")
        assert parse_listing(content).answers[0].owner is None
        assert parse_listing(content, owner="199603930@N03").answers == (parse(),)

    @pytest.mark.parametrize("total", [None, "many", -1, 1.5, True, float("nan")])
    def test_a_total_that_is_not_a_number_is_unknown(self, total: Any) -> None:
        assert parse_listing(listing(total=total)).total is None

    def test_a_number_too_long_to_print_is_unknown(self) -> None:
        page = parse_listing(listing(ENTRY | {"id": 10**5000}, total=10**5000))
        assert (page.total, page.refused) == (None, 1)
        with pytest.raises(MalformedAnswerError):
            parse(id=10**5000)

    @pytest.mark.parametrize("taken", ["0000-00-00 00:00:00", "2012", "", None, 2012, "2012-01-01"])
    def test_an_invalid_date_is_unknown(self, taken: Any) -> None:
        assert parse(dates={"taken": taken}).date_taken is None
        assert parse_listed(ENTRY | {"datetaken": taken}).date_taken is None

    @pytest.mark.parametrize("content", [None, [], {}, {"photos": []}, {"photos": {"photo": {}}}])
    def test_an_answer_that_is_not_a_listing_is_refused(self, content: Any) -> None:
        with pytest.raises(MalformedAnswerError):
            parse_listing(content)
