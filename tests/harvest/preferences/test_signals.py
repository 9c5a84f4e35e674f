"""What header fields and an owner's settings mean, and how fields from strangers are recorded."""

import json

import pytest

from flickr_emotion.harvest.image_hosts.transfers import header_fields
from flickr_emotion.harvest.preferences.headers import (
    LONGEST_RECORD,
    record_headers,
    recorded_headers,
)
from flickr_emotion.harvest.preferences.signals import Signals, recorded_usage, signals_of


def recorded(*fields: tuple[str, str]) -> str:
    """What is recorded of fields as they came, with one byte for each character."""
    lines = [f"{name}: {value}\r\n".encode("latin-1") for name, value in fields]
    return record_headers(header_fields([b"HTTP/1.1 200 OK\r\n", *lines, b"\r\n"]))


def said(*fields: tuple[str, str]) -> Signals:
    return signals_of(recorded_headers(recorded(*fields)), None)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("train-ai=n", False),
        ("train-ai=y, search=n", True),
        ("search=n", None),
        ("train-ai", None),  # The boolean "true" is no preference.
        ('train-ai="n"', None),
        ("train-ai=N", None),
        ("train-ai=n, train-ai", None),  # The last value counts.
        ("train-ai=n;until=@5, new-label=(a b)", False),
        ("TRAIN-AI=n", None),  # It breaks the grammar.
        ("train-ai=n,, search=y", None),
        # Labels of the draft's versions of 2025.
        ("all=n", False),
        ("all=n, train-ai=y", True),
        ("tdm=n", False),
        ("tdm=y, ai=n", False),
        ("genai=n, train-genai=n", None),
        ("", None),
    ],
)
def test_content_usage(field: str, allowed: bool | None) -> None:
    assert said(("Content-Usage", field)).training is allowed


def test_lines_of_content_usage_are_one_field() -> None:
    lines = (("content-usage", "search=n"), ("Content-Usage", "train-ai=n"))
    assert said(*lines).training is False
    assert said(*lines, ("content-usage", "oops,")).training is None


@pytest.mark.parametrize(
    ("fields", "no_ai"),
    [
        (("noai",), True),
        (("noindex, NoImageAI",), True),
        (("noindex, nofollow, noimageindex",), False),
        (("unavailable_after: 25 Jun 2030 15:00:00 PST, noai",), True),
        (("max-snippet:0,noimageai",), True),
        (("otherbot: noai",), False),  # For one crawler that is not this one.
        (("otherbot: noindex", "noai"), True),
        (("otherbot: noindex, noai",), False),
        (("noindex, otherbot: nofollow, noai",), False),
        (("noai, otherbot: noindex",), True),
        (("unavailable_after: Saturday, 25-Aug-07 15:00:00 EST, noai",), True),
        (("none",), False),
        (("",), False),
    ],
)
def test_robots_tag(fields: tuple[str, ...], no_ai: bool) -> None:
    assert said(*(("X-Robots-Tag", field) for field in fields)).no_ai is no_ai


@pytest.mark.parametrize(
    ("field", "reserved"), [("1", True), (" 1 ", True), ("0", False), ("yes", False), ("11", False)]
)
def test_tdm_reservation(field: str, reserved: bool) -> None:
    policy = ("TDM-Policy", "https://example.org/policy.json")
    assert said(("tdm-reservation", field), policy).tdm_reserved is reserved


def test_settings_of_the_owner() -> None:
    assert signals_of(None, None) == Signals(
        known=False, training=None, no_ai=False, tdm_reserved=False, can_download=None
    )
    assert signals_of({}, {"candownload": 0, "canblog": 1}).can_download is False
    assert signals_of({}, recorded_usage('{"candownload": 1}')).can_download is True
    assert signals_of({}, {"canblog": 0}).can_download is None


def test_fields_are_recorded_as_they_came_and_others_are_not() -> None:
    record = recorded(
        ("Content-Type", "image/jpeg"),
        ("X-Robots-Tag", "noai"),
        ("x-robots-tag", "noindex"),
        ("Content-Usage", "train-ai=n, x=??"),
    )
    assert json.loads(record) == {
        "content-usage": ["train-ai=n, x=??"],
        "x-robots-tag": ["noai", "noindex"],
    }
    assert recorded() == "{}"


def test_a_hostile_field_is_bounded_and_inert() -> None:
    for length in (2048, 2049, 10**6):
        for line in ("\x1b" * length, "train-ai=n," + "é" * (length - 11)):
            record = recorded(("Content-Usage", line))
            assert len(record) <= LONGEST_RECORD
            assert record.isascii()
            assert record.isprintable()
            kept = recorded_headers(record)["content-usage"]
            assert (kept is None) is (length > 2048)
            assert signals_of(recorded_headers(record), None).training is None
    assert recorded(*[("X-Robots-Tag", "")] * 100_000) == '{"x-robots-tag": null}'
    no_utf8 = recorded(("X-Robots-Tag", "noai, \xff\x80"))
    assert recorded_headers(no_utf8) == {"x-robots-tag": ["noai, \xff\x80"]}


@pytest.mark.parametrize(
    "record",
    ["", "[]", "null", '{"server": ["x"]}', '{"content-usage": "n"}', '{"content-usage": [1]}'],
)
def test_a_record_that_no_crawl_writes_is_refused(record: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's message is not of interest
        recorded_headers(record)
    with pytest.raises(ValueError):  # noqa: PT011
        recorded_usage('{"candownload": "x"}')
