"""Errors that a user can mend: the command line shows their message as one line, no traceback."""


class DatasetError(Exception):
    """What went wrong in a data set, where (file and row, photo id, option), and what to do."""
