"""The commands of the tour and of the README, run as they stand there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from tests.documents import blocks, document, needs_weights, run_all, set_up

pytestmark = [pytest.mark.slow, needs_weights]


def test_every_command_runs_and_says_what_the_tour_shows(tmp_path: Path) -> None:
    run_all(document("docs/tour.md"), set_up(tmp_path))


def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (example,) = blocks(document("README.md"), "python")
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("anger {")
