"""How well training uses a GPU: samples per second, the share of idle time, peak memory.

    python -m benchmarks.training.gpu [--compile] [--accumulate N] [--batch-size 64]

Two trainings with the loop of `python cli.py train`, on synthetic complete posts: one with frozen
features, as many as in a data set, and one that trains DenseNet-121 on JPEGs of 340 x 256 pixels,
decoded on demand. The first epoch loads libraries and chooses algorithms; the second is timed; the
third is recorded, to measure the time in which no kernel runs.

Without CUDA it says so and does nothing; `--device cpu --posts 128 --pictures 32` tests the code.
"""

import argparse
import io
import time
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch.profiler import ProfilerActivity, profile

from benchmarks.training.posts import made_up_encoding, made_up_posts
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.image_features import FeatureTable
from flickr_emotion.model.features.picture_decoding import PictureTable, open_decoder
from flickr_emotion.model.inputs.batches import Images, Split
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.processes.interruption import StopSignals
from flickr_emotion.model.training.fitting import Fitting

VOCABULARY = 20_000
WORDS = (5, 40)
DIFFERENT_PICTURES = 64


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--posts", type=int, default=50_000, help="posts with frozen features")
    parser.add_argument("--pictures", type=int, default=2_048, help="pictures to train DenseNet on")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--decode", default="cpu", help="cpu or gpu")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device: nothing was measured (--device cpu tests the code)")
        return
    device = torch.device(options.device)
    for name, posts, finetuned in (
        ("frozen features", options.posts, False),
        ("DenseNet-121 trained", options.pictures, True),
    ):
        config = TrainingConfig(
            finetune_image=finetuned,
            batch_size=options.batch_size,
            accumulate=options.accumulate,
            decode=options.decode,
            compile=options.compile,
        )
        print(f"{name}: {_measure(config, posts, device)}", flush=True)


def _measure(config: TrainingConfig, count: int, device: torch.device) -> str:
    on_gpu = device.type == "cuda"
    backbone = build_backbone(config.resolved_image_encoder)
    posts = made_up_posts(count, shortest=WORDS[0], longest=WORDS[1], vocabulary=VOCABULARY)
    images: Images = FeatureTable(torch.randn(count, backbone.features))
    if config.finetune_image:
        contents = _jpegs(DIFFERENT_PICTURES)
        numbers = range(count)
        images = PictureTable(
            [contents[n % len(contents)] for n in numbers],
            [f"picture {n}" for n in numbers],
            open_decoder(backbone.preprocessing, config.decode, device),
        )
    torch.manual_seed(config.seed)
    network = MultitaskNetwork(
        made_up_encoding(VOCABULARY), backbone, frozen_image=not config.finetune_image
    ).to(device)
    fitting = Fitting(config, network, Split(posts=posts, images=images), World(device=device))
    with StopSignals(patient=False) as stop:
        _epoch(fitting, stop)
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
        started = time.monotonic()
        _epoch(fitting, stop)  # its end reads the loss, so the device has finished
        seconds = time.monotonic() - started
        answer = f"{count / seconds:,.0f} samples a second"
        if not on_gpu:
            return answer
        memory = torch.cuda.max_memory_allocated(device) / 2**30
        with profile(activities=[ProfilerActivity.CUDA]) as recorded:
            started = time.monotonic()
            _epoch(fitting, stop)
            recorded_seconds = time.monotonic() - started
    # Recording slows a step down a little, so the share is an upper bound.
    spans = [
        (event.time_range.start, event.time_range.end)
        for event in recorded.events() or ()
        if event.device_type.name == "CUDA"
    ]
    idle = 1 - _covered(spans) / 1e6 / recorded_seconds
    return f"{answer}, the GPU idles {idle:.0%} of the time, {memory:.1f} GiB at the peak"


def _epoch(fitting: Fitting, stop: StopSignals) -> None:
    if fitting.train_epoch(stop, lambda posts: None) is None:
        raise KeyboardInterrupt


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Return the total length of the union of some time spans."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered


def _jpegs(number: int) -> list[bytes]:
    """Return pictures with as much detail as a photograph: enlarged noise."""
    random = np.random.default_rng(0)
    contents = []
    for _ in range(number):
        file = io.BytesIO()
        noise = random.integers(0, 256, (64, 85, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((340, 256), Image.Resampling.BICUBIC)
        picture.save(file, "JPEG", quality=90)
        contents.append(file.getvalue())
    return contents


if __name__ == "__main__":
    main()
