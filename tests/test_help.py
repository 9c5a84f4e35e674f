"""Every command and option says what it is, in 80 columns."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from flickr_emotion.commands.main import app
from flickr_emotion.common.checkout import PROJECT
from tests.commands import run


def walk(found: Any, name: str, parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield all commands with their contexts."""
    context = found.context_class(found, info_name=name, parent=parent)
    yield context.command_path, found, context
    for below, inner in getattr(found, "commands", {}).items():
        yield from walk(inner, below, context)


COMMANDS = {
    path: (found, context)
    for path, found, context in walk(typer.main.get_command(app), "python cli.py")
}


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_they_are_all_walked() -> None:
    assert len(COMMANDS) > 20
    assert "python cli.py manifest diff" in COMMANDS


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_and_its_options_say_what_they_are(path: str) -> None:
    command, context = COMMANDS[path]
    assert command.help
    for parameter in command.get_params(context):
        assert parameter.help, parameter.name
        if parameter.param_type_name == "argument":
            assert parameter.metavar
        else:  # in place of a metavar, typer writes the choices, or else the type
            shown = parameter.get_help_record(context)[0]
            assert not re.search(r"<(str|path|int|float|list)\b", shown), shown


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_fits_80_columns_and_has_no_types_of_python(path: str) -> None:
    words = path.split()[2:]
    said = run(*words, "--help").out
    assert said == run(*words, "-h").out
    assert max(map(len, said.splitlines())) <= 80
    assert not re.search(r"<(str|path|list\[|(int|float) range)|^Usage.*\{", said, re.MULTILINE)


@pytest.mark.parametrize(
    "path", [path for path, (it, _) in COMMANDS.items() if it.__dict__.get("commands")]
)
def test_no_command_is_cut_off_in_the_list(path: str) -> None:
    listed = run(*path.split()[2:], "--help").out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_long_choices_are_in_the_help() -> None:
    said = " ".join(run("train", "-h").out.split())
    assert "--model NAME The system. One of multitask, single-task," in said
    assert "--target <label|distribution>" in said


def test_the_version() -> None:
    assert run("--version").out == "flickr-emotion-toolkit 0.1.0\n"


def test_completion_where_it_is_installed() -> None:
    """A checkout's `python cli.py` cannot be completed by a shell; the installed program can."""
    program = (
        "from flickr_emotion.common import checkout\n"
        "checkout.IS_CHECKOUT, checkout.PROGRAM = False, 'flickr-emotion'\n"
        "from flickr_emotion.commands.main import main\n"
        "main()"
    )

    def completed(line: str) -> list[str]:
        asked = {
            "_FLICKR_EMOTION_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - (not line.endswith(" "))),
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env=os.environ | asked,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert completed("flickr-emotion ev") == ["evaluate"]
    assert completed("flickr-emotion train --mod") == ["--model"]
