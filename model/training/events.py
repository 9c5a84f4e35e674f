"""Writes TensorBoard events synchronously.

TensorBoard's own writer has a thread that prints a traceback when the disk is full. Here the caller
gets the error.
"""

import os
import socket
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import scalar

_VERSION = "brain.Event:2"
_numbers = count()


class Events:
    """An event file in a run's folder."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Events at ``first_step`` and later in the folder's other files no longer count."""
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        # Opened with "x", so that it is never an existing file of someone else, nor a link to one.
        self._file = (folder / f"events.out.tfevents.{name}").open("xb")
        self._writer = RecordWriter(self._file)
        self._write(Event(file_version=_VERSION))
        self._write(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))

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
