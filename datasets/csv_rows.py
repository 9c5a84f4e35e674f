"""A CSV of posts, read strictly: a row is what its writer meant, or the file is refused.

Excel, pandas and people write such files. A quote that is not closed swallows the rows behind it, a
comma too many moves a text into the column of tags; neither may pass as a post.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from datasets.errors import DatasetError
from datasets.own_rows import place_of


def csv_rows(
    path: Path, choose: Callable[[list[str]], Sequence[str]]
) -> Iterator[dict[str, str | None]]:
    """Yield the rows of a CSV by column; an empty cell is one that is absent.

    ``choose`` takes the header and returns the columns that count. Blank lines are no rows. Quotes
    are those of RFC 4180, and a cell may hold line breaks. Raises ``DatasetError`` for a row that
    has more or fewer cells than the header, ``OSError``, ``csv.Error`` or ``UnicodeError`` where
    the file cannot be read.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as text:
        rows = (row for row in csv.reader(text, strict=True) if row)
        header = next(rows, [])
        places = {name: header.index(name) for name in choose(header)}
        for number, row in enumerate(rows):
            if len(row) != len(header):
                raise DatasetError(
                    f"{place_of(path, number)} has {len(row)} cells and the header {len(header)}: "
                    "put cells that hold commas or quotes in quotes"
                )
            yield {name: row[place] or None for name, place in places.items()}
