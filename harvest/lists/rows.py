"""What every reader of a published list yields: listed photos and rejected rows."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flickr_emotion.common.tables.containers import opened
from flickr_emotion.common.tables.text_files import TextFile
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_names import NamedPhoto, parse_photo_name
from flickr_emotion.harvest.flickr.photo_url import NotFlickrError, PhotoReference

if TYPE_CHECKING:
    from flickr_emotion.harvest.manifests.file import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPhoto:
    """What one row of a list says about a photo; a row with votes for classes gives several."""

    row: int
    """Line in the file, from 1."""
    reference: PhotoReference
    emotion: str | None = None
    """The emotion, or the label of any other list; None if the list has none."""
    agree: int | None = None
    disagree: int | None = None
    """How many workers agreed and disagreed with the label; None if the list does not say it."""
    pair: str | None = None
    """VSO: the adjective-noun pair under which the photo was found."""
    owner: str | None = None
    """The owner's user name in VSO, or the owner in the URL of a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row that names no photo."""

    row: int
    """Line in the file, from 1."""
    reason: str
    """``malformed`` or ``not-flickr``."""
    detail: str


Row = ListedPhoto | RejectedRow

_LONGEST_LINE = 10_000
_MOST_ROWS = 20_000_000
_MOST_REJECTED = 100_000
# Shorter ids exist, but a column or file of shorter numbers is taken for something else.
_SHORTEST_SURE_ID = 6


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """One file of a published list."""

    name: str
    """Path that starts with the name of the list's folder, so that moving it changes nothing."""
    path: Path
    read: Callable[[Path, str | None], Iterator[Row]]
    """Yields the rows of a path and a file in it; see ``member``."""
    member: str | None = None
    """The file in the zip archive at ``path``; None if ``path`` is the file."""
    subject: str = ""
    """What else decides its rows: the pair in a VSO file's name, or the columns of a table."""

    def rows(self) -> Iterator[Row]:
        """Yield the file's rows.

        Raises ``HarvestError`` if there are too many rows, or too many without a photo for a list
        of pictures.
        """
        rejected = 0
        for rows, row in enumerate(self.read(self.path, self.member), 1):
            rejected += isinstance(row, RejectedRow)
            if rejected > _MOST_REJECTED:
                raise HarvestError(
                    f"{self.path}, row {row.row}: more than {_MOST_REJECTED:,} rows name no photo "
                    "up to here, so it is not a published list: remove it from the folder"
                )
            if rows > _MOST_ROWS:
                raise HarvestError(
                    f"{self.path}, row {row.row}: it has more than {_MOST_ROWS:,} rows: split it "
                    "into several files"
                )
            yield row


@dataclass(frozen=True, kw_only=True)
class PublishedList:
    """A list or a manifest that was opened."""

    kind: str
    """``votes`` (You et al. 2016), ``sentiment`` (VSO) or ``labels`` (any other list)."""
    files: tuple[ListFile, ...]
    pair_sentiments: dict[str, float]
    """VSO: the sentiment of each pair of the ontology, from -2 to 2; otherwise empty."""
    pair_counts: dict[str, int]
    """VSO: how many pictures a search for each pair of the ontology found; otherwise empty."""
    manifest: "Manifest | None" = None
    """The manifest, if it is one; then there are no files, pairs or rejected rows."""
    left_alone: tuple[tuple[str, str], ...] = ()
    """The files that are not part of the list, each with the reason."""
    notes: tuple[str, ...] = ()
    """How the files were understood, in sentences for the user."""

    def check(self) -> None:
        """Raise ``HarvestError`` unless at least one row of the files names a photo."""
        first: tuple[ListFile, RejectedRow] | None = None
        rejected = 0
        for file in self.files:
            try:
                for row in file.rows():
                    if isinstance(row, ListedPhoto):
                        return
                    first = first or (file, row)
                    rejected += 1
            except OSError:
                continue  # It is reported when it is added to the ledger.
        if first:
            file, row = first
            raise HarvestError(
                f"none of the {rejected} rows of the list names a photo on Flickr; the first is "
                f"{file.name}:{row.row}, {row.reason}: {row.detail}"
            )


def numbered_lines(path: Path, member: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, numbered from 1, without line endings.

    ``member``: the file in a zip archive. Files that are not lists may have very long lines; only
    the beginning of these is kept. A byte that is no UTF-8 spoils its character, not the file.
    Raises ``OSError``, and ``TableError`` for a damaged archive.
    """
    with opened(path, member) as file:
        marked = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if marked else "utf-8-sig"
    text = TextFile(path=path, member=member, encoding=encoding, notes=(), lenient=True)
    for number, line in enumerate(text.lines(cut=_LONGEST_LINE), 1):
        if line.strip():
            yield number, line.rstrip("\r\n")


def parse_name(text: str, row: int) -> NamedPhoto | RejectedRow:
    """Return the photo that a row's text names, or why there is none."""
    try:
        return parse_photo_name(text)
    except NotFlickrError as error:
        return RejectedRow(row=row, reason="not-flickr", detail=str(error))
    except ValueError as error:
        return RejectedRow(row=row, reason="malformed", detail=str(error))


def names_photo(text: str) -> bool:
    """Whether a text names a photo, and is not just a small number."""
    name = text.strip()
    if name.isdigit() and len(name) < _SHORTEST_SURE_ID:
        return False
    return isinstance(parse_name(text, 0), NamedPhoto)
