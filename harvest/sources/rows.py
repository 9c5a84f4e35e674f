"""What every reader of a published list yields: listed photos and the rows that name none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harvest.photo_url import NotFlickrError, PhotoReference, parse_photo_url


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


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row that names no photo."""

    row: int | None
    """Line in the file, from 1; none where the whole file cannot be read."""
    reason: str
    """``malformed`` or ``not-flickr``."""
    detail: str


Row = ListedPhoto | RejectedRow


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """One file of a published list."""

    name: str
    """Path below the list's folder, with the folder's own name: the same wherever it is moved."""
    path: Path
    read: Callable[[Path], Iterator[Row]]

    def rows(self) -> Iterator[Row]:
        """Yield the file's rows; a file that cannot be read is one rejected row."""
        try:
            yield from self.read(self.path)
        except OSError as error:
            yield RejectedRow(row=None, reason="malformed", detail=f"cannot be read: {error}")


@dataclass(frozen=True, kw_only=True)
class PublishedList:
    """A published list, told apart by its content."""

    kind: str
    """``votes`` (You et al. 2016) or ``sentiment`` (VSO)."""
    files: tuple[ListFile, ...]
    pair_sentiments: dict[str, float]
    """VSO: sentiment of each pair of the ontology, from -2 to 2; else empty."""


def parse_reference(url: str, row: int) -> PhotoReference | RejectedRow:
    """Return the photo reference in a row's URL, or why there is none."""
    try:
        return parse_photo_url(url)
    except NotFlickrError as error:
        return RejectedRow(row=row, reason="not-flickr", detail=str(error))
    except ValueError as error:
        return RejectedRow(row=row, reason="malformed", detail=str(error))
