"""Errors that a user can mend: the command line shows their message as one line, no traceback."""

from flickr_emotion.common.errors import ToolkitError


class HarvestError(ToolkitError):
    """What went wrong in a crawl, where (file and row, photo id, option), and what to do."""
