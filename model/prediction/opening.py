"""Opens a run to answer posts: without torch where that is possible, and else with it.

Importing torch takes longer than all else that `predict` does for a post.
"""

from pathlib import Path

from flickr_emotion.model.config import TORCH
from flickr_emotion.model.prediction.networks import AnsweringNetwork
from flickr_emotion.model.prediction.plain_run import open_plain_run

_NVIDIA = Path("/proc/driver/nvidia/version")
"""Is there with a driver for CUDA; torch would say it more surely, and is not to be imported."""


def open_network(run: Path, *, device: str, engine: str) -> AnsweringNetwork:
    """Open a run's network.

    With ``auto`` for the device, a machine with a GPU lets torch answer there. Raises
    ``ModelError`` for a folder that is no run, or is damaged.
    """
    on_cpu = device == "cpu" or (device == "auto" and not _NVIDIA.exists())
    if on_cpu and engine != TORCH and (plain := open_plain_run(run, engine)):
        return plain
    from flickr_emotion.model.prediction.torch_run import TorchRun

    return TorchRun(run, device=device, engine=engine)
