"""What the table of speeds shows of two builds."""

import sys
from pathlib import Path

import pytest

from benchmarks.against.measuring import Measured, run
from benchmarks.against.rows import ROWS, Row
from benchmarks.against_build import line
from flickr_emotion.common.checkout import PROJECT

ROW = Row(what="a thing", asked=">= 2", measure=lambda *_: runs(1)[0])


def runs(*seconds: float) -> list[Measured]:
    return [Measured(seconds=it, cpu=2 * it, memory=100 * it) for it in seconds]


def test_medians_are_compared() -> None:
    shown = line("row", ROW, runs(9, 4, 5), runs(1, 2, 9), 0)
    assert shown == "| row | a thing | 5.00 s | 2.00 s | 2.50 | 2.50 | 500 to 200 | >= 2 |"


def test_a_rate_is_of_the_number_of_posts() -> None:
    assert "| 20.0/s | 50.0/s | 2.50 |" in line("row", ROW, runs(5), runs(2), 100)


def test_every_row_of_the_issue_is_there() -> None:
    assert len(ROWS) == 14
    assert all(row.what for row in ROWS.values())


def test_a_command_is_measured_with_what_it_starts() -> None:
    program = (
        "import subprocess, sys; "
        "subprocess.run([sys.executable, '-c', 'bytearray(200_000_000)']); print('done')"
    )
    measured = run([sys.executable, "-c", program], PROJECT)
    assert measured.said == "done\n"
    assert 190 < measured.memory < 400
    assert measured.cpu > 0
    assert measured.seconds > 0


def test_a_failure_is_shown(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)
