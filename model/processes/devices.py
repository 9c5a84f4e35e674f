"""Selects the device, its arithmetic and determinism; checks that it can compile."""

import os

import torch

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError


def choose_device(name: str, process: int | None = None) -> torch.device:
    """Return the device of ``--device``: ``auto`` is CUDA if available, else the CPU.

    ``process`` is the local rank where several processes train together: each takes the GPU of its
    own number. Raises ``ModelError`` for a device that is not known or not available.
    """
    TrainingConfig(device=name)  # validates the name
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if process is not None and name.startswith("cuda"):
        if name != "cuda":
            raise ModelError(
                f"--device {name} with several processes: give cuda; each process takes its own GPU"
            )
        name = f"cuda:{process}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    # Which exception a missing device raises depends on the build of torch.
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ModelError(f"--device {name} is not available: give auto or another") from None
    return device


def autocast(device: torch.device) -> torch.autocast:
    """Return the precision of training: bfloat16 if the GPU supports it, else float32.

    bfloat16 has float32's range, so gradients need no scaling; weights, their moments and the loss
    stay float32. Evaluation and prediction use float32 throughout, so that a run's figures do not
    depend on the device.
    """
    with_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=with_bf16)


def make_deterministic(device: torch.device) -> None:
    """Make the same seed give the same network on a device; the CPU needs nothing for it.

    A few operations have no deterministic form on CUDA; torch then warns and continues.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)


def check_compiler(device: torch.device) -> None:
    """Compile something small, so that a compiler that is missing is found before any work.

    Raises ``ModelError``.
    """
    compiled = torch.compile(lambda numbers: numbers * 2 + 1, dynamic=True)
    try:
        compiled(torch.ones(2, device=device))
    # What is raised depends on the backend, on the device, and on what is missing.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"--compile does not work here ({reason}): install a C++ compiler, such as g++, or "
            "omit --compile"
        ) from None
