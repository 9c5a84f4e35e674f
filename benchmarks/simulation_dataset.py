"""A data set of the built-in simulation of any size, by the real chain.

    python -m benchmarks.simulation_dataset --posts 6000 --out /tmp/simulation

`sandbox` serves 2,000 posts, whose data set has 85 test posts: too few to tell the paper's claims
(docs/results.md). Here more are simulated, served, crawled and built.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from harvest.sandbox.server import SandboxServer
from harvest.sandbox.simulation import simulation

PROJECT = Path(__file__).resolve().parents[1]
KEY, SECRET = "0123456789abcdef0123456789abcdef", "sandbox"


def main() -> None:
    """Make the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    simulated = simulation(posts=options.posts)
    simulated.write_lists(options.out / "lists")
    with SandboxServer(simulated.corpus, keys={KEY: SECRET}) as server:
        _command(
            *("crawl", options.out / "lists", "--out", options.out / "harvest"),
            *("--flickr-url", server.url, "--quota", 0),
        )
    _command("build-splits", options.out / "harvest", "--out", options.out / "dataset")


def _command(*words: object) -> None:
    print("$ python cli.py", *words, flush=True)
    subprocess.run(
        [sys.executable, "cli.py", *map(str, words)],
        cwd=PROJECT,
        env=os.environ | {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET},
        check=True,
    )


if __name__ == "__main__":
    main()
