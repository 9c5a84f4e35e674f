"""What every reader of a published list yields: listed photos and the rows that name none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import NotFlickrError, PhotoReference, parse_photo_url
from flickr_emotion.harvest.manifests.file import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPhoto:
    """One good row of a list: a photo and what the list says of it."""

    row: int
    """Line in the file, from 1."""
    reference: PhotoReference
    emotion: str | None = None
    agree: int | None = None
    disagree: int | None = None
    """You et al.: how many workers agreed and disagreed that the photo shows the emotion."""
    pair: str | None = None
    """VSO: the adjective-noun pair under which the photo was found."""
    owner: str | None = None
    """VSO: the owner's user name in the list."""


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
_MOST_ROWS = 1_000_000
_MOST_REJECTED = 100_000


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """One file of a published list."""

    name: str
    """Path below the list's folder, with the folder's own name: the same wherever it is moved."""
    path: Path
    read: Callable[[Path], Iterator[Row]]
    subject: str = ""
    """What the file's name says of its rows: VSO's pair; else nothing."""

    def rows(self) -> Iterator[Row]:
        """Yield the file's rows.

        Raises ``HarvestError`` where there are more than a published list has, or so many that name
        no photo that it is none: all of a file is in memory before it is stored.
        """
        rejected = 0
        for rows, row in enumerate(self.read(self.path), 1):
            rejected += isinstance(row, RejectedRow)
            if rejected > _MOST_REJECTED:
                raise HarvestError(
                    f"{self.path}, row {row.row}: more than {_MOST_REJECTED:,} rows name no photo "
                    "up to here, so it is no published list: take it out of the folder"
                )
            if rows > _MOST_ROWS:
                raise HarvestError(
                    f"{self.path}, row {row.row}: it has more than {_MOST_ROWS:,} rows: cut it "
                    "into several files"
                )
            yield row


@dataclass(frozen=True, kw_only=True)
class PublishedList:
    """A published list, told apart by its content."""

    kind: str
    """``votes`` (You et al. 2016) or ``sentiment`` (VSO)."""
    files: tuple[ListFile, ...]
    pair_sentiments: dict[str, float]
    """VSO: sentiment of each pair of the ontology, from -2 to 2; else empty."""
    pair_counts: dict[str, int]
    """VSO: how many pictures a search for each pair of the ontology found; else empty."""
    manifest: Manifest | None = None
    """The manifest that stands in a list's place: it has no files, pairs or rejected rows."""


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, numbered from 1, without their ends.

    What is no list may have lines of any length: of a long one only the beginning is kept.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            rest = line
            while len(rest) == _LONGEST_LINE and not rest.endswith("\n"):
                rest = file.readline(_LONGEST_LINE)
            if line.strip():
                yield number, line.rstrip("\n")


def parse_reference(url: str, row: int) -> PhotoReference | RejectedRow:
    """Return the photo reference in a row's URL, or why there is none."""
    try:
        return parse_photo_url(url)
    except NotFlickrError as error:
        return RejectedRow(row=row, reason="not-flickr", detail=str(error))
    except ValueError as error:
        return RejectedRow(row=row, reason="malformed", detail=str(error))
