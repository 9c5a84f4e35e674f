"""Lets pyarrow do without pandas, which no rule of a build uses.

pyarrow imports pandas for its first array, to recognise pandas' own objects. That takes 0.2 s and
45 MB in each process, and the objects of a build are Python's and numpy's.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        """Raise ``ModuleNotFoundError`` for pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError("a process of a build needs no pandas", name=fullname)


def do_without_pandas() -> None:
    """Let this process do without pandas until it ends."""
    sys.meta_path.insert(0, _NoPandas())


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let this process do without pandas; afterwards it can be imported again."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
