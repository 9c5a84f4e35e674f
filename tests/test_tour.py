"""Runs the commands in the tour, and the Python example in the README."""

from pathlib import Path

import pytest

from tests.documents import blocks, document, needs_weights, run_all, run_python, set_up

pytestmark = [pytest.mark.slow, needs_weights]


def test_every_command_runs_and_says_what_the_tour_shows(tmp_path: Path) -> None:
    run_all(document("docs/tour.md"), set_up(tmp_path))


def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (example,) = blocks(document("README.md"), "python")
    printed = run_python(example, tmp_path)
    assert printed.splitlines()[-1].startswith("anger {")
