"""Makes ``import datasets`` find Hugging Face's package in a checkout, not the project's folder.

Python puts the folder of a script, or the working folder, on its search path. A checkout contains
the folders ``harvest``, ``datasets`` and ``model``, which are parts of ``flickr_emotion`` and not
packages themselves. So the path finder of that folder is replaced by one that skips these names.
The search path itself is unchanged, so that spawned processes find the package.

In addition, ``datasets`` has no ``__init__.py``. Python prefers any installed package to such a
folder, so Hugging Face's is also found before ``flickr_emotion`` is imported.
"""

import sys
from importlib.machinery import (
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that contains the package: a checkout, or ``site-packages``."""
IS_CHECKOUT = (PROJECT / "cli.py").is_file()
PROGRAM = "python cli.py" if IS_CHECKOUT else "flickr-emotion"
"""What a user types before a command."""
FOLDERS = frozenset({"harvest", "datasets", "model"})


class _CheckoutFinder(FileFinder):
    """Finds the modules of a checkout, except the folders that are parts of the package."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return a module's spec, or None if the checkout has no such module."""
        return None if fullname in FOLDERS else super().find_spec(fullname, target)


def hide_folders() -> None:
    """Prevent imports from finding the checkout's folders as top-level packages."""
    spellings = {str(PROJECT), *(entry for entry in sys.path if Path(entry).resolve() == PROJECT)}
    for entry in spellings:
        folder = entry or str(Path.cwd())
        finder = _CheckoutFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
        sys.path_importer_cache[folder] = finder
