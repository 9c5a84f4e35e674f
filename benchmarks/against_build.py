"""How many times as fast as an older build: its commit is checked out beside, both in one run.

    python -m benchmarks.against_build 112686f [--only lite0 --only predict-text] [--rounds 5]

Each row is measured in turns, older and newer, and the medians are compared. What is prepared for
a row (harvests, data sets, a trained run, graphs for ONNX Runtime) is not timed. One `predict` is
compared by processor time, all else by wall time; the table shows both. On a machine with other
work, ``--threads 1`` and the ratio by processor time say most. ``--size 0.01`` is for a quick look.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.against.measuring import Build, Measured, middle
from benchmarks.against.rows import ROWS, Row, World
from flickr_emotion.common.checkout import PROJECT

_HEAD = (
    "| row | | older | newer | times as fast | by processor time | memory, MB | asked |\n"
    "|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", help="The older build.")
    parser.add_argument("--only", action="append", choices=ROWS, help="Rows; may be repeated.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="Threads of each process.")
    parser.add_argument("--size", type=float, default=1.0, help="A factor of all numbers of posts.")
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--folder", type=Path, help="For checkout and data; default: temporary.")
    options = parser.parse_args()
    # Otherwise the checkout would be compiled again by each command, and this build would not.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.threads:
        os.environ |= {
            name: str(options.threads) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")
        }
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        scratch = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        with checked_out(options.commit, scratch / "checkout") as checkout:
            builds = _builds(checkout, scratch)
            world = World(
                builds=builds, data=options.data.resolve(), folder=scratch, size=options.size
            )
            print(_HEAD, flush=True)
            for row in options.only or [name for name in ROWS if name != "tests"]:
                print(measure(row, ROWS[row], world, options.rounds), flush=True)
    for note in dict.fromkeys(world.notes):
        print(f"\n{note}")


@contextmanager
def checked_out(commit: str, place: Path) -> Iterator[Path]:
    """Check out a commit beside, and take it away at the end."""
    git = ["git", "-C", str(PROJECT)]
    subprocess.run([*git, "worktree", "add", "--detach", "-q", str(place), commit], check=True)
    try:
        yield place
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(place)], check=True)


def _builds(older: Path, scratch: Path) -> tuple[Build, Build]:
    made = []
    for name, checkout in (("older", older), ("newer", PROJECT)):
        folder = scratch / name
        folder.mkdir()
        made.append(Build(name=name, checkout=checkout, folder=folder))
    return made[0], made[1]


def measure(name: str, row: Row, world: World, rounds: int) -> str:
    """Return a line of the table."""
    runs: dict[str, list[Measured]] = {build.name: [] for build in world.builds}
    for number in range(rounds):
        for build in world.builds:
            runs[build.name].append(row.measure(world, build, number))
    return line(name, row, runs["older"], runs["newer"], world.count(row.count) if row.count else 0)


def line(name: str, row: Row, older: list[Measured], newer: list[Measured], count: int) -> str:
    """Return a line of the table; ``count``: of posts or pictures, 0 where seconds are shown."""
    wall, cpu = (middle(older, it) / middle(newer, it) for it in ("seconds", "cpu"))
    figures = []
    for runs in (older, newer):
        seconds = middle(runs, "cpu" if row.by_cpu else "seconds")
        figures.append(f"{count / seconds:,.1f}/s" if count else f"{seconds:.2f} s")
    memory = " to ".join(f"{middle(runs, 'memory'):,.0f}" for runs in (older, newer))
    return (
        f"| {name} | {row.what} | {figures[0]} | {figures[1]} | {cpu if row.by_cpu else wall:.2f} "
        f"| {cpu:.2f} | {memory} | {row.asked} |"
    )


if __name__ == "__main__":
    main()
