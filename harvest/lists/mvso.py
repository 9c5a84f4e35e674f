"""MVSO (Jou et al. 2015): lists ``ANP,image_url`` by language, and each pair's sentiment.

The lists are ``image_url_mappings/english.csv`` and so on, the sentiments
``mvso_sentiment/english.csv``: rows ``pair,sentiment`` without a header. As in VSO, a photo's label
is the sign of its pairs' sentiment. Without the sentiments the pairs themselves are the labels.
"""

import math
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from flickr_emotion.common.names import is_name
from flickr_emotion.common.tables.opening import open_table
from flickr_emotion.common.tables.table import TableError
from flickr_emotion.harvest.lists.cells import text_of

FOLDER = "mvso_sentiment"

_MOST_PAIRS = 1_000_000
_LARGEST = 2.0
_RATINGS = (1.0, 5.0)
"""Copies have either sentiments from -2 to 2 or the mean of ratings from 1 to 5."""


def sentiment_files(lists: Iterable[Path]) -> list[Path]:
    """Return the files of sentiments that lie beside lists as MVSO's authors publish them."""
    return [
        beside
        for path in lists
        if (beside := path.resolve().parent.parent / FOLDER / path.name).is_file()
    ]


def read_sentiments(path: Path, member: str | None = None) -> dict[str, float]:
    """Return the sentiment of each pair, from -2 to 2; nothing if it is no such file."""
    found: dict[str, float] = {}
    try:
        table = open_table(path, member=member, lenient=True)
        if table.columns is not None and len(table.columns) != 2:
            return {}
        rows = (row.values for row in islice(table.rows(ragged=True), _MOST_PAIRS))
        for values in chain([table.columns or ()], rows):
            if len(values) != 2:
                continue
            pair, sentiment = text_of(values[0]), _number(text_of(values[1]))
            if sentiment is not None and is_name(pair):
                found[pair] = sentiment
            elif values is not table.columns:
                return {}
    except (TableError, OSError):
        return {}
    return _centred(found)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _centred(found: dict[str, float]) -> dict[str, float]:
    least, largest = min(found.values(), default=0.0), max(found.values(), default=0.0)
    if least >= -_LARGEST and largest <= _LARGEST:
        return found
    if _RATINGS[0] <= least and largest <= _RATINGS[1]:
        return {pair: rating - sum(_RATINGS) / 2 for pair, rating in found.items()}
    return {}
