"""Whether the memory of a long crawl stays constant: one real crawl, at the pace of a quota.

    python -m benchmarks.crawl.soak LISTS [--minutes 30]

LISTS is VSO's folder, or a tar archive of one. The sandbox serves it from a separate process as a
virtual corpus, with faults of every kind at one request in a hundred. The crawl is the real command
without pictures (a HEAD request each), with a quota at which its calls take longer than the time
given; then Ctrl-C ends it. Its resident memory is read ten times a second.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from benchmarks.crawl.vso_calls import sandbox

_FAULTS = (
    "429=0.01,429-retry-after=0.01,500=0.01,503=0.01,reset=0.01,html=0.01,cut-json=0.01,empty=0.01,"
    "code-105=0.01,image-429=0.01,image-500=0.01,image-reset=0.01,seed=1"
)
# More calls than the whole sample needs: the crawl must not end before the time is over.
_CALLS = 12_000
_PARTS = 6


def main() -> None:
    """Print the resident memory in each part of the time, and the growth after the first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lists", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, lists = Path(name), arguments.lists
        if lists.is_file():
            with tarfile.open(lists) as archive:
                archive.extractall(folder / "lists", filter="data")
            lists = folder / "lists"
        seconds = 60 * arguments.minutes
        with sandbox(lists, "--faults", _FAULTS) as url:
            quota = int(_CALLS * 3600 / seconds)
            samples = _crawl(lists, folder / "harvest", url, quota, seconds)
    size = len(samples) // _PARTS
    parts = [samples[size * part : size * (part + 1)] for part in range(_PARTS)]
    for number, part in enumerate(parts, 1):
        print(
            f"part {number} of {_PARTS}: median {statistics.median(part):.0f} MB, "
            f"most {max(part):.0f} MB"
        )
    growth = statistics.median(parts[-1]) - statistics.median(parts[1])
    print(f"{growth:+.1f} MB from the second part to the last, over {arguments.minutes:g} minutes")


def _crawl(lists: Path, out: Path, url: str, quota: int, seconds: float) -> list[float]:
    """Crawl for ``seconds``; return the resident memory in MB, ten times a second."""
    command = f"crawl {lists} --out {out} --flickr-url {url} --quota {quota} --no-images".split()
    env = os.environ | {"FLICKR_API_KEY": "0" * 32, "FLICKR_API_SECRET": "benchmark"}
    samples = []
    with subprocess.Popen([sys.executable, "cli.py", *command], env=env) as process:
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            samples.append(_resident(process.pid))
            time.sleep(0.1)
        if process.poll() is not None:
            raise SystemExit(f"the crawl ended early, with {process.returncode}")
        process.send_signal(signal.SIGINT)
    return samples


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
