"""Read the posts for a data set from the ledger, each with the rows of the lists that name it.

Ranges of rows are read, each by the process that judges it, so that a list of a million photos is
never in memory as a whole.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection

_LISTED = """
SELECT photos.photo_id, api_outcome, image_outcome, title, description, tags, image_sha256, owner,
    license, {stated}, server, farm, secret, file, row, emotion, agree, disagree, pair,
    {fixed}
FROM photos CROSS JOIN listed USING (photo_id) {join}
WHERE photos.rowid >= ? AND photos.rowid < ? ORDER BY photos.rowid
"""
_FIXED = ("label", "votes", "sentiment", "split", "modalities")
_DISTRIBUTION = "vote_distribution"
_STATED = ("usage", "image_headers")


class ListedPost(NamedTuple):
    """A photo together with one row of a list that names it."""

    photo_id: str
    api_outcome: str
    image_outcome: str
    title: str | None
    description: str | None
    tags: str | None
    """As JSON."""
    image_sha256: str | None
    owner: str | None
    """The NSID."""
    license: str | None
    usage: str | None
    """The owner's settings, as JSON; None where they are not known."""
    image_headers: str | None
    """The record of the picture's header fields (``harvest.preferences.headers``), or None."""
    server: str | None
    farm: str | None
    secret: str | None
    file: str
    row: int
    emotion: str | None
    agree: int | None
    disagree: int | None
    pair: str | None
    # The values that a manifest fixes; None in the harvest of a list.
    label: str | None = None
    votes: int | None = None
    sentiment: float | None = None
    split: str | None = None
    modalities: str | None = None
    vote_distribution: str | None = None
    """As JSON."""


class HeldPost(NamedTuple):
    """What a harvest contains of a photo, without the rows of lists."""

    photo_id: str
    api_outcome: str
    image_outcome: str
    title: str | None
    description: str | None
    tags: str | None
    """As JSON."""
    image_sha256: str | None


class Credit(NamedTuple):
    """Who has to be named where a post is shown."""

    photo_id: str
    title: str
    owner: str
    """The NSID."""
    owner_name: str
    """From the list; empty where it names none."""
    license: str
    """Flickr's id."""


def last_photo_row(ledger: LedgerConnection) -> int:
    """Return the row of the last photo; 0 without any."""
    return int(ledger.query("SELECT ifnull(max(rowid), 0) AS n FROM photos")[0]["n"])


def has_pictures(ledger: LedgerConnection) -> bool:
    """Return whether any photo has a picture."""
    return bool(ledger.query("SELECT 1 FROM photos WHERE image_outcome = 'ok' LIMIT 1"))


def listed_posts(
    ledger: LedgerConnection, first: int, last: int, *, of_manifest: bool
) -> list[tuple[Any, ...]]:
    """Return the photos from row ``first`` to before ``last``, once for each row of a list.

    Each is a tuple of the values of a ``ListedPost``; no object is made, because a build skips most
    photos of the last build. The rows of a photo follow one another. ``of_manifest``: include the
    values that the manifest fixes.
    """
    # Older ledgers lack some columns, and lists fix nothing.
    there = _columns(ledger, "photos")
    fixed_there = set(_FIXED) | _columns(ledger, "manifest_posts") if of_manifest else set()
    return ledger.tuples(
        _LISTED.format(
            fixed=_or_null((*_FIXED, _DISTRIBUTION), fixed_there),
            stated=_or_null(_STATED, there),
            join="JOIN manifest_posts USING (photo_id)" if of_manifest else "",
        ),
        (first, last),
    )


def _or_null(names: Sequence[str], there: set[str]) -> str:
    return ", ".join(name if name in there else "NULL" for name in names)


def _columns(ledger: LedgerConnection, table: str) -> set[str]:
    return {column["name"] for column in ledger.query(f"PRAGMA table_info({table})")}


def held_posts(ledger: LedgerConnection, photo_ids: Sequence[str]) -> list[HeldPost]:
    """Return those of the given photos that the harvest contains, in no particular order."""
    marks = ",".join("?" * len(photo_ids))
    rows = ledger.query(
        "SELECT photo_id, api_outcome, image_outcome, title, description, tags, image_sha256 "
        f"FROM photos WHERE photo_id IN ({marks})",
        photo_ids,
    )
    return [HeldPost(*row) for row in rows]


def credits_of(ledger: LedgerConnection, photo_ids: Sequence[str]) -> dict[str, Credit]:
    """Return the credits, by photo id, of those of the photos whose post the harvest holds."""
    marks = ",".join("?" * len(photo_ids))
    rows = ledger.query(
        "SELECT photo_id, ifnull(title, ''), owner, ifnull(owner_name, ''), license FROM photos "
        "WHERE api_outcome = 'ok' AND owner IS NOT NULL AND license IS NOT NULL "
        f"AND photo_id IN ({marks})",
        photo_ids,
    )
    return {row[0]: Credit(*row) for row in rows}
