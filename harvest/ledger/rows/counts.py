"""Counts over a whole ledger, for reports about a harvest.

Due photos are counted by ``harvest.ledger.ledger.Ledger.left``.
"""

from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.outcomes import (
    API_OUTCOMES,
    ASKED_AGAIN,
    DEAD_PICTURES,
    IMAGE_OUTCOMES,
    quoted,
)


class Losses(NamedTuple):
    """The number of photos of a harvest, and of those that were lost."""

    photos: int
    lost: int


class FailureCount(NamedTuple):
    """A reason why posts or pictures failed."""

    what: str
    """``api`` or ``image``."""
    reason: str
    photos: int


class OutcomeCounts(NamedTuple):
    """The number of photos by outcome."""

    api: dict[str, int]
    """By the outcome of the post."""
    image: dict[str, int]
    """By the outcome of the picture."""


class SettledPictures(NamedTuple):
    """The number of settled pictures."""

    dead: int
    all: int


def photo_count(ledger: LedgerConnection) -> int:
    """Return the number of photos, whatever their outcome."""
    return _count(ledger, "photos")


def call_count(ledger: LedgerConnection) -> int:
    """Return the number of API calls so far."""
    return _count(ledger, "calls")


def work_times(ledger: LedgerConnection) -> tuple[float, float] | None:
    """Return when the first and the last call or refusal was recorded (unix time); None without."""
    row = ledger.query(
        "SELECT min(first), max(last) FROM (SELECT min(at) AS first, max(at) AS last FROM calls "
        "UNION ALL SELECT min(at), max(at) FROM evidence)"
        if ledger.query("SELECT 1 FROM sqlite_master WHERE name = 'evidence'")
        else "SELECT min(at), max(at) FROM calls"
    )[0]
    return None if row[0] is None else (row[0], row[1])


def posts_by_picture_alone(ledger: LedgerConnection) -> int:
    """Return how many posts are ``gone`` or ``private`` only because of a dead picture."""
    return _count(ledger, "evidence", "WHERE what = 'api' AND witness = 'picture'")


def pictures_never_named(ledger: LedgerConnection) -> int:
    """Return how many pictures stay ``pending``, because a lost post never told their secret."""
    return _count(
        ledger,
        "photos",
        "WHERE api_outcome IN ('gone', 'private') AND image_outcome = 'pending' "
        "AND (server IS NULL OR secret IS NULL)",
    )


def withdrawn_posts(ledger: LedgerConnection) -> int:
    """Return how many posts a refresh found withdrawn but has not dropped."""
    return _count(ledger, "withdrawals")


def losses(ledger: LedgerConnection, *, images: bool) -> Losses:
    """Return the number of photos, and of those with a ``failed`` post.

    With ``images``, a ``failed`` or ``corrupt`` picture counts as a loss too.
    """
    image_lost = " OR image_outcome IN ('failed', 'corrupt')" if images else ""
    row = ledger.query(
        f"SELECT count(*) AS photos, total(api_outcome = 'failed'{image_lost}) AS lost FROM photos"
    )[0]
    return Losses(photos=row["photos"], lost=int(row["lost"]))


def due_without_secret(ledger: LedgerConnection, *, last_row: int) -> int:
    """Return how many due posts have no reference of their picture, up to a row of the ledger."""
    return _count(
        ledger,
        "photos",
        "WHERE api_next_try IS NOT NULL AND (server IS NULL OR secret IS NULL) "
        f"AND rowid <= {last_row:d}",
    )


def unfinished_photos(ledger: LedgerConnection) -> int:
    """Return the number of photos whose post or picture another crawl may still get."""
    again = quoted(ASKED_AGAIN)
    return _count(
        ledger,
        "photos",
        f"WHERE api_outcome IN ({again}) OR (api_outcome = 'ok' AND image_outcome IN ({again}))",
    )


def failure_counts(ledger: LedgerConnection, most: int = 10) -> list[FailureCount]:
    """Return the ``most`` frequent reasons of failures."""
    # Both outcomes are in one index, which SQLite only uses if the condition names both.
    rows = ledger.query(
        "SELECT 'api' AS what, api_error AS reason, count(*) AS photos FROM photos "
        "WHERE api_outcome = 'failed' GROUP BY reason UNION ALL "
        "SELECT 'image', image_error, count(*) FROM photos "
        "WHERE api_outcome IN ('pending', 'ok', 'gone', 'private', 'failed') "
        "AND image_outcome IN ('failed', 'corrupt') GROUP BY image_error "
        "ORDER BY photos DESC, what, reason LIMIT ?",
        (most,),
    )
    return [FailureCount(*row) for row in rows]


def outcome_counts(ledger: LedgerConnection, *, last_row: int) -> OutcomeCounts:
    """Return the number of photos up to a row by both outcomes, including zeros."""
    api, image = dict.fromkeys(API_OUTCOMES, 0), dict.fromkeys(IMAGE_OUTCOMES, 0)
    for row in ledger.query(
        "SELECT api_outcome, image_outcome, count(*) AS n FROM photos WHERE rowid <= ? "
        "GROUP BY 1, 2",
        (last_row,),
    ):
        api[row["api_outcome"]] += row["n"]
        image[row["image_outcome"]] += row["n"]
    return OutcomeCounts(api, image)


def settled_pictures(ledger: LedgerConnection) -> SettledPictures:
    """Return the number of settled pictures, dead and all."""
    dead = alive = 0
    for row in ledger.query(
        "SELECT api_outcome, image_outcome, count(*) AS n FROM photos GROUP BY 1, 2"
    ):
        if row["image_outcome"] in DEAD_PICTURES:
            dead += row["n"]
        elif row["image_outcome"] == "ok" or row["api_outcome"] == "ok":
            alive += row["n"]
    return SettledPictures(dead, dead + alive)


def _count(ledger: LedgerConnection, table: str, where: str = "") -> int:
    # A ledger of an older version lacks some tables until a crawl opens it.
    if not ledger.query("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)):
        return 0
    return int(ledger.query(f"SELECT count(*) AS n FROM {table} {where}")[0]["n"])
