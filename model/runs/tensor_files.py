"""Tensors written as safetensors, open to whom the umask says."""

import errno
import re
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from flickr_emotion.common.whole_files import whole_file

_NUMBER = re.compile(r"\(os error (\d+)\)")


def write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a file that appears under its name when it is whole; raises ``OSError``."""
    with whole_file(path) as new:
        # safetensors gives its files to their owner alone, whatever the umask is.
        new.touch()
        mode = new.stat().st_mode
        try:
            save_file(tensors, new)
        except SafetensorError as error:
            number = _NUMBER.search(str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error), str(path)) from None
        new.chmod(mode)
