"""You et al. 2016 ("Flickr Emotion", FI): ``agg/*.csv`` with votes for eight emotions.

Rows are ``emotion,url,disagree,agree`` without header or quotes. The emotion is that of column 1,
not of the file's name. People also keep these rows with quotes, with blanks after commas, with
another separator, with the numbers of rows, or under a header, which may have another order.
``docs/lists.md`` describes the format.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.harvest.lists.rows import (
    ListedPhoto,
    RejectedRow,
    Row,
    numbered_lines,
    parse_name,
)

_LARGEST_VOTE = 10_000
_SEPARATORS = ",;\t|"
_COLUMNS = ("emotion", "url", "disagree", "agree")
_OTHER_NAMES = {
    **dict.fromkeys(("label", "class", "category", "sentiment"), "emotion"),
    **dict.fromkeys(("image_url", "photo_url", "img_url", "flickr_url", "image", "link"), "url"),
    **dict.fromkeys(("disagrees", "disagreed", "no"), "disagree"),
    **dict.fromkeys(("agrees", "agreed", "yes"), "agree"),
}
_VOTES = re.compile(r"(\d{1,5})(?:\.0+)?", re.ASCII)
_ROW_NUMBERS = ("", "index", "unnamed:_0")
_PLACES = (0, 1, 2, 3)


def looks_like(line: str) -> bool:
    """Whether a line could be a row or the header of this format."""
    cells = _cells(line)
    if _header(cells):
        return True
    cells = _without_number(cells)
    return (
        len(cells) == len(_COLUMNS)
        and cells[1].lower().startswith(("http:", "https:"))
        and all(_VOTES.fullmatch(cell) for cell in cells[2:])
    )


def read(path: Path, member: str | None = None) -> Iterator[Row]:
    """Yield the rows of one file; a header is not a row."""
    places = None
    for number, (row, line) in enumerate(numbered_lines(path, member)):
        if number == 0 and (places := _header(_cells(line))):
            continue
        yield _parse(line, row, places)


def _cells(line: str) -> list[str]:
    """Return the cells of a line, which the most frequent of the known separators divides."""
    separator = max(_SEPARATORS, key=line.count)
    try:
        (cells,) = csv.reader([line.strip("\r\n")], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = line.split(separator)
    return [cell.strip() for cell in cells]


def _header(cells: list[str]) -> tuple[int, ...] | None:
    """Return where the columns of ``_COLUMNS`` are by their names; None if it is no header."""
    names = [cell.lower().replace(" ", "_") for cell in cells]
    names = [_OTHER_NAMES.get(name, name) for name in names]
    if any(names.count(column) != 1 for column in _COLUMNS):
        return None
    # With other columns it is someone's own table.
    if not {*names} <= {*_COLUMNS, *_ROW_NUMBERS}:
        return None
    return tuple(names.index(column) for column in _COLUMNS)


def _without_number(cells: list[str]) -> list[str]:
    # Data frames put the number of a row before it.
    numbered = len(cells) == len(_COLUMNS) + 1 and (not cells[0] or cells[0].isdigit())
    return cells[1:] if numbered else cells


def _parse(line: str, row: int, places: tuple[int, ...] | None = None) -> Row:
    cells = _cells(line)
    if places is None:
        cells = _without_number(cells)
        while len(cells) > len(_COLUMNS) and not cells[-1]:  # Spreadsheets end rows with `,,`.
            cells.pop()
        whole = len(cells) == len(_COLUMNS)
        places = _PLACES
    else:
        whole = len(cells) > max(places)
    if not whole or not cells[places[0]]:
        return RejectedRow(
            row=row,
            reason="malformed",
            detail=f"{line.strip()[:200]!r}: expected emotion,url,disagree,agree",
        )
    emotion, url, disagree, agree = (cells[place] for place in places)
    votes = [_votes(disagree), _votes(agree)]
    if None in votes:
        bad = disagree if votes[0] is None else agree
        return RejectedRow(row=row, reason="malformed", detail=f"vote {bad[:50]!r} is no number")
    emotion = emotion.lower()
    if not is_name(emotion):
        return RejectedRow(row=row, reason="malformed", detail=no_name("the emotion", emotion))
    photo = parse_name(url, row)
    if isinstance(photo, RejectedRow):
        return photo
    return ListedPhoto(
        row=row,
        reference=photo.reference,
        emotion=emotion,
        disagree=votes[0],
        agree=votes[1],
        owner=photo.owner,
    )


def _votes(cell: str) -> int | None:
    match = _VOTES.fullmatch(cell)
    return votes if match and (votes := int(match[1])) <= _LARGEST_VOTE else None
