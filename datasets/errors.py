"""Errors that a user can mend: the command line shows their message as one line, no traceback."""

from flickr_emotion.common.errors import ToolkitError


class DatasetError(ToolkitError):
    """What went wrong in a data set, where (file and row, photo id, option), and what to do."""


class DamagedDatasetError(DatasetError):
    """A data set on disk is not as it was written; building the splits again mends it."""

    def __init__(self, what: str) -> None:
        """Say ``what`` is damaged and how, without what to do."""
        super().__init__(f"{what}: build the splits again")
        self.what = what
