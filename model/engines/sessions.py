"""Opens a graph with ONNX Runtime. `export` copies this module, so it does not import torch."""

from pathlib import Path
from typing import TYPE_CHECKING

from flickr_emotion.model.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime


def open_session(path: Path, *, threads: int = 0) -> "onnxruntime.InferenceSession":
    """Open a graph; raises ``ModelError`` where it is missing or damaged.

    ``threads``: how many compute a pass; 0 means as many as there are cores.
    """
    import onnxruntime  # a command that reads no picture does not wait for it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait would otherwise keep their cores busy, which others need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} cannot be opened ({reason}): export the run again") from None
