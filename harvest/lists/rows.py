"""What every reader of a published list yields: listed photos and rejected rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import NotFlickrError, PhotoReference, parse_photo_url
from flickr_emotion.harvest.manifests.file import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPhoto:
    """One valid row of a list: a photo and what the list says about it."""

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
    """Path that starts with the name of the list's folder, so that moving it changes nothing."""
    path: Path
    read: Callable[[Path], Iterator[Row]]
    subject: str = ""
    """VSO: the pair in the file's name; otherwise empty."""

    def rows(self) -> Iterator[Row]:
        """Yield the file's rows.

        Raises ``HarvestError`` if there are too many rows, or too many without a photo for a
        published list: all rows of a file are in memory before they are stored.
        """
        rejected = 0
        for rows, row in enumerate(self.read(self.path), 1):
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
    """A published list or a manifest that was opened."""

    kind: str
    """``votes`` (You et al. 2016) or ``sentiment`` (VSO)."""
    files: tuple[ListFile, ...]
    pair_sentiments: dict[str, float]
    """VSO: the sentiment of each pair of the ontology, from -2 to 2; otherwise empty."""
    pair_counts: dict[str, int]
    """VSO: how many pictures a search for each pair of the ontology found; otherwise empty."""
    manifest: Manifest | None = None
    """The manifest, if it is one; then there are no files, pairs or rejected rows."""


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, numbered from 1, without line endings.

    Files that are not lists may have very long lines; only the beginning of these is kept.
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
