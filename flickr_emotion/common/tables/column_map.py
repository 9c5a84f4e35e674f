"""``--columns``: which column of a table has which meaning."""

import csv
from collections.abc import Collection, Sequence

from flickr_emotion.common.tables.table import TableError


def column_map(given: str | None, meanings: Collection[str]) -> dict[str, str]:
    """Return the columns by meaning that ``--columns meaning=name,...`` states.

    A name with a comma stands in quotes: ``"image=picture, small",label=mood``. Raises
    ``TableError`` for an unknown meaning or one that is given twice.
    """
    found: dict[str, str] = {}
    known = ", ".join(meanings)
    for entry in next(csv.reader([given], skipinitialspace=True), []) if given else []:
        meaning, equals, name = entry.partition("=")
        meaning, name = meaning.strip(), name.strip()
        if not equals or not name:
            raise TableError(
                f"--columns {entry[:50]!r} is not meaning=name: give for example "
                f"label=emotion; the meanings are {known}"
            )
        if meaning not in meanings:
            raise TableError(f"--columns: {meaning[:50]!r} is no meaning: give one of {known}")
        if meaning in found:
            raise TableError(f"--columns names {meaning} twice: name it once")
        found[meaning] = name
    return found


def find_column(columns: Sequence[str], name: str) -> int | None:
    """Return the place of the column of this name, else of the only one that differs in case."""
    places = [n for n, it in enumerate(columns) if it == name]
    loosely = [n for n, it in enumerate(columns) if it.strip().casefold() == name.casefold()]
    for found in (places, loosely):
        if len(found) == 1:
            return found[0]
    return None
