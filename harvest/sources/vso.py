"""VSO (Borth et al. 2013): one file of picture URLs for each adjective-noun pair.

A row is ``image_url: URL    flickr_username: "..." realname: "..."``. The ontology
``3244ANPs.txt`` gives each pair its sentiment. The format: ``docs/lists.md``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from harvest.errors import HarvestError
from harvest.sources.rows import ListedPhoto, RejectedRow, Row, numbered_lines, parse_reference

ONTOLOGY_NAME = "3244ANPs.txt"

_ROW = re.compile(r'image_url: (\S+)    flickr_username: "(.*)" realname: "(.*)"')
_PAIR = re.compile(r"\t(\S+) \[sentiment: (-?\d+\.\d+)\] \[#imgs: ([\d,]+)\]")


def looks_like(line: str) -> bool:
    """Whether a line could be a row of this format."""
    return line.startswith("image_url: ")


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of one pair's file."""
    pair = path.stem
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

    A pair with a slash has a hyphen there in its file's name: the ontology's ``brave_9/11`` is
    listed in ``brave_9-11.txt``.
    """
    return {pair: sentiment for pair, (sentiment, _) in _read(path).items()}


def read_counts(path: Path) -> dict[str, int]:
    """Return how many pictures a search for each pair found, by its file's name."""
    return {pair: count for pair, (_, count) in _read(path).items()}


def _read(path: Path) -> dict[str, tuple[float, int]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise HarvestError(f"the ontology {path} cannot be read: {error}") from None
    pairs = {
        match[1].replace("/", "-"): (float(match[2]), int(match[3].replace(",", "") or 0))
        for line in text.splitlines()
        if (match := _PAIR.match(line))
    }
    if not pairs:
        raise HarvestError(f"{path} holds no line `pair [sentiment: x] [#imgs: n]` of the ontology")
    return pairs
