"""Errors that a user can mend: the command line shows their message as one line, no traceback."""

from pathlib import Path

from flickr_emotion.common.errors import ToolkitError


class ModelError(ToolkitError):
    """What went wrong in training or using a network, where, and what to do.

    Where: the file and row, the photo id, the option.
    """


class TrainingStopped(Exception):  # noqa: N818 (it is no error)
    """A training was told to end, and its run folder holds what is needed to go on."""

    def __init__(self, run: Path) -> None:
        super().__init__(f"stopped; `python cli.py train --resume {run}` goes on where it was")
