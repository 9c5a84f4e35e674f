"""How fast pictures are harvested, compared with img2dataset 1.47, in one run on one server.

    python -m benchmarks.crawl.images --venv FOLDER [--folder F] [--only pass-through --rounds 5]

img2dataset is installed into a separate environment in FOLDER unless it is there. Our side is the
real command, `python cli.py crawl`, over a ledger whose posts are all known, so that only pictures
are fetched; the whole process is measured, including start-up and reading the list. The server is a
separate process that sends prepared answers, and its processor time is not counted. With several
rounds both programs alternate, and the last line of a case compares the medians.
"""

import argparse
import asyncio
import csv
import io
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.lists.detection import open_list

_PEER = "img2dataset==1.47"
# Pass-through, with its fastest settings on two cores.
_PEER_OPTIONS = (
    "--disable_all_reencoding True --output_format files --processes_count 2 --thread_count 32"
)
_BODIES = 50


@dataclass(frozen=True, kw_only=True)
class Run:
    """One crawl of one program."""

    seconds: float
    cpu: float
    """Seconds of the process and all its children, user and system."""
    files: int

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.files / self.seconds

    @property
    def cpu_each(self) -> float:
        """Milliseconds of processor time an image."""
        return 1000 * self.cpu / max(self.files, 1)

    def line(self, name: str, asked: int) -> str:
        """Return a row of the report."""
        return (
            f"{name:<34}{self.seconds:7.2f} s {self.rate:8.0f}/s {self.cpu_each:6.2f} ms CPU an "
            f"image, {asked - self.files} of {asked} lost"
        )


def compared(runs: list[Run], peers: list[Run]) -> str:
    """Return the medians of both sides and their ratios as a line."""
    rates = [median(run.rate for run in side) for side in (runs, peers)]
    cpu = [median(run.cpu_each for run in side) for side in (runs, peers)]
    return (
        f"{'':<34}medians: {rates[0]:.0f}/s to {rates[1]:.0f}/s, {rates[0] / rates[1]:.2f} times; "
        f"{cpu[0]:.2f} to {cpu[1]:.2f} ms CPU an image"
    )


def pictures() -> list[bytes]:
    """Return JPEGs of 500 x 375 pixels and about 92 KB, all different."""
    made = []
    for seed in range(_BODIES):
        noise = np.random.default_rng(seed).normal(128, 40, (375, 500, 3)).clip(0, 255)
        encoded = io.BytesIO()
        Image.fromarray(noise.astype(np.uint8)).save(encoded, "JPEG", quality=78)
        made.append(encoded.getvalue())
    return made


class _Static(asyncio.Protocol):
    """Answers every GET with a different JPEG, after a delay, or sometimes with 429."""

    def __init__(
        self, answers: list[bytes], delay: float, refused: float, chance: random.Random
    ) -> None:
        self._answers = answers
        self._delay = delay
        self._refused = refused
        self._chance = chance
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, head)
            else:
                self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if self._chance.random() < self._refused:
            answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
        else:
            answer = self._answers[int(path.split(b"/")[2].split(b"_")[0]) % len(self._answers)]
        if not self._transport.is_closing():
            self._transport.write(answer)
            if b"\r\nConnection: close" in head:
                self._transport.close()


def _serve(port: "multiprocessing.Queue[int]", delay: float, refused: float) -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
        for body in pictures()
    ]

    chance = random.Random(1)

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Static(answers, delay, refused, chance), "127.0.0.1", 0, backlog=1024
        )
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def serving(*, delay: float = 0.0, refused: float = 0.0) -> Iterator[str]:
    """Serve from a separate process; ``refused``: the fraction of requests that get a 429."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    server = context.Process(target=_serve, args=(port, delay, refused))
    server.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=60)}"
    finally:
        server.terminate()
        server.join()


def names(count: int) -> list[str]:
    """Return picture paths like Flickr's, without the host."""
    return [f"/65535/{4_000_000_000 + n}_{n:010x}.jpg" for n in range(count)]


def measured(command: list[str], folder: Path, *, env: dict[str, str] | None = None) -> Run:
    """Run a command to its end; count the JPEG files that it left below ``folder``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[:4]} ended with {done.returncode}: {done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds=seconds, cpu=cpu, files=sum(1 for _ in folder.rglob("*.jpg")))


def ours(url: str, count: int, folder: Path) -> Run:
    """Crawl the pictures of ``count`` photos whose posts are known."""
    listed, out = folder / "list", folder / "harvest"
    listed.mkdir(parents=True)
    rows = [f"awe,http://farm4.staticflickr.com{name},0,5\n" for name in names(count)]
    (listed / "a.csv").write_text("".join(rows), encoding="utf-8")
    out.mkdir()
    with Ledger(out / FILE_NAME, create=True) as ledger:
        add_list(ledger, open_list(listed), print)
        with ledger.transaction() as connection:
            connection.execute("UPDATE photos SET api_outcome = 'ok', api_next_try = NULL")
    command = f"crawl {listed} --out {out} --flickr-url {url} --quota 0".split()
    env = os.environ | {"FLICKR_API_KEY": "0" * 32, "FLICKR_API_SECRET": "benchmark"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # A start after the first compiles nothing.
    return measured([sys.executable, "cli.py", *command], out, env=env)


def peers(url: str, count: int, folder: Path, python: Path) -> Run:
    """Download the same pictures with img2dataset."""
    folder.mkdir(parents=True)
    listed, out = folder / "list.csv", folder / "out"
    with listed.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["url"], *([url + name] for name in names(count))])
    command = f"--url_list {listed} --input_format csv --url_col url --output_folder {out}"
    return measured(
        [str(python.with_name("img2dataset")), *command.split(), *_PEER_OPTIONS.split()],
        out,
        env=os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"},
    )


def _installed(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", _PEER], check=True)
    return python


def main() -> None:
    """Print one line for each program and case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="Where pictures go [default: temporary files]")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--only", help="The name of one case.")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    python = None if arguments.ours_only else _installed(arguments.venv)
    cases: list[tuple[str, int, dict[str, float]]] = [
        ("pass-through", arguments.count, {}),
        ("server at 100 ms", arguments.count, {"delay": 0.1}),
        ("10% answered 429", arguments.count, {"refused": 0.1}),
        ("one picture (start-up)", 1, {}),
    ]
    # Removed only at the end: after many removals, ext4 creates files slowly for minutes.
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for number, (name, count, server) in enumerate(cases):
            if arguments.only not in (None, name):
                continue
            runs: dict[str, list[Run]] = {"ours": [], _PEER: []}
            with serving(**server) as url:
                for again in range(arguments.rounds):
                    place = Path(folder) / f"{number}-{again}"
                    runs["ours"].append(ours(url, count, place / "ours"))
                    print(runs["ours"][-1].line(f"{name}: ours", count), flush=True)
                    if python:
                        runs[_PEER].append(peers(url, count, place / "peer", python))
                        print(runs[_PEER][-1].line(f"{name}: {_PEER}", count), flush=True)
            if runs[_PEER]:
                print(compared(runs["ours"], runs[_PEER]), flush=True)


if __name__ == "__main__":
    main()
