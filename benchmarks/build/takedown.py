"""``takedown`` on a million posts: seconds and memory, and whether anything of the post is left.

    python -m benchmarks.build.takedown ../shared/data --folder DIR [--posts 1000000] [--pictures]

A harvest of real texts and tags, the data set built from it, and picture features of 128 numbers a
post beside it. One post is withdrawn, then all posts of one owner. With ``--pictures`` posts have
pictures of 500 pixels. What lies in DIR is used again: it takes far longer to make than to clean.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.build.scale import RealPosts, build, memory_of, write_harvest
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.feature_folders import features_path, write_made_from
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset

_NUMBERS = 128
_READER = "benchmark"


def write_features(dataset: Dataset) -> None:
    """Write features of texts and tags as a training keeps them, of random numbers."""
    made_from = (_READER, "0" * 64, dataset.digest)
    folder = dataset.folder / features_path(*made_from)
    folder.mkdir(parents=True)
    for split in SPLITS:
        shape = (dataset.counts[split]["total"], _NUMBERS)
        rows = np.lib.format.open_memmap(folder / f"{split}-text.npy", "w+", "<f4", shape)
        for start in range(0, len(rows), 65_536):
            rows[start : start + 65_536] = start
        rows.flush()
    write_made_from(folder, made_from)


def measured(*arguments: object) -> tuple[float, float, float]:
    """Run ``takedown``; return seconds, seconds of the processor, and the peak memory in MB."""
    command = [sys.executable, "cli.py", "takedown", *map(str, arguments)]
    started, before, peak = time.perf_counter(), _processor(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"takedown ended with {process.returncode}")
    return seconds, _processor() - before, peak


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_train(dataset: Dataset) -> str:
    """Return the id of a complete post in the middle of the training split."""
    shards = dataset.shards(SPLITS[0])
    table = pq.read_table(shards[len(shards) // 2], columns=["photo_id", "modalities"])
    most = max(table["modalities"].to_pylist(), key=SUBSETS.index)
    places = [n for n, subset in enumerate(table["modalities"].to_pylist()) if subset == most]
    return str(table["photo_id"][places[len(places) // 2]].as_py())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--pictures", action="store_true")
    arguments = parser.parse_args()
    harvest, folder = arguments.folder / "harvest", arguments.folder / "dataset"
    if not folder.exists():
        posts = RealPosts(arguments.data, arguments.pictures).draw(arguments.posts)
        write_harvest(posts, harvest)
        build(harvest, folder)
        write_features(open_dataset(folder))
    size = sum(it.stat().st_size for it in arguments.folder.rglob("*") if it.is_file())
    print(f"{arguments.posts:,} posts, {size / 2**30:.1f} GiB in both folders", flush=True)
    photo_id = of_train(open_dataset(folder))
    for what, named in (
        ("one post", [photo_id]),
        ("the same again", [photo_id]),
        ("an owner", ["--owner", "7@N00"]),
    ):
        seconds, processor, memory = measured(*named, "--in", harvest, folder)
        print(
            f"{what}: {seconds:.1f} s ({processor:.1f} s of the processor), {memory:,.0f} MB",
            flush=True,
        )
    subprocess.run([sys.executable, "cli.py", "verify", str(folder)], check=True)


if __name__ == "__main__":
    main()
