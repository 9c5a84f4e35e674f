"""VSO (Borth et al. 2013): one file of picture URLs for each adjective-noun pair.

A row is ``image_url: URL    flickr_username: "..." realname: "..."``. The ontology
``3244ANPs.txt`` has the sentiment of each pair. ``docs/lists.md`` describes the format.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.common.tables.table import TableError
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.rows import (
    ListedPhoto,
    RejectedRow,
    Row,
    numbered_lines,
    parse_name,
)

ONTOLOGY_NAME = "3244ANPs.txt"

_LARGEST_SENTIMENT = 2.0
_MOST_PICTURES = 10**9
# As published; and as people keep it, with other white space or without names.
_ROW = re.compile(r'image_url: (\S+)    flickr_username: "(.*)" realname: "(.*)"')
_KEPT_ROW = re.compile(r"\s*image_url:\s*(\S+)\s*(.*)", re.DOTALL)
_USER_NAME = re.compile(r'flickr_username:\s*"')
_PAIR = re.compile(r"\t(\S+) \[sentiment: (-?\d+\.\d+)\] \[#imgs: ([\d,]+)\]", re.ASCII)


def looks_like(line: str) -> bool:
    """Whether a line could be a row of this format."""
    return line.lstrip().startswith("image_url:")


def pair_of(path: Path, member: str | None = None) -> str:
    """Return the pair in a file's name."""
    return PurePath(member or path.name.removesuffix(".gz")).stem


def read(path: Path, member: str | None = None) -> Iterator[Row]:
    """Yield the rows of one pair's file."""
    pair = pair_of(path, member)
    if not is_name(pair):
        # Reject one row and not each: the whole file is unusable.
        detail = no_name("the pair that the file's name gives,", pair)
        yield RejectedRow(row=1, reason="malformed", detail=f"{detail}; rename the file")
        return
    for row, line in numbered_lines(path, member):
        cells = _cells(line)
        if cells is None:
            detail = f"{line.strip()[:200]!r}: expected image_url, flickr_username, realname"
            yield RejectedRow(row=row, reason="malformed", detail=detail)
            continue
        url, owner = cells
        photo = parse_name(url, row)
        if isinstance(photo, RejectedRow):
            yield photo
        else:
            owner = owner or photo.owner
            yield ListedPhoto(row=row, reference=photo.reference, pair=pair, owner=owner)


def _cells(line: str) -> tuple[str, str | None] | None:
    """Return the URL and the owner's user name of a row; None if it has no URL."""
    if match := _ROW.fullmatch(line):
        return match[1], match[2] or None
    kept = _KEPT_ROW.fullmatch(line)
    if not kept:
        return None
    names = kept[2].partition("realname:")[0].rstrip()
    start = _USER_NAME.match(names)
    owner = names[start.end() :].removesuffix('"') if start else ""
    return kept[1], owner or None


def read_ontology(path: Path, member: str | None = None) -> dict[str, float]:
    """Return the sentiment, from -2 to 2, of each pair of ``3244ANPs.txt`` by its file's name.

    File names have a hyphen instead of a slash: the ontology's ``brave_9/11`` is listed in
    ``brave_9-11.txt``.
    """
    return {pair: sentiment for pair, (sentiment, _) in _read(path, member).items()}


def read_counts(path: Path, member: str | None = None) -> dict[str, int]:
    """Return how many pictures a search for each pair found, by its file's name."""
    return {pair: count for pair, (_, count) in _read(path, member).items()}


def _read(path: Path, member: str | None) -> dict[str, tuple[float, int]]:
    pairs = {}
    try:
        for row, line in numbered_lines(path, member):
            if match := _PAIR.match(line):
                try:
                    pairs[_pair(match[1])] = _sentiment(match[2]), _count(match[3])
                except ValueError as error:
                    raise HarvestError(f"the ontology {path}, line {row}: {error}") from None
    except (OSError, TableError) as error:
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
