"""Every command line that a document shows is one, also those that no test runs."""

import re
import shlex
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.sandbox import Sandbox
from tests.commands import run

_OTHER = ("-h", "--help", "--version", "...", "COMMAND", "MY-LIST")


def shown(path: Path) -> list[str]:
    """The command lines of a document's blocks, without what a shell reads."""
    found = re.findall(
        r"^(?:    |\$ )?(?:.*&& )?(?:\.venv/bin/)?python cli\.py (.*)$",
        path.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [re.split(r" +#| >>? | 2>&1| \|", line)[0] for line in found]


LINES = sorted(
    {
        line
        for path in [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")]
        for line in shown(path)
        if not any(word in _OTHER for word in line.split())
    }
)


def test_there_are_many() -> None:
    assert len(LINES) > 60


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_is_understood(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", Sandbox.api_key)
    monkeypatch.setenv("FLICKR_API_SECRET", Sandbox.api_secret)
    done = run(*shlex.split(line), "--show-config")
    assert done.code == 0, done.err
