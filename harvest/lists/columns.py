"""Decide which columns of a table name the photo, its label and its votes.

What the user states with ``--columns`` comes first. Otherwise names decide together with what the
columns hold: a column ``id`` with the numbers 1, 2, 3 names no photos.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flickr_emotion.common.tables.column_map import find_column
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_names import NamedPhoto
from flickr_emotion.harvest.lists.cells import is_vote, text_of, vote_of
from flickr_emotion.harvest.lists.class_columns import class_columns, is_one_of_n
from flickr_emotion.harvest.lists.rows import names_photo, parse_name

MEANINGS = ("url", "photo_id", "label", "votes", "disagree")
"""What ``--columns`` may state for a list of pictures."""

_PHOTO_IDS = ("photo_id", "photoid", "flickr_id", "flickr_photo_id", "flickrid")
_VAGUE_IDS = ("id", "image_id", "imageid", "img_id", "pic_id", "key", "index", "image", "photo")
_SAYS_IDS = re.compile(r"^$|^#|(?:^|_)(?:ids?|photos?|flickr|pictures?|images?)(?:_|$)")
_LABELS = (
    *("label", "emotion", "class", "category", "sentiment", "anp", "mood", "emotion_label"),
    *("label_name", "class_name", "annotation", "polarity", "gt", "target"),
)
_VOTES = ("agree", "agrees", "agreed", "votes", "n_votes", "num_votes", "vote_count")
_DISAGREE = ("disagree", "disagrees", "disagreed")
_PARTS = ("secret", "server", "farm")
_ENOUGH = 0.5
"""The share of a column's values that must name photos."""


@dataclass(frozen=True, kw_only=True)
class ListColumns:
    """The places of a list's columns."""

    photo: tuple[int, ...]
    """Columns that name the photo; the first that holds a value counts."""
    parts: Mapping[str, int]
    """The columns ``secret``, ``server`` and ``farm``, where a table has them beside an id."""
    label: int | None = None
    votes: int | None = None
    """The number of those who gave the label, or who agreed with it."""
    disagree: int | None = None
    classes: Mapping[int, str]
    """The classes by their columns, where each class has one."""
    one_of_n: bool = False
    """Whether these columns only say which class is the label, and are not votes."""
    ignored: tuple[int, ...] = ()

    @property
    def has_labels(self) -> bool:
        """Whether the list says anything about labels."""
        return self.label is not None or bool(self.classes)


def choose_columns(
    names: Sequence[str] | None,
    sample: Sequence[Sequence[Any]],
    given: Mapping[str, str],
    where: str,
) -> ListColumns | None:
    """Return the columns of a table; None if none of them names photos.

    ``names``: None for a table without a header row, whose columns ``given`` states by number.
    ``sample``: some rows. ``where``: the file, for messages. Raises ``HarvestError`` if ``given``
    names a column that is not there.
    """
    width = len(names) if names is not None else max(map(len, sample), default=0)
    columns = [[text_of(row[at]) if at < len(row) else "" for row in sample] for at in range(width)]
    plain = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in names or ()]
    stated = {
        meaning: _stated(names, width, name, where)
        for meaning, name in given.items()
        if not _is_several(names, name)
    }
    photo = [stated[meaning] for meaning in ("url", "photo_id") if meaning in stated]
    if not photo:
        photo = _photo_columns(plain, columns)
        _refuse_several(names, photo, columns, where)
    if not photo:
        return None
    free = [at for at in range(width) if at not in (*photo, *stated.values())]

    def named(meanings: Sequence[str], *, number: bool = False) -> int | None:
        for name in meanings:
            for at in free:
                if at < len(plain) and plain[at] == name:
                    cells = [cell for cell in columns[at] if cell]
                    if cells and (not number or all(map(is_vote, cells))):
                        return at
        return None

    parts = {name: at for name in _PARTS if (at := named((name,))) is not None}
    if "secret" not in parts or "server" not in parts:
        parts = {}
    classes: dict[int, str] = {}
    label = stated.get("label")
    if "label" in given and label is None:
        each = [name.strip() for name in given["label"].split("+")]
        classes = {_stated(names, width, name, where): name for name in each}
    elif label is None:
        label = named(_LABELS)
        if label is None and names is None:
            label = _only_words(free, columns)
        if label is None and names is not None:
            left = [at for at in free if at not in parts.values()]
            classes = class_columns({at: names[at] for at in left}, columns)
    votes = stated.get("votes", named(_VOTES, number=True) if label is not None else None)
    disagree = stated.get("disagree", named(_DISAGREE, number=True) if label is not None else None)
    used = {*photo, *parts.values(), *classes, label, votes, disagree}
    return ListColumns(
        photo=tuple(photo),
        parts=parts,
        label=label,
        votes=votes,
        disagree=disagree,
        classes=classes,
        one_of_n=bool(classes) and is_one_of_n([columns[at] for at in classes]),
        ignored=tuple(at for at in range(width) if at not in used),
    )


