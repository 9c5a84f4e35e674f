"""Writes TensorBoard events synchronously.

TensorBoard's own writer has a thread that prints a traceback when the disk is full. Here the caller
gets the error.
"""

import os
import socket
import time
from collections.abc import Mapping
from io import BufferedWriter
from itertools import count
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import custom_scalars, hparams, scalar

from flickr_emotion.common.modalities import SUBSETS

_VERSION = "brain.Event:2"
_CHARTS = {
    "training and validation": {"loss": ["Multiline", ["train_loss", "validation_loss"]]},
    "validation, by head": {
        name.replace("_", " "): ["Multiline", [f"validation_{name}/{it}" for it in SUBSETS]]
        for name in ("accuracy", "weighted_f1")
    },
}
"""What TensorBoard draws into one chart, under "Custom Scalars"."""
_numbers = count()


class Events:
    """An event file in a run's folder."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Events at ``first_step`` and later in the folder's other files no longer count."""
        self._file = _new_file(folder)
        self._writer = RecordWriter(self._file)
        self._write(Event(file_version=_VERSION))
        self._write(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))
        self._write(Event(summary=custom_scalars(_CHARTS)))  # type: ignore[no-untyped-call]

    def add(self, scalars: Mapping[str, float], step: int) -> None:
        """Write scalars by name; raises ``OSError``."""
        for name, value in scalars.items():
            self._write(Event(step=step, summary=scalar(name, value)))  # type: ignore[no-untyped-call]
        self._file.flush()

    def close(self) -> None:
        """Close the file; buffered events that cannot be written are lost."""
        try:
            self._file.close()
        except OSError:
            self._file.detach()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write(event.SerializeToString())


def write_outcome(folder: Path, options: Mapping[str, Any], figures: Mapping[str, float]) -> None:
    """Write a run's options and test figures for TensorBoard's table "HParams".

    Into a file of its own, in which no figure of an epoch stands. Raises ``OSError``.
    """
    told = {
        name: value if isinstance(value, int | float) else str(value)
        for name, value in options.items()
        if value not in (None, ())
    }
    with _new_file(folder) as file:
        writer = RecordWriter(file)
        summaries = [
            *hparams(told, dict(figures)),  # type: ignore[no-untyped-call]
            *(scalar(name, value) for name, value in figures.items()),  # type: ignore[no-untyped-call]
        ]
        for event in (Event(file_version=_VERSION), *(Event(summary=it) for it in summaries)):
            event.wall_time = time.time()
            writer.write(event.SerializeToString())


def _new_file(folder: Path) -> BufferedWriter:
    name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
    # Opened with "x", so that it is never an existing file of someone else, nor a link to one.
    return (folder / f"events.out.tfevents.{name}").open("xb")
