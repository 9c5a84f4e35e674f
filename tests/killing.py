"""Killing a command at one system call: what is on disk then is what a kill or an outage leaves.

``strace`` ends the whole process on its way into the n-th call of a kind, before the call is made.
Walking n from 1 to as many as there are shows every state that the command passes through.
"""

import os
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

_NAMES = (
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "truncate", "ftruncate"),
)
_WRITES = ("write", "writev", "pwrite64", "pwritev", "copy_file_range", "sendfile", "fsync")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The n-th call of a kind, counted in each thread by itself."""

    call: str
    number: int


@cache
def _why_not() -> str | None:
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=rename", sys.executable, "-c", ""],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else f"strace may not trace here: {done.stderr.strip()}"


def skip_without_strace() -> None:
    """Skip the test where no process can be traced, and say why."""
    if reason := _why_not():
        pytest.skip(reason)


def killed_at_every_call(
    command: Callable[[Path], Sequence[object]],
    prepared: Callable[[Path], None],
    folder: Path,
    *,
    only: Sequence[str] = (),
    writes: int = 5,
    most: int = 1000,
    below: bool = False,
    seed: int = 0,
) -> Iterator[tuple[Moment, Path]]:
    """Yield a moment and the folder in which the command was killed there, for every moment.

    ``prepared`` fills an empty folder; ``command`` gives the arguments of Python for that folder
    (``cli.py`` and what follows, or ``-c PROGRAM``). Every rename, link, unlink, mkdir and their
    like is a moment (of more than ``most``, a sample), and ``writes`` of each kind of write; with
    ``below`` only those that name something in the folder, for commands that import what writes.
    ``only`` names the calls where not all are wanted. Moments that a run does not come to, because
    threads share work otherwise, are passed over.
    """
    skip_without_strace()
    counted = folder / "counted"
    counted.mkdir()
    prepared(counted)
    killed = 0
    numbers = _numbers([*command(counted)], folder / "calls", str(counted) if below else "")
    numbers = {name: found for name, found in numbers.items() if not only or name in only}
    for number, moment in enumerate(_moments(numbers, writes, most, seed)):
        place = folder / f"killed-{number}"
        place.mkdir()
        prepared(place)
        rule = f"inject={moment.call}:signal=KILL:when={moment.number}"
        done = _traced(["-e", f"trace={moment.call}", "-e", rule, "-o", os.devnull], command(place))
        if done.returncode != 0:
            killed += 1
            yield moment, place
        shutil.rmtree(place)
    assert killed, "no signal was injected"


def _traced(options: list[str], command: Sequence[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # Not with --seccomp-bpf, which is faster: strace 6.1 then injects nothing, and is silent.
        ["strace", "-f", "-qq", *options, sys.executable, *map(str, command)],
        cwd=PROJECT,
        # What Python keeps of modules would be written and renamed too.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _numbers(command: Sequence[object], log: Path, named: str) -> dict[str, set[int]]:
    """Return, by kind, which of a thread's calls name what is asked for, of all threads."""
    # A name that this processor does not know is passed over by the question mark.
    wanted = ",".join(f"?{name}" for name in (*_NAMES, *_WRITES))
    done = _traced(["-y", "-e", f"trace={wanted}", "-o", str(log)], command)
    assert done.returncode == 0, done.stderr
    by_thread: Counter[tuple[str, str]] = Counter()
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for line in log.read_text(errors="replace").splitlines():
        thread, _, call = line.partition(" ")
        name = call.strip().partition("(")[0]
        if name in _NAMES or name in _WRITES:
            by_thread[thread, name] += 1
            if named in line:
                numbers[name].add(by_thread[thread, name])
    assert numbers, "the command writes nothing"
    return numbers


def _moments(counts: dict[str, set[int]], writes: int, most: int, seed: int) -> list[Moment]:
    chosen = random.Random(seed)
    found = []
    for name, numbers in sorted(counts.items()):
        limit = most if name in _NAMES else writes
        some = sorted(numbers)
        if len(some) > limit:
            some = sorted(chosen.sample(some, limit))
        found += [Moment(call=name, number=number) for number in some]
    return found
