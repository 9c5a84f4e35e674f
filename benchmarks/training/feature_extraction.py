"""Frozen features from a data set's JPEGs, against the bare encoder on tensors in memory.

    python -m benchmarks.training.feature_extraction PICTURES.parquet

The file has a column ``image`` of JPEGs. Our side includes everything: Parquet, decoding, encoder,
files. The bare encoder gets decoded pictures, once with all threads in each pass and once with one
pass per thread; the faster of the two counts. They alternate, and the fastest of several rounds
counts.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import torch
from torch import Tensor

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import PICTURES_PER_THREAD, Backbone
from flickr_emotion.model.features.image_features import frozen_features
from flickr_emotion.model.features.picture_decoding import CpuDecoder, stacked
from flickr_emotion.model.posts.posts import Encoding, read_posts
from tests.model.dataset_folder import StoredPost, write_dataset

CPU = torch.device("cpu")
ENCODERS = {"efficientnet_lite0": "imagenet", "densenet121": "none"}


def bare_passes(backbone: Backbone, pictures_N3HW: Tensor) -> None:  # noqa: N803 (shapes in names)
    """Run the encoder with all threads in each pass."""
    with torch.inference_mode():
        backbone(pictures_N3HW)


def bare_workers(backbone: Backbone, pictures_N3HW: Tensor) -> None:  # noqa: N803
    """Run the encoder with one pass per thread."""
    cores = torch.get_num_threads()
    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in pool.map(
            lambda some: bare_passes(backbone, some),
            torch.split(pictures_N3HW, PICTURES_PER_THREAD),
        ):
            pass
    torch.set_num_threads(cores)


def measure(name: str, contents: list[bytes], rounds: int, folder: Path) -> str:
    """Return a row of the report."""
    torch.manual_seed(0)
    backbone = load_backbone(name, ENCODERS[name])
    posts = [
        StoredPost(photo_id=str(number), label="awe", image=content)
        for number, content in enumerate(contents)
    ]
    dataset = open_dataset(
        write_dataset(folder / name, {"train": posts, "validation": [], "test": []})
    )
    numbers = {"train": read_posts(dataset, "train", Encoding.of(dataset))}
    decode = backbone.preprocessing.picture
    pictures_N3HW = stacked(  # noqa: N806 (shapes in names)
        [decode(content, str(number)) for number, content in enumerate(contents)]
    )

    def ours() -> None:
        frozen_features(dataset, backbone, numbers, run_folder=folder, device=CPU)
        shutil.rmtree(dataset.folder / "features")

    def decoding() -> None:
        CpuDecoder(backbone.preprocessing).pictures(contents, [""] * len(contents))

    candidates: dict[str, Callable[[], None]] = {
        "ours": ours,
        "bare, all threads in a pass": lambda: bare_passes(backbone, pictures_N3HW),
        "bare, a pass to a thread": lambda: bare_workers(backbone, pictures_N3HW),
        "decoding alone": decoding,
    }
    seconds = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for candidate, run in candidates.items():
            started = time.perf_counter()
            run()
            seconds[candidate] = min(seconds[candidate], time.perf_counter() - started)
    rates = {candidate: len(contents) / taken for candidate, taken in seconds.items()}
    bare = max(rate for candidate, rate in rates.items() if candidate.startswith("bare"))
    columns = ", ".join(f"{candidate} {rate:.1f}" for candidate, rate in rates.items())
    return f"{name}: pictures/s: {columns}; ours / bare {rates['ours'] / bare:.3f}"


def main() -> None:
    """Print one line for each encoder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--encoder", choices=ENCODERS, action="append")
    arguments = parser.parse_args()
    column = pq.read_table(arguments.pictures, columns=["image"])["image"]
    contents = [content for content in column.to_pylist() if content][: arguments.count]
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.encoder or ENCODERS:
            print(measure(name, contents, arguments.rounds, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
