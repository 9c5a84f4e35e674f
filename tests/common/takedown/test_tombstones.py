"""Tombstones are read from others: what no takedown wrote is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.takedown.tombstones import (
    OWNER,
    POST,
    Tombstones,
    digest_of,
    parse_tombstones,
    read_tombstones,
    tombstone,
    write_tombstones,
)

STONES = Tombstones.of([tombstone(POST, "37", "why"), tombstone(OWNER, "1@N00", "")])
ROW = {"digest": "0" * 64, "what": "post", "date": "2026-01-31", "reason": "why"}


def raw(rows: Any, **more: Any) -> bytes:
    content = {"format": "flickr-emotion-tombstones", "version": 1, "tombstones": rows}
    return json.dumps(content | more).encode()


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    assert parse_tombstones(STONES.to_json().encode()) == STONES
    write_tombstones(tmp_path, STONES, changes=[1])
    found, content = read_tombstones(tmp_path)
    assert (found, content["changes"]) == (STONES, [1])
    assert read_tombstones(tmp_path / "nowhere") == (Tombstones(), {})


def test_a_post_and_an_owner_are_not_confused() -> None:
    assert STONES.name("37")
    assert STONES.name("38", "1@N00")
    assert not STONES.name("1@N00", "37")
    assert digest_of(POST, "37") != digest_of(OWNER, "37")


def test_the_first_date_is_kept() -> None:
    first = Tombstones.of([*parse_tombstones(raw([ROW]))])
    later = parse_tombstones(raw([ROW | {"date": "2027-01-31"}]))
    assert [it.date for it in first | later] == ["2026-01-31"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{}",
        b"[]",
        b"\xff",
        raw({}),
        raw([ROW], version=2),
        raw([ROW], version="1"),
        raw(["x"]),
        raw([ROW | {"more": "x"}]),
        raw([ROW | {"digest": "0" * 63}]),
        raw([ROW | {"what": "photo"}]),
        raw([ROW | {"date": "today"}]),
        raw([ROW | {"reason": "a\nb"}]),
        raw([ROW | {"reason": "x" * 201}]),
        raw([ROW | {"reason": 3}]),
    ],
)
def test_what_no_takedown_wrote_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_tombstones(wrong)


@pytest.mark.parametrize("reason", ["about 37", "x" * 201, "a\x1bb"])
def test_a_reason_must_not_say_what_is_to_go(reason: str) -> None:
    with pytest.raises(ValueError, match="the reason"):
        tombstone(POST, "37", reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("y", "withdrawn by its owner"), ("37", "case 1378 of 2037"), ("drawn", "withdrawn")],
)
def test_a_reason_may_hold_an_id_inside_a_word(name: str, reason: str) -> None:
    assert tombstone(POST, name, reason).reason == reason
