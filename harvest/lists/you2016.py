"""You et al. 2016 ("Flickr Emotion", FI): ``agg/*.csv`` with votes for eight emotions.

Rows are ``emotion,url,disagree,agree`` without header or quotes. The emotion is that of column 1,
not of the file's name. ``docs/lists.md`` describes the format.
"""

from collections.abc import Iterator
from pathlib import Path

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.harvest.lists.rows import (
    ListedPhoto,
    RejectedRow,
    Row,
    numbered_lines,
    parse_reference,
)

_LARGEST_VOTE = 10_000


def looks_like(line: str) -> bool:
    """Whether a line could be a row of this format."""
    cells = line.strip().split(",")
    return len(cells) == 4 and cells[1].startswith("http") and cells[3].isdigit()


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of one file."""
    for row, line in numbered_lines(path):
        yield _parse(line.strip(), row)


def _parse(line: str, row: int) -> Row:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 4 or not cells[0]:
        return RejectedRow(
            row=row,
            reason="malformed",
            detail=f"{line[:200]!r}: expected emotion,url,disagree,agree",
        )
    emotion, url, disagree, agree = cells
    votes = [_votes(disagree), _votes(agree)]
    if None in votes:
        bad = disagree if votes[0] is None else agree
        return RejectedRow(row=row, reason="malformed", detail=f"vote {bad[:50]!r} is no number")
    emotion = emotion.lower()
    if not is_name(emotion):
        return RejectedRow(row=row, reason="malformed", detail=no_name("the emotion", emotion))
    reference = parse_reference(url, row)
    if isinstance(reference, RejectedRow):
        return reference
    return ListedPhoto(
        row=row, reference=reference, emotion=emotion, disagree=votes[0], agree=votes[1]
    )


def _votes(cell: str) -> int | None:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 5):
        return None
    return votes if (votes := int(cell)) <= _LARGEST_VOTE else None
