"""Follows the README as a stranger: its commands in an empty folder, its pages in a browser.

The environment that runs the tests stands for the one that `make` would build.
"""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import TYPE_CHECKING, Any

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.reading import open_dataset
from tests.browser import SIZES, OpenPage, sideways
from tests.documents import document, needs_weights, set_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, needs_weights]

MINUTES = 10
"""How long a stranger may take in all; the program's own part must leave most of it."""
ANSWERED = 60_000
"""Milliseconds that an answer may take on a busy machine."""


class Stranger:
    """Does what the README says, in a folder, and looks at the clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = document("README.md")
        self.commands = re.findall(r"^ {4,6}((?:make|python|\.venv/).*)$", self.text, re.MULTILINE)
        self.seconds: dict[str, tuple[float, float]] = {}
        """By command: seconds of the clock and of the processor."""

    def reads(self, name: str) -> str:
        """Return a name of the page, which the README has to have told."""
        assert f"**{name}**" in self.text
        return name

    def command(self, start: str) -> str:
        """Return the command of the README that begins so."""
        (found,) = (it for it in self.commands if it.startswith(start))
        return str(found)

    @contextmanager
    def starts(self, start: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a command of the README; it has to end well."""
        command = self.command(start)
        # Nothing is installed: the environment is there.
        typed = command.replace("make ", "make --old-file .venv/.locked ")
        if typed.startswith("python"):
            typed = f". .venv/bin/activate && exec {typed}"
        began, used = time.monotonic(), _processor()
        with subprocess.Popen(
            ["bash", "-c", typed],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            yield running
            said, _ = running.communicate()
        assert running.returncode == 0, (command, said)
        self.seconds[command] = time.monotonic() - began, _processor() - used

    def runs(self, start: str) -> None:
        with self.starts(start):
            pass


def _processor() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    environment = Path(sys.prefix)
    if not (environment / "bin" / "activate").is_file():
        pytest.skip("the tests do not run in a virtual environment, as `make setup` builds it")
    set_up(tmp_path)
    (tmp_path / ".venv").symlink_to(environment)
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).symlink_to(PROJECT / name)
    return Stranger(tmp_path)


def test_data_are_looked_at_corrected_and_tried_and_a_report_is_read(
    stranger: Stranger, open_page: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger.runs("make demo")
    stranger.runs(".venv/bin/python cli.py report")
    demo = stranger.folder / "demo"
    before = _labels(demo / "dataset")

    with stranger.starts("python cli.py serve") as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[1]
        with open_page(url) as page:
            _looks(page, stranger, len(before))
            photo_id, label = _corrects(page, stranger)
            _tries(page, stranger)
        server.send_signal(signal.SIGINT)

    with (demo / "dataset.corrections.csv").open(encoding="utf-8") as file:
        (mark,) = csv.DictReader(file)
    assert (mark["photo_id"], mark["was"], mark["label"]) == (photo_id, before[photo_id], label)
    stranger.runs("python cli.py build-splits demo/harvest")
    assert _labels(demo / "dataset") == before
    assert _labels(demo / "corrected") == before | {photo_id: label}

    figures = json.loads((demo / "run" / "metrics.json").read_text(encoding="utf-8"))["test"]
    for size in SIZES.values():
        with open_page((demo / "report.html").as_uri(), size) as page:
            _reads(page, figures)

    with capsys.disabled():
        print()
        for command, (clock, work) in stranger.seconds.items():
            print(f"{clock:6.1f} s, processor {work:5.1f} s  {command}")
    # Seconds of the processor, so that a busy machine does not fail the test.
    assert sum(work for _, work in stranger.seconds.values()) < 60 * MINUTES / 2


def _labels(dataset: Path) -> dict[str, str]:
    opened = open_dataset(dataset)
    return {
        row["photo_id"]: row["label"]
        for split in SPLITS
        for batch in opened.batches(split, ["photo_id", "label"])
        for row in batch
    }


def _looks(page: "Page", stranger: Stranger, posts: int) -> None:
    """Look through the posts: all, those of a label, and those of a word."""
    tally = page.locator("#tally")
    assert page.get_by_role("link", name=stranger.reads("Explore"), exact=True).is_visible()
    assert tally.inner_text() == f"{posts:,} posts"
    page.get_by_role("combobox", name="Label", exact=True).select_option("sadness")
    page.get_by_role("textbox", name="Words in the text", exact=True).fill("lonely")
    page.wait_for_url("**words=lonely**")
    page.wait_for_function("() => document.getElementById('tally').innerText.includes(' of ')")
    texts = page.locator("#posts > li").all_inner_texts()
    assert texts
    assert all(text.startswith("sadness") for text in texts)


def _corrects(page: "Page", stranger: Stranger) -> tuple[str, str]:
    """Give the first post another label; return its id and this label."""
    page.locator("#posts a.picture").first.click()
    photo_id = page.get_by_role("heading", level=1).inner_text().removeprefix("Post ")
    right = page.get_by_role("combobox", name=stranger.reads("The right label"), exact=True)
    right.select_option("contentment")
    page.get_by_role("button", name=stranger.reads("Mark"), exact=True).click()
    page.get_by_text("Marked as wrong label: rather contentment").wait_for()
    return photo_id, "contentment"


def _tries(page: "Page", stranger: Stranger) -> None:
    """Let the network answer a text with tags."""
    page.get_by_role("link", name=stranger.reads("Try"), exact=True).click()
    page.get_by_role("textbox", name="Text", exact=True).fill(
        "The police looked so angry, and I still think of the rage in the street"
    )
    page.get_by_role("textbox", name="Tags").fill("riot, protest")
    page.get_by_role("button", name=stranger.reads("Answer"), exact=True).click()
    page.locator("#answer h2").wait_for(timeout=ANSWERED)
    assert page.locator("#answer h2").inner_text() == "anger"
    assert "Most of all" in page.locator("#answer").inner_text()


def _reads(page: "Page", test: dict[str, Any]) -> None:
    """Find the run's accuracy, the curves and the errors in the report."""
    table = page.get_by_role("table", name="Accuracy and F1 on the test posts, in per cent")
    row = table.get_by_role("row", name="image, text and tags")
    assert f"{100 * test['image+text+tags']['accuracy']:.2f}" in row.inner_text().split()
    page.get_by_role("link", name="Learning curves").click()
    assert page.get_by_role("img", name=re.compile("^Losses")).is_visible()
    assert page.get_by_role("heading", name="Surest errors").count() == 1
    assert sideways(page) == 0
