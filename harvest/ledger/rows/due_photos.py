"""Which photos a crawl must request: made due when it starts, and read by its stages.

``api_next_try`` and ``image_next_try`` are the times of planned tries, and null for what is
settled. Nothing else says what is left to do, so a crawl continues wherever an earlier one was
killed.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.evidence import (
    WITHDRAWN,
    make_due_again,
    make_unverified_due,
    take_back,
)
from flickr_emotion.harvest.ledger.rows.outcomes import NO_VIDEO
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE
from flickr_emotion.harvest.pace.clock import now

ALL_ROWS = 2**63 - 1
"""The ``last_row`` that does not limit the photos."""
_PLACED = "server IS NOT NULL AND secret IS NOT NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class DuePhoto:
    """A photo whose picture or post must be requested now."""

    reference: PhotoReference
    attempts: int
    """Number of failed attempts in this crawl so far."""
    picture_goes: bool
    """Whether its picture is removed at once if the API says that the photo is gone or private.
    This holds if its post comes from metadata; all other pictures stay until the end of the
    refresh."""
    picture_known: bool
    """Whether its picture is on disk already (``--refresh``)."""
    fetch_anew: bool
    """Whether the picture on disk must be replaced, and not just checked on its host."""


def make_due(
    connection: sqlite3.Connection, *, images: bool, verify_gone: bool, refresh: bool
) -> None:
    """Make due what a crawl must request; ``connection`` is in a transaction.

    This includes all that an earlier crawl recorded as failed, and what a killed crawl left unsure.
    ``images``: also the pictures that a crawl with ``--no-images`` left out. ``verify_gone``: also
    all that rests on a picture alone. ``refresh``: everything.
    """
    # If the clock was wrong, calls in the future must not count in the quota for a year.
    connection.execute("UPDATE calls SET at = ?1 WHERE at > ?1", (now(),))
    for what in ("api", "image"):
        connection.execute(
            f"UPDATE photos SET {what}_attempts = 0, {what}_next_try = 0 "
            f"WHERE {what}_outcome = 'failed'"
        )
        # Make delayed tries of an earlier crawl due, as its clock may have been wrong.
        connection.execute(
            f"UPDATE photos SET {what}_next_try = 0 WHERE {what}_next_try > ?", (now(),)
        )
    if images:
        connection.execute(
            "UPDATE photos SET image_next_try = 0 WHERE image_outcome = 'pending' "
            f"AND image_next_try IS NULL AND {_PLACED}"
        )
    # Requesting again what a killed crawl left unsure costs no quota.
    take_back(connection)
    make_due_again(connection)
    if verify_gone:
        make_unverified_due(connection, images=images)
    if refresh:
        connection.execute(
            "UPDATE photos SET api_attempts = 0, api_next_try = 0, image_attempts = 0, "
            # Pictures of withdrawn posts only become due if the API shows the post again.
            f"image_next_try = CASE WHEN {_PLACED} AND NOT ({WITHDRAWN}) THEN 0 END "
            f"WHERE {NO_VIDEO}"
        )
        connection.execute("DELETE FROM windows")
        # A photo that was never fetched may be shown again under any of its references.
        connection.execute(
            "UPDATE places SET dead = 0 WHERE photo_id IN (SELECT photo_id FROM photos "
            "WHERE photo_id = places.photo_id AND api_source IS NULL AND image_sha256 IS NULL)"
        )


def last_of_first(ledger: LedgerConnection, limit: int) -> int:
    """Return the rowid of the last one of the first ``limit`` photos with a planned try."""
    rows = ledger.query(
        "SELECT max(row) AS last FROM (SELECT rowid AS row FROM photos WHERE "
        "api_next_try IS NOT NULL OR image_next_try IS NOT NULL ORDER BY rowid LIMIT ?)",
        (limit,),
    )
    return rows[0]["last"] or 0


def planned(what: str, *, after_image: bool = False) -> str:
    """Return the SQL condition that an ``image`` or ``api`` try is planned.

    ``after_image``: only for photos whose picture needs no further try.
    """
    # The condition must be worded like the partial indexes, or SQLite would not use them.
    return f"{what}_next_try IS NOT NULL" + (" AND image_next_try IS NULL" if after_image else "")


def find_photos(
    ledger: LedgerConnection, what: str, where: str, parameters: Iterable[Any]
) -> list[DuePhoto]:
    """Return the photos that meet a condition, with their attempts for ``image`` or ``api``."""
    rows = ledger.query(
        "SELECT photo_id, server, farm, secret, api_source, image_sha256, file_secret, "
        f"{what}_attempts AS attempts FROM photos WHERE {where}",
        parameters,
    )
    return [
        DuePhoto(
            reference=PhotoReference(
                photo_id=row["photo_id"],
                server=row["server"],
                farm=row["farm"],
                secret=row["secret"],
            ),
            attempts=row["attempts"],
            picture_goes=row["image_sha256"] is not None and row["api_source"] == METADATA_SOURCE,
            picture_known=row["image_sha256"] is not None,
            fetch_anew=row["file_secret"] is not None,
        )
        for row in rows
    ]
