"""The log for machines: one JSON object a line, on standard error."""

import json
from dataclasses import asdict, fields

import pytest

from flickr_emotion.harvest.crawl.json_log import say_json, show_json
from flickr_emotion.harvest.crawl.progress import Snapshot
from flickr_emotion.harvest.pace.clock import now


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_message_is_one_line_whatever_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    before = now()
    say_json('two\nlines, "quoted", näher')
    (line,) = logged(capsys)
    assert (line["event"], line["text"]) == ("message", 'two\nlines, "quoted", näher')
    time = line["time"]
    assert isinstance(time, float)
    assert before - 0.001 <= time <= now() + 0.001


def test_progress_has_the_fields_of_a_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = Snapshot(**dict.fromkeys([field.name for field in fields(Snapshot)], 7))  # type: ignore[arg-type]
    show_json(snapshot)
    (line,) = logged(capsys)
    assert line.pop("event") == "progress"
    line.pop("time")
    assert line == asdict(snapshot)
