"""The root of all errors that a user can mend.

The command line shows the message of each as one line, without a traceback:

    ToolkitError
    ├── HarvestError
    │   └── RefusedError
    ├── DatasetError
    │   └── DamagedDatasetError
    └── ModelError

A message says what went wrong, where (file and row, photo id, option), and what to do.
"""


class ToolkitError(Exception):
    """What went wrong, where, and what to do."""
