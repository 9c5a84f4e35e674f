"""Read the cells of a list's table: texts, votes and labels, also a data frame's values."""

import re
from typing import Any

from flickr_emotion.common.composing import composed

LARGEST_VOTE = 10_000
# Three zeros behind a comma could be a thousand.
_VOTE = re.compile(r"(\d{1,5})(?:\.0+|,0{1,2})?", re.ASCII)
_WHOLE = re.compile(r"(-?\d{1,15})\.0+", re.ASCII)
_SWITCHES = {"true": 1, "false": 0}  # pandas.get_dummies
_ABSENT = frozenset({"nan", "none", "null", "na", "n/a", "<na>"})


def text_of(cell: Any) -> str:
    """Return a cell as text; empty if it is absent."""
    if cell is None or isinstance(cell, (bytes, list, dict)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    return "" if text.lower() in _ABSENT else text


def vote_of(text: str) -> int | None:
    """Return a number of votes, also of a switch; None if it is not from 0 to ``LARGEST_VOTE``."""
    if (switch := _SWITCHES.get(text.lower())) is not None:
        return switch
    match = _VOTE.fullmatch(text)
    return votes if match and (votes := int(match[1])) <= LARGEST_VOTE else None


def is_vote(text: str) -> bool:
    """Whether a text is a number of votes."""
    return vote_of(text) is not None


def label_of(text: str) -> str:
    """Return a label, composed; whole numbers without the decimals that data frames add."""
    if match := _WHOLE.fullmatch(text):
        return match[1]
    return composed(text)
