"""Compares the crawl with an older version of this project, in one run.

    git worktree add OLDER COMMIT
    python -m benchmarks.beside_older OLDER --vso LISTS [--rounds 5]

OLDER is a checkout of the older version. Each version runs its own benchmark from its checkout,
with this Python. Pictures per second are measured alternately, and the ratio is that of the
medians. API calls per photo are counted once, by each version's sandbox.
"""

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path

from flickr_emotion.common.checkout import PROJECT

# The first case of `benchmarks.images`, alone.
_PASS_THROUGH = """
import sys
import tempfile
from pathlib import Path
from benchmarks.images import ours, serving

with tempfile.TemporaryDirectory(dir=sys.argv[2]) as folder, serving() as url:
    run = ours(url, int(sys.argv[1]), Path(folder) / "ours")
print(run.files / run.seconds)
"""


def main() -> None:
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("older", type=Path)
    parser.add_argument("--vso", type=Path, help="VSO's folder or archive; omit to skip calls")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    arguments = parser.parse_args()
    checkouts = {"older": arguments.older.resolve(), "newer": PROJECT}
    if arguments.rounds:
        rates: dict[str, list[float]] = {name: [] for name in checkouts}
        for _ in range(arguments.rounds):
            for name, checkout in checkouts.items():
                rates[name].append(_pictures(checkout, arguments.count, arguments.folder))
        _report("pictures a second", rates)
    if arguments.vso:
        calls = {name: [_calls(checkout, arguments.vso)] for name, checkout in checkouts.items()}
        _report("API calls a photo", calls)


def _report(what: str, figures: dict[str, list[float]]) -> None:
    older, newer = (statistics.median(figures[name]) for name in ("older", "newer"))
    spread = "; ".join(
        f"{name} {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
        for name, values in figures.items()
    )
    print(f"{what}: {newer / older:.3f} times the older version's; {spread}", flush=True)


def _pictures(checkout: Path, count: int, folder: Path) -> float:
    return _figure(_run(checkout, "-c", _PASS_THROUGH, str(count), str(folder)), r"^([\d.]+)$")


def _calls(checkout: Path, lists: Path) -> float:
    text = _run(checkout, "-m", "benchmarks.vso_calls", str(lists.resolve()), "--without-get-info")
    return _figure(text, r"calls, ([\d.]+) a photo")


def _run(checkout: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _figure(text: str, pattern: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise SystemExit(f"no line like {pattern!r} in:\n{text}")
    return float(found[1])


if __name__ == "__main__":
    main()
