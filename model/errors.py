"""Errors that a user can mend: the command line shows their message as one line, no traceback."""


class ModelError(Exception):
    """What went wrong in training or using a network, where, and what to do.

    Where: the file and row, the photo id, the option.
    """
