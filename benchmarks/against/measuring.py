"""Runs a command of a build to its end: wall time, processor time and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run."""

    seconds: float
    cpu: float
    """Seconds of the process and of all that it has started, user and system."""
    memory: float
    """The most of one process, in MB."""
    said: str = ""

    @classmethod
    def said_by(cls, run: "Measured") -> "Measured":
        """Return what a program measured of a part of itself: its last line is JSON."""
        part = json.loads(run.said.splitlines()[-1])
        return cls(seconds=part["seconds"], cpu=part["cpu"], memory=run.memory, said=run.said)


@dataclass(frozen=True, kw_only=True)
class Build:
    """A checkout, and a folder for what it writes."""

    name: str
    checkout: Path
    folder: Path

    def cli(self, *arguments: object) -> Measured:
        """Run a command of the command line."""
        return self.python("cli.py", *arguments)

    def program(self, text: str, *arguments: object) -> Measured:
        """Run a program with the modules of this build."""
        return self.python("-c", text, *arguments)

    def python(self, *arguments: object) -> Measured:
        """Run Python in the checkout."""
        return run([sys.executable, *map(str, arguments)], self.checkout)

    def offers(self, command: str, option: str) -> bool:
        """Return whether a command has an option."""
        return option in self.cli(command, "--help").said


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command in a folder to its end; a failure ends the benchmark."""
    given = os.environ | {"PYTHONPATH": "", "COLUMNS": "200"} | dict(env or {})
    errors = folder / ".against-errors"
    with errors.open("w+b") as said:
        before = os.times().elapsed
        process = subprocess.Popen(
            command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout is not None
        out = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        seconds = os.times().elapsed - before
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complaint = said.read().decode(errors="replace")
    errors.unlink()
    if process.returncode:
        raise SystemExit(f"{folder}: {' '.join(command)[:300]} failed:\n{complaint[-3000:]}")
    return Measured(
        seconds=seconds,
        cpu=used.ru_utime + used.ru_stime,
        memory=used.ru_maxrss / 1024,
        said=out,
    )


def middle(runs: Sequence[Measured], figure: str) -> float:
    """Return the median of a figure over runs."""
    values: list[Any] = [getattr(it, figure) for it in runs]
    return float(median(values))
