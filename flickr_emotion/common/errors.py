"""The base class of all errors that a user can fix.

The command line shows the message of each as one line, without a traceback:

    ToolkitError
    ├── HarvestError
    │   └── RefusedError
    ├── DatasetError
    │   └── DamagedDatasetError
    ├── ModelError
    └── TableError

A message says what is wrong, where (file and row, photo id, option), and what to do.
"""


class ToolkitError(Exception):
    """The message says what is wrong, where, and what to do."""
