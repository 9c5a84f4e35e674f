"""Errors that a user can fix: the command line prints the message as one line, no traceback."""

from flickr_emotion.common.errors import ToolkitError


class DatasetError(ToolkitError):
    """The message says what is wrong, where (file and row, photo id, option), and what to do."""


class DamagedDatasetError(DatasetError):
    """A data set on disk is damaged; building the splits again repairs it."""

    def __init__(self, what: str) -> None:
        """``what``: what is damaged and how; what to do is added."""
        super().__init__(f"{what}: build the splits again")
        self.what = what
