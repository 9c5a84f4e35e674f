"""Where a network runs."""

import os

import torch

from model.errors import ModelError


def choose_device(name: str) -> torch.device:
    """Return the device of ``--device``: ``auto`` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    # Which exception a device that is not there raises depends on how torch was built.
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ModelError(f"--device {name} is not there: give auto, cpu or cuda") from None
    return device


def make_deterministic(device: torch.device) -> None:
    """Let the same seed give the same network on a device; the CPU does so by itself.

    A few operations have no such form on CUDA; torch then warns and goes on.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
