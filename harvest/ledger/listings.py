"""What the ledger knows about listings: the open photos of each, and the ranges of its pages.

The range and yield of every page are kept, so that a restarted crawl continues with its plan: what
a page has covered is not listed again.
"""

import random
from bisect import insort
from collections import defaultdict
from dataclasses import dataclass

from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.listings import PAGE, Listing
from flickr_emotion.harvest.flickr.photo_names import is_nsid
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.upload_dates import DatedPhoto
from flickr_emotion.harvest.ledger.facts import list_kind
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.ledger.rows.outcomes import DEAD_PICTURES, quoted
from flickr_emotion.harvest.ledger.rows.posts import settle_videos, store_answers
from flickr_emotion.harvest.pace.clock import now

# SQLite and numpy count up to here; Flickr's ids are far below.
LARGEST_ID = 2**63 - 1
# Listings only show public photos; only getInfo can settle private ones and those that are gone.
_LISTED = f"image_outcome NOT IN ({quoted(DEAD_PICTURES)})"
# The weight of the prior, in photos.
_BELIEVED = 4.0
_COLUMNS = "newest_id, oldest_id, results, sought, found, won"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The range of photo ids that one page of a listing covers, and its yield."""

    newest_id: int
    oldest_id: int
    """The listing has no other photos between the two ids."""
    results: int
    """Number of photos that the page showed, at most ``PAGE``."""
    sought: int
    """Number of wanted photos with ids in the range."""
    found: int
    """Number of these that the page showed."""
    won: int
    """Number of posts that the call brought, for any listing."""

    @property
    def page_span(self) -> float:
        """How many ids a full page spans here."""
        return (self.newest_id - self.oldest_id) * PAGE / max(self.results, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPhotos:
    """The photos of a subject that still need a post, and that a listing may show."""

    photo_ids: tuple[int, ...]
    pictures_to_settle: int
    """How many of them have a picture that is not settled yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnersPhotos:
    """Photos of one owner that still need a post."""

    nsid: str | None
    """None if no answer has named it yet."""
    name: str | None
    """The user name in the list; None if the list names no owners."""
    photo_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """The range of ids that a page covers: the listing has no other photos in it."""

    newest_id: int
    oldest_id: int
    oldest_date: int | None
    """The upload time of ``oldest_id`` (unix seconds), if it is a photo of the page."""


