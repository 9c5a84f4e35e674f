"""What commands cost beside an older version of this project, in one run.

    git worktree add OLDER COMMIT
    python -m benchmarks.beside_older OLDER --vso LISTS [--pairs 148] --harvest H [--rounds 5]

OLDER is a checkout of the older version. Each benchmark is the version's own, run from its checkout
by this Python. Times are measured in turns, older and newer one after the other, and the ratio is
that of the medians: pictures a second; the whole commands `--help`, `build-splits H` and `train` on
its data set (three epochs, frozen random features that are computed before). API calls a photo are
counted once, by each version's sandbox, on the whole list or on some of its pairs. The outcomes
that a version records wrongly are counted as well, since an older version may have known faults.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.crawl.vso_calls import vso_lists
from flickr_emotion.common.checkout import PROJECT

# The first case of `benchmarks.crawl.images`, alone.
_PASS_THROUGH = """
import sys
import tempfile
from importlib import import_module
from pathlib import Path

images = import_module(sys.argv[1])
with tempfile.TemporaryDirectory(dir=sys.argv[3]) as folder, images.serving() as url:
    run = images.ours(url, int(sys.argv[2]), Path(folder) / "ours")
print(run.files / run.seconds)
"""
# `benchmarks.crawl.vso_calls` ends at the first wrong outcome of a crawl; this counts them.
_CALLS = """
import sys
import tempfile
from importlib import import_module
from pathlib import Path
vso_calls = import_module(sys.argv[1])

def count_wrong(ledger, corpus):
    listed = corpus.listed
    expected = {"ok": "ok", "private": "private", "deleted": "gone", "placeholder": "gone"}
    rows = ledger.query("SELECT photo_id, api_outcome FROM photos")
    recorded = {row["photo_id"]: row["api_outcome"] for row in rows}
    wrong = len(recorded.keys() ^ set(map(str, listed.numbers)))
    for place, number in enumerate(listed.numbers):
        should, outcome = expected[listed.status(place)], recorded.get(str(number))
        if outcome not in (should, None):
            wrong += 1
            print(f"photo {number} is {should} and was recorded as {outcome}", file=sys.stderr)
    print(f"{wrong} outcomes are wrong")

vso_calls._check = count_wrong
with tempfile.TemporaryDirectory() as folder:
    vso_calls._measure(Path(sys.argv[2]), Path(folder) / "harvest", "listings first")
"""


def main() -> None:
    """Print a line for each measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("older", type=Path)
    parser.add_argument("--vso", type=Path, help="VSO's folder or archive; without, no calls.")
    parser.add_argument("--pairs", type=int, help="Count calls for so many of VSO's pairs.")
    parser.add_argument(
        "--harvest", type=Path, help="Build and train on it, such as the demo's; without, neither."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    arguments = parser.parse_args()
    checkouts = {"older": arguments.older.resolve(), "newer": PROJECT}
    if arguments.rounds:
        rates = _in_turns(
            checkouts,
            arguments.rounds,
            lambda _, checkout: _pictures(checkout, arguments.count, arguments.folder),
        )
        _report("pictures a second", rates)
        helps = _in_turns(
            checkouts, arguments.rounds, lambda _, checkout: _seconds(checkout, "--help")
        )
        _report("seconds of --help", helps)
    if arguments.harvest:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            _report_build_and_training(
                checkouts, arguments.rounds, arguments.harvest.resolve(), Path(folder)
            )
    if arguments.vso:
        with vso_lists(arguments.vso, arguments.pairs) as lists:
            texts = {
                name: _run(
                    checkout, "-c", _CALLS, module_in(checkout, "crawl.vso_calls"), str(lists)
                )
                for name, checkout in checkouts.items()
            }
        for name, text in texts.items():
            print(f"{name}: {text}", end="")
        calls = {name: [_figure(it, r"calls, ([\d.]+) a photo")] for name, it in texts.items()}
        _report("API calls a photo", calls)


def _report(what: str, figures: dict[str, list[float]]) -> None:
    older, newer = (statistics.median(figures[name]) for name in ("older", "newer"))
    spread = "; ".join(
        f"{name} {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
        for name, values in figures.items()
    )
    print(f"{what}: {newer / older:.3f} times the older version's; {spread}", flush=True)


def _report_build_and_training(
    checkouts: dict[str, Path], rounds: int, harvest: Path, folder: Path
) -> None:
    def build(name: str, checkout: Path) -> float:
        return _seconds(checkout, "build-splits", str(harvest), "--out", str(folder / name / "d"))

    def train(name: str, checkout: Path) -> float:
        options = "--image-encoder squeezenet1_1 --image-weights none --epochs 3 --patience 3"
        shutil.rmtree(folder / name / "r", ignore_errors=True)
        places = (str(folder / name / "d"), "--out", str(folder / name / "r"))
        return _seconds(checkout, "train", *places, "--device", "cpu", *options.split())

    for name in checkouts:
        (folder / name).mkdir()
    # Built again, a data set takes over the last one's decisions: each build is of a new folder.
    built: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            shutil.rmtree(folder / name / "d", ignore_errors=True)
            built[name].append(build(name, checkout))
    _report("seconds of build-splits", built)
    _in_turns(checkouts, 1, train)  # computes the features
    _report("seconds of train, three epochs", _in_turns(checkouts, rounds, train))


def _in_turns(
    checkouts: dict[str, Path], rounds: int, measure: Callable[[str, Path], float]
) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            figures[name].append(measure(name, checkout))
    return figures


def _seconds(checkout: Path, *arguments: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "cli.py", *arguments]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    return time.monotonic() - started


def _pictures(checkout: Path, count: int, folder: Path) -> float:
    module = module_in(checkout, "crawl.images")
    text = _run(checkout, "-c", _PASS_THROUGH, module, str(count), str(folder))
    return _figure(text, r"^([\d.]+)$")


def module_in(checkout: Path, name: str) -> str:
    """Return the module of a benchmark such as ``crawl.images`` in a checkout.

    In older versions, all benchmarks lie in one folder.
    """
    room, _, alone = name.partition(".")
    has_rooms = (checkout / "benchmarks" / room / f"{alone}.py").is_file()
    return f"benchmarks.{name if has_rooms else alone}"


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
