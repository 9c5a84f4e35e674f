"""VSO (Borth et al. 2013): one file of picture URLs for each adjective-noun pair.

A row is ``image_url: URL    flickr_username: "..." realname: "..."``. The ontology
``3244ANPs.txt`` has the sentiment of each pair. ``docs/lists.md`` describes the format.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.rows import (
    ListedPhoto,
    RejectedRow,
    Row,
    numbered_lines,
    parse_reference,
)

ONTOLOGY_NAME = "3244ANPs.txt"

_LARGEST_SENTIMENT = 2.0
_MOST_PICTURES = 10**9
_ROW = re.compile(r'image_url: (\S+)    flickr_username: "(.*)" realname: "(.*)"')
_PAIR = re.compile(r"\t(\S+) \[sentiment: (-?\d+\.\d+)\] \[#imgs: ([\d,]+)\]", re.ASCII)


def looks_like(line: str) -> bool:
    """Whether a line could be a row of this format."""
    return line.startswith("image_url: ")


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of one pair's file."""
    pair = path.stem
    if not is_name(pair):
        # Reject one row and not each: the whole file is unusable.
        detail = no_name("the pair that the file's name gives,", pair)
        yield RejectedRow(row=1, reason="malformed", detail=f"{detail}; rename the file")
        return
    for row, line in numbered_lines(path):
        match = _ROW.fullmatch(line)
        if not match:
            detail = f"{line.strip()[:200]!r}: expected image_url, flickr_username, realname"
            yield RejectedRow(row=row, reason="malformed", detail=detail)
            continue
        reference = parse_reference(match[1], row)
        if isinstance(reference, RejectedRow):
            yield reference
        else:
            yield ListedPhoto(row=row, reference=reference, pair=pair, owner=match[2] or None)


def read_ontology(path: Path) -> dict[str, float]:
    """Return the sentiment, from -2 to 2, of each pair of ``3244ANPs.txt`` by its file's name.

    File names have a hyphen instead of a slash: the ontology's ``brave_9/11`` is listed in
    ``brave_9-11.txt``.
    """
    return {pair: sentiment for pair, (sentiment, _) in _read(path).items()}


def read_counts(path: Path) -> dict[str, int]:
    """Return how many pictures a search for each pair found, by its file's name."""
    return {pair: count for pair, (_, count) in _read(path).items()}


def _read(path: Path) -> dict[str, tuple[float, int]]:
    pairs = {}
    try:
        for row, line in numbered_lines(path):
            if match := _PAIR.match(line):
                try:
                    pairs[_pair(match[1])] = _sentiment(match[2]), _count(match[3])
                except ValueError as error:
                    raise HarvestError(f"the ontology {path}, line {row}: {error}") from None
    except OSError as error:
        raise HarvestError(f"the ontology {path} cannot be read: {error}") from None
    if not pairs:
        raise HarvestError(
            f"{path} has no line `pair [sentiment: x] [#imgs: n]`: give the published ontology"
        )
    return pairs


def _pair(cell: str) -> str:
    pair = cell.replace("/", "-")
    if not is_name(pair):
        raise ValueError(no_name("the pair", pair))
    return pair


def _sentiment(cell: str) -> float:
    # The pattern allows any number of digits.
    sentiment = float(cell)
    if not abs(sentiment) <= _LARGEST_SENTIMENT:
        raise ValueError(f"the sentiment {cell[:50]} is not from -2 to 2: give the published file")
    return sentiment


def _count(cell: str) -> int:
    digits = cell.replace(",", "")
    if len(digits) > len(str(_MOST_PICTURES)) or int(digits or 0) > _MOST_PICTURES:
        raise ValueError(
            f"{cell[:50]} pictures are more than Flickr has for a pair: give the published file"
        )
    return int(digits or 0)
