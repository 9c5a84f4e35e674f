"""Reads the cells of a user's own posts; each error names file and row in one line.

Programs write one value in many forms: a number as a text, a whole number as a floating-point one,
an absent value as a word. Every command that takes posts reads them by these rules.
"""

import re
from functools import lru_cache
from typing import Any

from flickr_emotion.common.composing import composed
from flickr_emotion.common.names import LONGEST_NAME
from flickr_emotion.common.split_names import TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.errors import DatasetError

_LONGEST_ID = 200
_MOST_VOTES = 2**31 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ABSENT = frozenset({"nan", "NaN", "<NA>", "null", "NULL"})
_NOTHING = _ABSENT | {"None", ""}
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
_SHARE = re.compile(r"\d{0,17}\.?\d{1,20}(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"(-?\d+)\.0+")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
# Where the comma is the decimal point. Three zeros could be a thousand.
_WHOLE_WITH_COMMA = re.compile(r"(\d{1,17}),0{1,2}", re.ASCII)
# Ids of at least eight digits: a data frame has made them floats, or a spreadsheet rounded them.
_FLOAT_ID = re.compile(r"(\d{8,})\.0+")
_ROUNDED_ID = re.compile(r"\d[.,]\d+[eE]\+\d+")


def photo_id_of(cell: Any, where: str) -> str:
    """Return a cell's photo id: any text of 1 to 200 characters that print."""
    if type(cell) is str and len(cell) <= _LONGEST_ID and cell.isascii() and cell.isalnum():
        return cell  # most ids
    if isinstance(cell, float):
        raise DatasetError(
            f"{where}: the photo_id is {cell}, which is no whole number: give ids as text"
        )
    photo_id = plain_text(cell, where, "photo_id") or ""
    if whole := _FLOAT_ID.fullmatch(photo_id):
        photo_id = whole[1]
    if _ROUNDED_ID.fullmatch(photo_id):
        raise DatasetError(
            f"{where}: the photo_id {photo_id!r} has lost its last digits in a spreadsheet or a "
            "data frame: write the column as text"
        )
    wrong = _CONTROL.search(photo_id) or _SURROGATE.search(photo_id)
    if not photo_id.strip() or len(photo_id) > _LONGEST_ID or wrong:
        raise DatasetError(
            f"{where}: the photo_id {photo_id[:50]!r} is not valid: give 1 to {_LONGEST_ID} "
            "characters without control characters"
        )
    return photo_id


def label_of(cell: Any, where: str) -> str | None:
    """Return the class in a cell, composed (NFC), or None if the cell is empty."""
    text = plain_text(cell, where, "label")
    if text is None:
        return None
    if isinstance(cell, float) or _is_fraction(text):
        raise DatasetError(
            f"{where}: the label is {text.strip()[:50]}, which is no whole number: give the name "
            "of a class"
        )
    label = _label(text)
    if label is None:
        raise DatasetError(
            f"{where}: the label {text.strip()[:50]!r} is longer than {LONGEST_NAME} characters or "
            "holds control characters: give the name of a class"
        )
    return label or None


@lru_cache(maxsize=4096)
def _is_fraction(text: str) -> bool:
    """Return whether a text is a number that is not whole: CSV has no other way to write one."""
    number = text.strip()
    return bool(_DECIMAL.fullmatch(number)) and not float(number).is_integer()


@lru_cache(maxsize=4096)  # there are few classes
def _label(text: str) -> str | None:
    """Return the class that a text names, empty if it names none; None if it cannot be one."""
    label = composed(text.strip())
    if label in _ABSENT:
        return ""
    if whole := _WHOLE.fullmatch(label):
        label = whole[1]
    wrong = len(label) > LONGEST_NAME or _CONTROL.search(label) or _SURROGATE.search(label)
    return None if wrong else label


def votes_of(cell: Any, where: str) -> int | None:
    """Return the votes in a cell, a whole number in any form, or None if the cell is empty."""
    if cell is None:
        return None
    if type(cell) is int and 0 <= cell <= _MOST_VOTES:
        return cell
    if cell != cell or (isinstance(cell, str) and cell.strip() in _NOTHING):
        return None
    number = _number(cell.strip()) if isinstance(cell, str) else cell
    if (
        not isinstance(number, (int, float))
        or not 0 <= number <= _MOST_VOTES
        or number != int(number)
    ):
        shown = (
            str(cell)[:50]
            if not isinstance(cell, str) or isinstance(number, int)
            else repr(cell[:50])
        )
        raise DatasetError(f"{where}: votes are {shown}: give a whole number from 0, or no value")
    return int(number)


def share_of(cell: Any, where: str, name: str) -> float | None:
    """Return the votes for a class, or its share, in a cell; None if the cell is empty."""
    if cell is None or cell != cell or (isinstance(cell, str) and cell.strip() in _NOTHING):
        return None
    share = -1.0
    if isinstance(cell, (int, float)) or (isinstance(cell, str) and _SHARE.fullmatch(cell.strip())):
        share = float(cell)
    if not 0 <= share <= _MOST_VOTES:
        raise DatasetError(
            f"{where}: the votes for {name[:50]} are {str(cell)[:50]!r}: give a number from 0, or "
            "no value"
        )
    return share


def split_of(cell: Any, where: str) -> str | None:
    """Return the split in a cell by the name that we use, or None if the cell is empty."""
    given = (plain_text(cell, where, "split") or "").strip()
    if given in _NOTHING:
        return None
    split = SPLIT_NAMES.get(given.casefold())
    if split is None:
        raise DatasetError(
            f"{where}: the split is {given[:50]!r}: give train, validation (or val, dev) or test"
        )
    return split


def name_of(cell: Any, where: str, name: str) -> str | None:
    """Return the owner or licence in a cell, or None if the cell is empty."""
    if cell is None:
        return None
    text = (plain_text(cell, where, name) or "").strip()
    whole = _WHOLE.fullmatch(text)
    return None if text in _NOTHING else whole[1] if whole else text


def plain_text(cell: Any, where: str, name: str) -> str | None:
    """Return a cell that holds one value as text, None if it is empty.

    Raises ``DatasetError`` for a list and for bytes that are no text.
    """
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        try:
            return cell.decode("utf-8")
        except UnicodeDecodeError:
            raise DatasetError(f"{where}: {name} holds bytes that are not a text") from None
    if isinstance(cell, (list, tuple, dict)):
        raise DatasetError(f"{where}: {name} holds {type(cell).__name__}: give one value")
    return str(cell)


def _number(text: str) -> int | float | None:
    if text.isascii() and text.isdigit() and len(text) < 18:
        return int(text)
    if whole := _WHOLE_WITH_COMMA.fullmatch(text):
        return int(whole[1])
    return float(text) if re.fullmatch(r"-?\d{1,17}\.\d{0,17}", text, re.ASCII) else None
