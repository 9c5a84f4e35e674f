"""A command that loads for more than a second says so, on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from flickr_emotion.command_line import loading
from flickr_emotion.common.checkout import PROJECT

# A module of the program that takes its time, as those that import torch do.
PROGRAM = """
import sys, threading
import flickr_emotion
from flickr_emotion.command_line import loading
flickr_emotion.__path__.append({folder!r})
sys.begun, sys.said = threading.Event(), threading.Event()
plain = loading.say_if_loading
loading._SECONDS = 0
loading.say_if_loading = lambda: (sys.begun.wait(), plain(), sys.said.set())
with loading.loading_said():
    import flickr_emotion.slow_part
"""


def said(folder: Path) -> str:
    """What a program says on a terminal of its own."""
    module = "import sys\nsys.begun.set()\nsys.said.wait()\n"
    (folder / "slow_part.py").write_text(module, encoding="utf-8")
    ours, its = pty.openpty()
    program = PROGRAM.format(folder=str(folder))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=PROJECT, stderr=its, timeout=60, check=False)
    assert done.returncode == 0
    os.write(its, b"the end")
    text = ""
    while not text.endswith("the end"):  # a terminal hands over what was written piece by piece
        text += os.read(ours, 10_000).decode()
    os.close(its)
    os.close(ours)
    return text


def test_while_a_module_is_imported_it_is_said(tmp_path: Path) -> None:
    assert said(tmp_path) == "loading libraries\r\nthe end"


def test_nothing_is_said_where_nothing_loads(capsys: pytest.CaptureFixture[str]) -> None:
    loading.say_if_loading()
    assert capsys.readouterr().err == ""


def test_without_a_terminal_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.Timer", None)
    with loading.loading_said():
        pass
