"""A training by command whose figures go to a tracker, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

from flickr_emotion.common.checkout import PROJECT
from tests.model.tracking.trap import trapped

TINY = (
    *("--image-encoder", "squeezenet1_1", "--image-weights", "none", "--batch-size", "16"),
    *("--learning-rate", "0.003", "--device", "cpu", "--epochs", "2"),
)


def train(
    dataset: Path, folder: Path, *options: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Train into ``folder/run``; assert that nothing was asked of any server elsewhere."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "WANDB_", "PYTEST_"))
    }
    with trapped() as (proxies, asked):
        done = subprocess.run(
            [sys.executable, PROJECT / "cli.py", "train", dataset, "--out", "run", *options],
            cwd=folder,
            env={**ours, **proxies, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked == []
    return done