def describe(names: Sequence[str] | None, columns: ListColumns) -> str:
    """Return in words which columns are used as what."""

    name = partial(_shown, names)
    used = [f"photos from {' or '.join(map(name, columns.photo))}"]
    if columns.parts:
        used.append(f"their secrets from {name(columns.parts['secret'])}")
    if columns.label is not None:
        used.append(f"labels from {name(columns.label)}")
    if columns.classes:
        some = ", ".join(map(name, columns.classes))
        used.append(f"{'labels' if columns.one_of_n else 'votes'} from {some}")
    if columns.votes is not None:
        used.append(f"votes from {name(columns.votes)}")
    if columns.disagree is not None:
        used.append(f"votes against from {name(columns.disagree)}")
    if not columns.has_labels:
        used.append("no labels")
    if columns.ignored:
        used.append(f"ignored: {', '.join(map(name, columns.ignored))}")
    return "; ".join(used)


def _shown(names: Sequence[str] | None, at: int) -> str:
    shown = names[at] if names is not None else f"column {at + 1}"
    return shown[:50] if shown.isprintable() else ascii(shown[:50])


def _is_several(names: Sequence[str] | None, name: str) -> bool:
    return "+" in name and (names is None or find_column(names, name) is None)


def _stated(names: Sequence[str] | None, width: int, name: str, where: str) -> int:
    if names is None:
        at = int(name) - 1 if name.isascii() and name.isdigit() and len(name) < 6 else -1
        if not 0 <= at < width:
            raise HarvestError(
                f"--columns names {name[:50]!r}, but {where} has no header row: give the numbers "
                f"of its columns, from 1 to {width}"
            )
        return at
    found = find_column(names, name)
    if found is None:
        there = ", ".join(it[:50] for it in names[:20])
        raise HarvestError(
            f"--columns names {name[:50]!r}, which is not a column of {where}: it has {there}"
        )
    return found


def _photo_columns(plain: Sequence[str], columns: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns that name photos, the best first: with secrets, then pages, then ids."""
    ranked: list[tuple[int, int]] = []
    for at, cells in enumerate(columns):
        held = [cell for cell in cells if cell]
        name = plain[at] if at < len(plain) else ""
        good = [cell for cell in held if names_photo(cell)]
        addresses = sum(cell.lower().startswith(("http:", "https:")) for cell in held)
        if not good or max(len(good), addresses) < _ENOUGH * len(held):
            continue
        numbers = sum(cell.replace(".0", "").isdigit() for cell in good) > len(good) / 2
        if not numbers:
            ranked.append((0 if "staticflickr" in good[0] or "static.flickr" in good[0] else 1, at))
        elif name in _PHOTO_IDS:
            ranked.append((2, at))
        elif name in _VAGUE_IDS or (len(columns) == 1 and _SAYS_IDS.search(name)):
            ranked.append((3, at))
    ranked.sort()
    # A column `id` may count the rows: it names photos only where nothing else does.
    return [at for rank, at in ranked if rank < 3 or rank == ranked[0][0]]


def _refuse_several(
    names: Sequence[str] | None,
    photo: Sequence[int],
    columns: Sequence[Sequence[str]],
    where: str,
) -> None:
    """Raise ``HarvestError`` if two columns of links name different photos in one row.

    Only the photo of the first would be crawled. Ids beside links may be those of something else.
    """
    for number in range(len(columns[0]) if photo else 0):
        linked = [at for at in photo if not columns[at][number].replace(".0", "").isdigit()]
        found: dict[str, int] = {}
        for at in linked:
            named = parse_name(columns[at][number], 0)
            if isinstance(named, NamedPhoto):
                found.setdefault(named.reference.photo_id, at)
        if len(found) > 1:
            one, other = (_shown(names, at) for at in list(found.values())[:2])
            raise HarvestError(
                f"{where} names several photos in one row, in {one} and in {other}: give one photo "
                f"a row, or say which column to read, --columns url="
                f"{_shown(names, photo[0]) if names else photo[0] + 1}"
            )


def _only_words(free: Sequence[int], columns: Sequence[Sequence[str]]) -> int | None:
    """Return the only column without a header that holds words; None if there are several."""
    worded = [
        at
        for at in free
        if any(columns[at]) and not all(vote_of(cell) is not None for cell in columns[at] if cell)
    ]
    return worded[0] if len(worded) == 1 else free[0] if len(free) == 1 else None
