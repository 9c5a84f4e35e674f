"""Errors that a user can fix: the command line shows their message as one line, no traceback."""

from pathlib import Path

from flickr_emotion.common.errors import ToolkitError


class ModelError(ToolkitError):
    """What went wrong when training or using a network, where, and what to do about it.

    Where: the file and row, the photo id, or the option.
    """


class TrainingStopped(Exception):  # noqa: N818 (it is no error)
    """Training was asked to stop; its run folder holds what is needed to resume it."""

    def __init__(self, run: Path) -> None:
        super().__init__(f"stopped; resume with `python cli.py train --resume {run}`")
