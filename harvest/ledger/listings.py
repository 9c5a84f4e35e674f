"""What the ledger knows of listings: which photos are open in one, and what its calls have covered.

Every call's window and yield are kept, so that a crawl that is started again goes on with its plan:
what a page has covered is not listed again, and what was not worth a call still is not.
"""

import random
from bisect import insort
from collections import defaultdict
from dataclasses import dataclass

from flickr_emotion.harvest.flickr.answers import ListingPage
from flickr_emotion.harvest.flickr.listings import PAGE, Listing
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.upload_dates import DatedPhoto
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.ledger.rows.lists import subject_column
from flickr_emotion.harvest.ledger.rows.outcomes import DEAD_PICTURES, quoted
from flickr_emotion.harvest.ledger.rows.posts import settle_videos, store_answers
from flickr_emotion.harvest.pace.clock import now

# SQLite and numpy count up to here; Flickr's ids are far below.
LARGEST_ID = 2**63 - 1
# A listing shows public photos only: of others, and of gone ones, getInfo alone says what they are.
_LISTED = f"image_outcome NOT IN ({quoted(DEAD_PICTURES)})"
# As many photos weigh what is believed without having been seen.
_BELIEVED = 4.0
_COLUMNS = "newest_id, oldest_id, results, sought, found, won"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What one call of a listing covered."""

    newest_id: int
    oldest_id: int
    """Photo ids between which nothing of the listing is unknown any more."""
    results: int
    """Photos that the page showed, at most ``PAGE``."""
    sought: int
    """Wanted photos whose ids lie between."""
    found: int
    """Those of them that the page showed."""
    won: int
    """Posts that the call brought, whichever listing they were wanted for."""

    @property
    def page_span(self) -> float:
        """Ids that a full page spans here."""
        return (self.newest_id - self.oldest_id) * PAGE / max(self.results, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPhotos:
    """The photos of a subject that still need a post, and that a listing may show."""

    photo_ids: tuple[int, ...]
    pictures_to_settle: int
    """Those of them whose picture may yet turn out to be gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnersPhotos:
    """Photos of one owner that still need a post."""

    nsid: str | None
    """None where no answer has named it yet."""
    name: str | None
    """As the list has it; None where it names no owners."""
    photo_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """Which ids a page covers: nothing of the listing is unknown any more between the two."""

    newest_id: int
    oldest_id: int
    oldest_date: int | None
    """When ``oldest_id`` was uploaded (unix seconds), if it is a photo of the page."""


def some_pictures(ledger: Ledger, count: int, *, last_row: int = ALL_ROWS) -> list[PhotoReference]:
    """Return the places of some pictures that are still to be asked for, from all of the list.

    ``last_row``: from the part of it up to this row of the ledger.
    """
    photos = ledger.query("SELECT ifnull(max(rowid), 0) AS n FROM photos")[0]["n"]
    last = min(photos, last_row)
    count = min(count, last)
    # One of each part of the list, where in it by chance: lists may repeat a pattern.
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


def open_photos(ledger: Ledger, subject: str, *, last_row: int = ALL_ROWS) -> OpenPhotos:
    """Return the photos of a subject that still need a post, and that a listing may show."""
    rows = ledger.query(
        "SELECT DISTINCT photo_id, image_next_try IS NOT NULL AS picture_due "
        "FROM listed JOIN photos USING (photo_id) "
        f"WHERE listed.{subject_column(ledger)} = ? AND api_next_try IS NOT NULL "
        f"AND photos.rowid <= ? AND {_LISTED}",
        (subject, last_row),
    )
    return OpenPhotos(
        photo_ids=tuple(number for row in rows if (number := int(row["photo_id"])) <= LARGEST_ID),
        pictures_to_settle=sum(row["picture_due"] for row in rows),
    )


def owners_photos(ledger: Ledger, *, last_row: int = ALL_ROWS) -> list[OwnersPhotos]:
    """Return the owners of several photos that still need a post, those of most first."""
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
        OwnersPhotos(nsid=nsids.get(name), name=name, photo_ids=tuple(ids))
        for name, ids in several.items()
    ]
    return sorted(found, key=lambda owner: (-len(owner.photo_ids), owner.name or ""))


def known_dates(ledger: Ledger) -> list[DatedPhoto]:
    """Return photos with their upload dates, as the pages of words have shown them."""
    rows = ledger.query(
        "SELECT oldest_id, oldest_date FROM windows WHERE oldest_date IS NOT NULL "
        "AND listing NOT LIKE 'owner:%'"
    )
    return [DatedPhoto(*row) for row in rows]


def windows(ledger: Ledger, listing: Listing) -> list[Window]:
    """Return what the calls of a listing have covered so far."""
    rows = ledger.query(
        f"SELECT {_COLUMNS} FROM windows WHERE listing = ? ORDER BY window_id",
        (listing.key,),
    )
    return [Window(**dict(row)) for row in rows]


def record_page(
    ledger: Ledger, listing: Listing, shown: ListingPage, covered: Covered, *, sought: set[int]
) -> Window:
    """Store a page's posts, the videos among its entries, and what it covered, all or none.

    ``sought``: the open photos that lie between the newest and the oldest id that it covers. The
    pictures' files of the videos are removed before.
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
    """What calls of one kind have brought so far."""

    def __init__(self, ledger: Ledger | None = None, kind: str = "", *, hits: float = 1.0) -> None:
        """Begin with the calls to a kind of listing (``owner``) that are in the ledger, or none.

        ``hits`` is believed as long as next to nothing is known.
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
        """Take in a further call."""
        self._sought += window.sought
        self._found += window.found
        if window.results:
            insort(self._spans, window.page_span)

    @property
    def hits(self) -> float:
        """The share of the photos that pages should have shown which they did show."""
        return self._found / self._sought

    @property
    def usual_span(self) -> float | None:
        """Photo ids that a full page spans, in the middle one of the calls; None without any."""
        return self._spans[len(self._spans) // 2] if self._spans else None
