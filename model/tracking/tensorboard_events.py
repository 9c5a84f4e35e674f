"""Keeps a run's figures as TensorBoard events in its folder, written synchronously.

TensorBoard's own writer has a thread that prints a traceback when the disk is full. Here the caller
gets the ``OSError``.
"""

import os
import socket
import time
from collections.abc import Mapping
from io import BufferedWriter
from itertools import count
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import custom_scalars, hparams, scalar

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.tracking.tracker import TrackedRun

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


class TensorBoard:
    """The event files of a run; its folder is not touched before the first figures."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._epochs: BufferedWriter | None = None

    def add(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Write the figures of an epoch."""
        if self._epochs is None:
            self._epochs = _new_file(self._run.folder)
            # A resumed training writes this and later epochs again: those of the folder's other
            # files no longer count.
            start = SessionLog(status=SessionLog.START)
            _write(self._epochs, Event(step=epoch, session_log=start))
            _write(self._epochs, Event(summary=custom_scalars(_CHARTS)))  # type: ignore[no-untyped-call]
        for name, value in scalars.items():
            _write(self._epochs, Event(step=epoch, summary=scalar(name, value)))  # type: ignore[no-untyped-call]
        self._epochs.flush()

    def finish(self, figures: Mapping[str, float], files: Mapping[str, str]) -> None:
        """Write options and test figures for the table "HParams"; the files lie beside them.

        Into a file of its own, in which no figure of an epoch stands.
        """
        with _new_file(self._run.folder) as file:
            summaries = [
                *hparams(self._run.parameters, dict(figures)),  # type: ignore[no-untyped-call]
                *(scalar(name, value) for name, value in figures.items()),  # type: ignore[no-untyped-call]
            ]
            for summary in summaries:
                _write(file, Event(summary=summary))

    def close(self) -> None:
        """Close the file; buffered events that cannot be written are lost."""
        if self._epochs is None:
            return
        try:
            self._epochs.close()
        except OSError:
            self._epochs.detach()


def _new_file(folder: Path) -> BufferedWriter:
    name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
    # Opened with "x", so that it is never an existing file of someone else, nor a link to one.
    file = (folder / f"events.out.tfevents.{name}").open("xb")
    _write(file, Event(file_version=_VERSION))
    return file


def _write(file: BufferedWriter, event: Event) -> None:
    event.wall_time = time.time()
    RecordWriter(file).write(event.SerializeToString())
