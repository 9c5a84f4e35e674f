"""Tensors written as safetensors: under a temporary name first, and open to whom the umask says."""

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a file that appears under its name when it is whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    # safetensors gives its files to their owner alone, whatever the umask is.
    temporary.touch()
    mode = temporary.stat().st_mode
    save_file(tensors, temporary)
    temporary.chmod(mode)
    temporary.replace(path)
