"""In a checkout, ``import datasets`` must find Hugging Face's package, not the project's folder.

Python puts the folder of a script, or the working folder, on its search path. There lie the
project's folders ``harvest``, ``datasets`` and ``model``, which are parts of ``flickr_emotion`` and
no packages of their own. So the finder of that one folder is replaced by one that does not know
them by these names. The search path stays as it is: processes that are spawned find the package.

``datasets`` has no ``__init__.py`` besides. A folder without one is found only where no installed
package has its name, so the right one is imported before ``flickr_emotion`` is, too.
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
"""The folder that holds the package: a checkout, or ``site-packages``."""
IS_CHECKOUT = (PROJECT / "cli.py").is_file()
PROGRAM = "python cli.py" if IS_CHECKOUT else "flickr-emotion"
"""What a user types before a command."""
FOLDERS = frozenset({"harvest", "datasets", "model"})


class _CheckoutFinder(FileFinder):
    """Finds what lies in a checkout, but the folders that are parts of the package."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return a module's spec, None where the checkout has no such module."""
        return None if fullname in FOLDERS else super().find_spec(fullname, target)


def hide_folders() -> None:
    """Let no import find the checkout's folders as packages of their own."""
    spellings = {str(PROJECT), *(entry for entry in sys.path if Path(entry).resolve() == PROJECT)}
    for entry in spellings:
        folder = entry or str(Path.cwd())
        finder = _CheckoutFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
        sys.path_importer_cache[folder] = finder
