"""Where a network runs."""

import os
import re

import torch

from model.errors import ModelError

# Torch knows more, such as ``meta``, on which nothing is computed.
_DEVICES = re.compile(r"cpu|cuda(:[0-9]{1,2})?")
_CHOICES = "auto, cpu, cuda or cuda:N"


def choose_device(name: str) -> torch.device:
    """Return the device of ``--device``: ``auto`` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not _DEVICES.fullmatch(name):
        raise ModelError(f"--device {name} is not known: give {_CHOICES}")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    # Which exception a device that is not there raises depends on how torch was built.
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ModelError(f"--device {name} is not there: give {_CHOICES}") from None
    return device


def make_deterministic(device: torch.device) -> None:
    """Let the same seed give the same network on a device; the CPU does so by itself.

    A few operations have no such form on CUDA; torch then warns and goes on.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
