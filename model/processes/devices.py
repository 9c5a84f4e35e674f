"""Where a network runs."""

import os

import torch

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError


def choose_device(name: str, process: int | None = None) -> torch.device:
    """Return the device of ``--device``: ``auto`` is CUDA where there is one, else the CPU.

    ``process`` is the number of the process on its machine where several train together: each
    takes the GPU of its number. Raises ``ModelError`` for a device that is not known or not there.
    """
    TrainingConfig(device=name)  # which knows how devices are named
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if process is not None and name.startswith("cuda"):
        if name != "cuda":
            raise ModelError(
                f"--device {name} with several processes: give cuda, each takes its own"
            )
        name = f"cuda:{process}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    # Which exception a device that is not there raises depends on how torch was built.
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ModelError(f"--device {name} is not there: give auto or another") from None
    return device


def autocast(device: torch.device) -> torch.autocast:
    """Return the arithmetic of training: bfloat16 where a GPU has units for it, else float32.

    bfloat16 has float32's range, so that gradients need no scaling; weights, their moments and the
    loss stay float32. Judging and answering stay float32 throughout, so that a run's figures do not
    depend on the device.
    """
    with_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=with_bf16)


def make_deterministic(device: torch.device) -> None:
    """Let the same seed give the same network on a device; the CPU does so by itself.

    A few operations have no such form on CUDA; torch then warns and goes on.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
