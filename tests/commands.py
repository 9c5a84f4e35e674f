"""Commands in the tests' own process, from their arguments to their exit code, as `main` runs them.

Starting Python anew for each of hundreds of bad files would take minutes.
"""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from flickr_emotion.commands.main import main


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


def run(*arguments: object) -> Done:
    """Run a command line."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        patch.object(sys, "argv", ["flickr-emotion", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(code, out.getvalue(), err.getvalue())


def refusal(*arguments: object) -> str:
    """Run a command that must end with one line; return it."""
    done = run(*arguments)
    assert done.code == 1, done
    lines = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.err
    assert done.err.endswith(f"{lines[0]}\n")
    assert "a fault of this program" not in lines[0]
    assert lines[0].isprintable()
    assert len(lines[0]) < 2000
    return lines[0]
