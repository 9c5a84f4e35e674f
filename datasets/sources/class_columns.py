"""Columns of a user's own posts with votes for each class: one column a class.

``--columns "distribution=votes_*"`` names them all: ``*`` stands for the class. Their numbers are
votes or shares; only their proportions count. They are never guessed, because tables count other
things too, but columns that look like them are named.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flickr_emotion.common.composing import composed
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.vote_distributions import Ballot
from flickr_emotion.datasets.sources.cells.values import share_of

DISTRIBUTION = "distribution"
"""The meaning that ``--columns`` gives to the columns with a class each."""
_CLASS = "distribution:"
"""What stands before the class in the meaning of one of these columns."""
_SEEMING = re.compile(r"(votes?|distribution|shares?)[_:.]\S.*", re.IGNORECASE)
_SHOWN = 5


def class_columns(path: Path, names: Sequence[str], pattern: str) -> dict[str, str]:
    """Return the column of each class by its meaning; ``pattern`` has a ``*`` for the class.

    Raises ``DatasetError`` if the pattern has none, or if fewer than two columns fit it.
    """
    before, star, after = pattern.partition("*")
    if not star or "*" in after:
        raise DatasetError(
            f"--columns distribution={pattern[:50]}: give the names of the columns with one * for "
            "the class, such as distribution=votes_*"
        )
    found: dict[str, str] = {}
    for name in names:
        end = len(name) - len(after)
        if name.startswith(before) and name.endswith(after) and end > len(before):
            meaning = _CLASS + composed(name[len(before) : end].strip())
            if meaning in found:
                raise DatasetError(
                    f"{path}: the columns {found[meaning]!r} and {name!r} are of the same class: "
                    "keep one"
                )
            found[meaning] = name
    if len(found) < 2:
        raise DatasetError(
            f"--columns distribution={pattern[:50]}: {path} has {len(found)} such columns, and two "
            f"classes need two: it has {', '.join(names[:20])}"
        )
    return found


def classes_of(meanings: Sequence[str]) -> list[str]:
    """Return the classes that columns stand for."""
    return [it.removeprefix(_CLASS) for it in meanings if it.startswith(_CLASS)]


def in_words(columns: Mapping[str, str]) -> str | None:
    """Return how the columns of classes are read; None if there are none."""
    names = [name for meaning, name in columns.items() if meaning.startswith(_CLASS)]
    if not names:
        return None
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more} as the distribution over {len(names)} classes"


def is_of_class(meaning: str) -> bool:
    """Whether a column stands for a class."""
    return meaning.startswith(_CLASS)


def seeming_warning(ignored: Sequence[str]) -> str | None:
    """Return a warning if ignored columns look like votes for classes."""
    like = [name for name in ignored if _SEEMING.fullmatch(name.strip())]
    if len(like) < 2:
        return None
    begins = re.match(r"[^_:.]+[_:.]", like[0].strip())
    pattern = f"{begins[0]}*" if begins else "*"
    return (
        f"the columns {', '.join(like[:_SHOWN])} look like votes for classes and are ignored: "
        f"--columns distribution={pattern} uses them"
    )


def ballots_of_cells(cells: Mapping[str, Any], where: str) -> list[dict[str, Any]] | None:
    """Return a post's votes for the classes; None without such columns, or if all are empty.

    An empty cell among others is a zero. Raises ``DatasetError`` for a cell that is no number
    from 0.
    """
    shares = {
        meaning.removeprefix(_CLASS): share_of(cell, where, meaning.removeprefix(_CLASS))
        for meaning, cell in cells.items()
        if meaning.startswith(_CLASS)
    }
    if all(share is None for share in shares.values()):
        return None
    return [Ballot(name, shares[name] or 0.0, None)._asdict() for name in sorted(shares)]
