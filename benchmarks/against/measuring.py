"""Runs a command of a build to its end: wall time, processor time and memory."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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


# A process begins with the memory of the one that started it, which would be taken for its own: a
# small one stands between.
_BETWEEN = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[2:])
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
sys.exit(code)
"""


def run(command: Sequence[str], folder: Path) -> Measured:
    """Run a command in a folder to its end; a failure ends the benchmark."""
    with tempfile.TemporaryDirectory() as scratch:
        figures = Path(scratch) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-S", "-c", _BETWEEN, str(figures), *command],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": "", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shown = " ".join(command)[:300]
            raise SystemExit(f"{folder}: {shown} failed:\n{done.stderr[-3000:]}")
        seconds, cpu, memory = json.loads(figures.read_text(encoding="utf-8"))
    return Measured(seconds=seconds, cpu=cpu, memory=memory, said=done.stdout)


def middle(runs: Sequence[Measured], figure: str) -> float:
    """Return the median of a figure over runs."""
    values: list[Any] = [getattr(it, figure) for it in runs]
    return float(median(values))
