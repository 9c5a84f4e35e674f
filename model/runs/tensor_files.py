"""Writes tensors as safetensors with the permissions that the umask gives."""

import errno
import re
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from flickr_emotion.common.whole_files import whole_file

_NUMBER = re.compile(r"\(os error (\d+)\)")


def write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write the file; it gets its name when it is complete. Raises ``OSError``."""
    with whole_file(path) as new:
        # safetensors makes its files readable by the owner only, whatever the umask.
        new.touch()
        mode = new.stat().st_mode
        try:
            save_file(tensors, new)
        except SafetensorError as error:
            number = _NUMBER.search(str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error), str(path)) from None
        new.chmod(mode)
