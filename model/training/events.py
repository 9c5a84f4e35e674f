"""TensorBoard's events, written as they come.

Its own writer has a thread that prints a traceback when the disk is full. Here whoever writes
hears of it.
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
    """A file of events in a run's folder."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """What other files of the folder say of ``first_step`` and later ones no longer counts."""
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        # Made anew ("x"), so that it is never somebody else's file, nor a link to one.
        self._file = (folder / f"events.out.tfevents.{name}").open("xb")
        self._writer = RecordWriter(self._file)
        self._write(Event(file_version=_VERSION))
        self._write(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))

    def add(self, scalars: Mapping[str, float], step: int) -> None:
        """Write numbers by name; raises ``OSError``."""
        for name, value in scalars.items():
            self._write(Event(step=step, summary=scalar(name, value)))  # type: ignore[no-untyped-call]
        self._file.flush()

    def close(self) -> None:
        """Close the file; what cannot be written any more is lost."""
        try:
            self._file.close()
        except OSError:
            self._file.detach()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write(event.SerializeToString())
