"""Takes withdrawn posts out of the table of corrections that lies beside a data set."""

from pathlib import Path

from flickr_emotion.common.takedown.tombstones import Tombstones
from flickr_emotion.datasets.corrections.table import (
    corrections_beside,
    read_corrections,
    write_corrections,
)


def clean_corrections(folder: Path, tombstones: Tombstones) -> list[str]:
    """Remove the rows of withdrawn posts; return a line for the user if there were any.

    Raises ``DatasetError`` if the table cannot be read, and ``OSError`` if it cannot be written.
    """
    path = corrections_beside(folder)
    if not path.exists():
        return []
    corrections = read_corrections(path)
    stay = {key: it for key, it in corrections.items() if not tombstones.name(key)}
    if len(stay) == len(corrections):
        return []
    write_corrections(stay, path)
    return [f"{path}: the rows that name a withdrawn post are removed"]
