"""`predict --input` on a long file: posts per second, memory, and unreadable posts.

    python -m benchmarks.prediction RUN --posts 100000 --out /tmp/prediction

The posts are MVSA's real tweets and hashtags, repeated; every hundredth has its picture too, and
every thousandth a damaged one. RUN is a run of `train`.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.real_posts.chain import MVSA
from flickr_emotion.common.checkout import PROJECT

POSTS_PER_GROUP = 1000
SCHEMA = pa.schema(
    [
        ("photo_id", pa.string()),
        ("text", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("image", pa.binary()),
    ]
)


def write_posts(path: Path, count: int) -> int:
    """Write ``count`` posts; return how many of them cannot be read."""
    real = pq.read_table(MVSA, columns=["description", "tags", "image"]).to_pylist()
    damaged = 0
    with pq.ParquetWriter(path, SCHEMA) as writer:
        rows: list[dict[str, Any]] = []
        for number, row in enumerate(islice(cycle(real), count)):
            image = row["image"] if number % 100 == 0 else None
            if number % 1000 == 0:
                image = b"no picture"
                damaged += 1
            rows.append(
                {
                    "photo_id": str(number),
                    "text": row["description"],
                    "tags": row["tags"],
                    "image": image,
                }
            )
            if len(rows) == POSTS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
    return damaged


def main() -> None:
    """Write the file, predict with the real command and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    posts, answers = options.out / "posts.parquet", options.out / "answers.parquet"
    damaged = write_posts(posts, options.posts)
    started = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "cli.py", "predict", str(options.run.resolve())),
            *("--input", str(posts.resolve()), "--out", str(answers.resolve())),
        ],
        cwd=PROJECT,
        env=os.environ,
        check=True,
    )
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    said = pq.read_table(answers, columns=["photo_id", "error"])
    errors = len(said) - said["error"].null_count
    print(f"{len(said):,} answers of {options.posts:,} posts in {seconds:.1f} s", end=", ")
    print(f"{options.posts / seconds:,.0f} posts/s, {peak:,.0f} MB at most;", end=" ")
    print(f"{errors} could not be read, {damaged} of them with a damaged picture")


if __name__ == "__main__":
    main()
