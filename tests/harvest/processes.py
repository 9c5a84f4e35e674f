"""Crawls as real processes: start them, watch them, and read their results."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flickr_emotion.common.checkout import PROJECT
from tests.harvest.corpora import KEY, SECRET


class HasUrl(Protocol):
    """A server that replaces Flickr."""

    @property
    def url(self) -> str:
        """The URL of the server."""


def start(
    published_list: Path,
    out: Path,
    server: HasUrl,
    *more: str,
    key: str = KEY,
    secret: str = SECRET,
    prepare: Callable[[], None] | None = None,
) -> subprocess.Popen[str]:
    """Start a crawl without a quota and with ``more`` options; ``prepare`` runs in its process.

    It hears SIGHUP, also where the tests run under ``nohup``.
    """

    def hear() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if prepare:
            prepare()

    command = f"crawl {published_list} --out {out} --flickr-url {server.url} --quota 0"
    return subprocess.Popen(
        [sys.executable, "cli.py", *command.split(), *more],
        cwd=PROJECT,
        env=os.environ | {"FLICKR_API_KEY": key, "FLICKR_API_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear,
    )


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that is visible from outside the process, while it is alive."""
    while not condition() and process.poll() is None:
        time.sleep(0.001)  # Neither the server nor a file has an event to wait for.


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return the exit code, standard output and standard error."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def killed(process: subprocess.Popen[str]) -> bool:
    """Kill with a signal that cannot be caught; return whether the process was still alive."""
    process.kill()
    return ended(process)[0] == -9
