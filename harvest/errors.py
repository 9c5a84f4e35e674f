"""Errors that a user can fix: the command line shows their message as one line, no traceback."""

from flickr_emotion.common.errors import ToolkitError


class HarvestError(ToolkitError):
    """Says what went wrong in a crawl, where (file and row, photo id, option), and what to do."""
