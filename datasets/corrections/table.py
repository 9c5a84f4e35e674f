"""What readers of a data set have found wrong: a table beside it, which the next build takes.

A data set is made of its source by rules, and whoever builds it again gets the same. So a wrong
label is not changed in place. It is written down with the time and a reason, and
``build-splits --corrections FILE`` applies it. Who wrote it is not recorded.

The table is CSV, because people read it, edit it and put it under version control: a row for each
post, ``photo_id,what,was,label,why,when``. ``what`` is ``wrong-label`` or ``unfit``. ``was`` is the
label that was found wrong: where the source gives another one by now, the row is not applied.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from flickr_emotion.common.names import is_name, no_name
from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.common.replacing import new_file
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.description_values import TIME

WRONG_LABEL, UNFIT = "wrong-label", "unfit"
KINDS = (WRONG_LABEL, UNFIT)
LONGEST_REASON = 500
"""Largest number of characters in the reason of a correction."""
_LONGEST_ID = 200
_LARGEST = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What is wrong with a post."""

    photo_id: str
    what: str
    """``wrong-label`` or ``unfit``."""
    was: str
    """The label of the post when this was written."""
    label: str = ""
    """The right label; empty where it is not known."""
    why: str = ""
    when: str = ""
    """UTC, such as ``2026-11-30T12:00:00Z``."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a row that makes no sense."""
        if not self.photo_id or len(self.photo_id) > _LONGEST_ID:
            raise ValueError("it names no post: give its photo_id")
        if self.what not in KINDS:
            raise ValueError(f"'what' is {self.what[:50]!a}: give {' or '.join(KINDS)}")
        if self.label and self.what != WRONG_LABEL:
            raise ValueError(f"it gives a label, but 'what' is {UNFIT}: give one of them")
        for label in (self.was, self.label):
            if label and not is_name(label):
                raise ValueError(no_name("the label", label))
        if self.label and self.label == self.was:
            raise ValueError(f"the label {self.label!a} is the one that was wrong")
        if len(self.why) > LONGEST_REASON:
            raise ValueError(f"the reason is longer than {LONGEST_REASON} characters")
        try:
            datetime.strptime(self.when, TIME)
        except ValueError:
            raise ValueError("'when' is no time such as 2026-11-30T12:00:00Z") from None


_COLUMNS = tuple(it.name for it in fields(Correction))


def corrections_beside(dataset: Path) -> Path:
    """Return the place of a data set's table, unless another one is named."""
    return dataset.with_name(f"{dataset.name}.corrections.csv")


def read_corrections(path: Path) -> dict[str, Correction]:
    """Return the corrections of a table by photo id.

    Raises ``DatasetError``, with the row, if the file or a row cannot be read.
    """
    try:
        with open_plain(path) as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is not there: give the table that `serve` has written"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error})") from None
    if len(raw) > _LARGEST:
        raise DatasetError(f"{path} is larger than {_LARGEST:,} bytes: give a table of corrections")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{path} is not UTF-8: save it as CSV in UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, Correction] = {}
    try:
        if missing := [it for it in _COLUMNS if it not in (rows.fieldnames or ())]:
            raise DatasetError(
                f"{path} has no column {missing[0]!r}: give the table that `serve` has written"
            )
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if None in row.values() or None in row:
                raise DatasetError(f"{where}: the row has not {len(rows.fieldnames or ())} cells")
            try:
                one = Correction(**{name: row[name] for name in _COLUMNS})
            except ValueError as error:
                raise DatasetError(f"{where}: {error}") from None
            if one.photo_id in found:
                raise DatasetError(
                    f"{where}: photo {one.photo_id} is corrected twice: keep one row"
                )
            found[one.photo_id] = one
    except csv.Error as error:  # of the row after the last one
        raise DatasetError(f"{path}:{rows.line_num + 1} is not CSV ({error})") from None
    return found


def write_corrections(corrections: Mapping[str, Correction], path: Path) -> None:
    """Write a table, which gets its name when it is complete; raises ``OSError``."""
    with new_file(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(it) for it in corrections.values())