def some_pictures(ledger: Ledger, count: int, *, last_row: int = ALL_ROWS) -> list[PhotoReference]:
    """Return the references of some due pictures from all over the list.

    ``last_row``: only from the part up to this row of the ledger.
    """
    photos = ledger.query("SELECT ifnull(max(rowid), 0) AS n FROM photos")[0]["n"]
    last = min(photos, last_row)
    count = min(count, last)
    # Take a random photo from each part of the list: lists may repeat a pattern.
    chance = random.Random(0)
    rowids = [
        chance.randint(part * last // count + 1, (part + 1) * last // count)
        for part in range(count)
    ]
    marks = ",".join("?" * count)
    rows = ledger.query(
        "SELECT photo_id, server, farm, secret FROM photos WHERE image_next_try IS NOT NULL "
        f"AND rowid IN ({marks}) ORDER BY rowid",
        rowids,
    )
    return [PhotoReference(**dict(row)) for row in rows]


def subjects(ledger: Ledger) -> list[str]:
    """Return the pairs, emotions or labels of the photos, in the list's order."""
    column = _subject_column(ledger)
    rows = ledger.query(
        f"SELECT {column} AS subject FROM listed WHERE {column} IS NOT NULL "
        f"GROUP BY {column} ORDER BY min(file)"
    )
    return [row["subject"] for row in rows]


def search_subjects(ledger: Ledger) -> list[str]:
    """Return the subjects whose words may find their photos: labels with a letter in them."""
    return [it for it in subjects(ledger) if any(map(str.isalpha, it))]


def are_unproven(ledger: Ledger) -> bool:
    """Whether it is not known that the photos were found by the words of their subjects.

    Those of the published lists were; the labels of any other list may have been given later.
    """
    return list_kind(ledger) == "labels"


def _subject_column(ledger: Ledger) -> str:
    """Return the column of ``listed`` with the pair, emotion or label of a photo."""
    return "pair" if list_kind(ledger) == "sentiment" else "emotion"


def open_photos(ledger: Ledger, subject: str, *, last_row: int = ALL_ROWS) -> OpenPhotos:
    """Return the photos of a subject that still need a post, and that a listing may show."""
    rows = ledger.query(
        "SELECT DISTINCT photo_id, image_next_try IS NOT NULL AS picture_due "
        "FROM listed JOIN photos USING (photo_id) "
        f"WHERE listed.{_subject_column(ledger)} = ? AND api_next_try IS NOT NULL "
        f"AND photos.rowid <= ? AND {_LISTED}",
        (subject, last_row),
    )
    return OpenPhotos(
        photo_ids=tuple(number for row in rows if (number := int(row["photo_id"])) <= LARGEST_ID),
        pictures_to_settle=sum(row["picture_due"] for row in rows),
    )


def owners_photos(ledger: Ledger, *, last_row: int = ALL_ROWS) -> list[OwnersPhotos]:
    """Return the owners of several photos that still need a post, those with the most first."""
    rows = ledger.query(
        "SELECT photo_id, owner_name FROM photos WHERE api_next_try IS NOT NULL "
        f"AND image_next_try IS NULL AND owner_name IS NOT NULL AND rowid <= ? AND {_LISTED}",
        (last_row,),
    )
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        if (number := int(row["photo_id"])) <= LARGEST_ID:
            groups[row["owner_name"]].append(number)
    several = {name: ids for name, ids in groups.items() if len(ids) > 1}
    nsids = {
        row["owner_name"]: row["owner"]
        for row in ledger.query(
            "SELECT DISTINCT owner_name, owner FROM photos "
            "WHERE owner IS NOT NULL AND owner_name IS NOT NULL"
        )
        if row["owner_name"] in several
    }
    found = [
        OwnersPhotos(
            # The URLs of many pages name the owner by NSID.
            nsid=nsids.get(name) or (name if is_nsid(name) else None),
            name=name,
            photo_ids=tuple(ids),
        )
        for name, ids in several.items()
    ]
    return sorted(found, key=lambda owner: (-len(owner.photo_ids), owner.name or ""))


def known_dates(ledger: Ledger) -> list[DatedPhoto]:
    """Return photos with their upload dates, from the pages of word listings."""
    rows = ledger.query(
        "SELECT oldest_id, oldest_date FROM windows WHERE oldest_date IS NOT NULL "
        "AND listing NOT LIKE 'owner:%'"
    )
    return [DatedPhoto(*row) for row in rows]


def windows(ledger: Ledger, listing: Listing) -> list[Window]:
    """Return the ranges that the pages of a listing have covered so far."""
    rows = ledger.query(
        f"SELECT {_COLUMNS} FROM windows WHERE listing = ? ORDER BY window_id",
        (listing.key,),
    )
    return [Window(**dict(row)) for row in rows]


def record_page(
    ledger: Ledger, listing: Listing, shown: ListingPage, covered: Covered, *, sought: set[int]
) -> Window:
    """Store a page's posts, its videos and the range that it covers, all or none.

    ``sought``: the open photos in the range. The caller removes the picture files of videos before.
    """
    photo_ids = (*(answer.reference.photo_id for answer in shown.answers), *shown.videos)
    found = len(sought & set(map(int, photo_ids)))
    with ledger.transaction() as connection:
        won = store_answers(connection, shown.answers, source="search")
        settle_videos(connection, shown.videos)
        connection.execute(
            "INSERT INTO windows (listing, at, newest_id, oldest_id, oldest_date, results, sought, "
            "found, won) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(listing.key, now(), covered.newest_id, covered.oldest_id, covered.oldest_date),
                *(shown.results, len(sought), found, won),
            ),
        )
    return Window(
        newest_id=covered.newest_id,
        oldest_id=covered.oldest_id,
        results=shown.results,
        sought=len(sought),
        found=found,
        won=won,
    )


class Yields:
    """The yield of one kind of listing so far."""

    def __init__(self, ledger: Ledger | None = None, kind: str = "", *, hits: float = 1.0) -> None:
        """Start with the pages of a kind of listing (``owner``) in the ledger, or with none.

        ``hits``: the prior for the share of wanted photos that pages show.
        """
        self._sought, self._found = _BELIEVED, _BELIEVED * hits
        self._spans: list[float] = []
        if ledger is None:
            return
        rows = ledger.query(
            f"SELECT {_COLUMNS} FROM windows WHERE listing >= ? AND listing < ?",
            (f"{kind}:", f"{kind};"),
        )
        for row in rows:
            self.add(Window(**dict(row)))

    def add(self, window: Window) -> None:
        """Add a page."""
        self._sought += window.sought
        self._found += window.found
        if window.results:
            insort(self._spans, window.page_span)

    @property
    def hits(self) -> float:
        """The share of wanted photos in the pages' ranges that they showed."""
        return self._found / self._sought

    @property
    def usual_span(self) -> float | None:
        """The median number of photo ids that a full page spans; None without pages."""
        return self._spans[len(self._spans) // 2] if self._spans else None
