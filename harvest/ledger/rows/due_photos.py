"""Which photos a crawl has to ask for: made due when it starts, and read as what the stages need.

A try that is planned stands in ``api_next_try`` and ``image_next_try`` as the time when it is due;
what is settled has none. Only this says what is left to do, so a crawl goes on wherever another one
was killed.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.evidence import (
    FETCH_ANEW,
    WITHDRAWN,
    doubt,
    open_again,
    open_unverified,
)
from flickr_emotion.harvest.ledger.rows.outcomes import NO_VIDEO
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE
from flickr_emotion.harvest.pace.clock import now

ALL_ROWS = 2**63 - 1
"""As ``last_row``: photos are not limited."""
_PLACED = "server IS NOT NULL AND secret IS NOT NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class DuePhoto:
    """A photo whose picture or post is to be asked for now."""

    reference: PhotoReference
    attempts: int
    """Failed attempts of this crawl so far."""
    picture_goes: bool
    """Whether its picture goes at once where the API says that it is gone or private: so it does
    where only metadata gave its post. All others stay until the refresh has asked for all."""
    picture_known: bool
    """Whether its picture is on disk, and asked for again (``--refresh``)."""
    fetch_anew: bool
    """Whether the picture that is on disk is to be replaced, not only asked for."""


def make_due(
    connection: sqlite3.Connection, *, images: bool, verify_gone: bool, refresh: bool
) -> None:
    """Make due what a crawl is to ask for; ``connection`` is in a transaction.

    That is what an earlier crawl gave up on; with ``images`` the pictures that one with
    ``--no-images`` left; what a crawl that was killed could not be sure of; with ``verify_gone``
    all that rests on a picture alone; with ``refresh`` everything.
    """
    # A clock that was wrong must not keep calls in the hour for a year.
    connection.execute("UPDATE calls SET at = ?1 WHERE at > ?1", (now(),))
    for what in ("api", "image"):
        connection.execute(
            f"UPDATE photos SET {what}_attempts = 0, {what}_next_try = 0 "
            f"WHERE {what}_outcome = 'failed'"
        )
        # What was put off by an earlier crawl, with a clock that may have been wrong.
        connection.execute(
            f"UPDATE photos SET {what}_next_try = 0 WHERE {what}_next_try > ?", (now(),)
        )
    if images:
        connection.execute(
            "UPDATE photos SET image_next_try = 0 WHERE image_outcome = 'pending' "
            f"AND image_next_try IS NULL AND {_PLACED}"
        )
    # What a killed crawl has not seen confirmed costs no quota to ask again.
    doubt(connection)
    open_again(connection)
    if verify_gone:
        open_unverified(connection, images=images)
    if refresh:
        connection.execute(
            "UPDATE photos SET api_attempts = 0, api_next_try = 0, image_attempts = 0, "
            # Where the API says that they are shown again, their pictures become due.
            f"image_next_try = CASE WHEN {_PLACED} AND NOT ({WITHDRAWN}) THEN 0 END "
            f"WHERE {NO_VIDEO}"
        )
        connection.execute("DELETE FROM windows")


def last_of_first(ledger: LedgerConnection, limit: int) -> int:
    """Return the rowid of the last of the first ``limit`` photos for which a try is planned."""
    rows = ledger.query(
        "SELECT max(row) AS last FROM (SELECT rowid AS row FROM photos WHERE "
        "api_next_try IS NOT NULL OR image_next_try IS NOT NULL ORDER BY rowid LIMIT ?)",
        (limit,),
    )
    return rows[0]["last"] or 0


def planned(what: str, *, after_image: bool = False) -> str:
    """Return in SQL that an ``image`` or ``api`` try is planned.

    With ``after_image`` only for photos whose picture needs no further try.
    """
    # Worded as the partial indexes are, or SQLite would not use them.
    return f"{what}_next_try IS NOT NULL" + (" AND image_next_try IS NULL" if after_image else "")


def find_photos(
    ledger: LedgerConnection, what: str, where: str, parameters: Iterable[Any]
) -> list[DuePhoto]:
    """Return the photos of a condition, with their attempts for ``image`` or ``api``."""
    rows = ledger.query(
        "SELECT photo_id, server, farm, secret, api_source, image_sha256, "
        f"{what}_attempts AS attempts, (SELECT outcome FROM evidence "
        "WHERE photo_id = photos.photo_id AND what = 'image') AS doubt "
        f"FROM photos WHERE {where}",
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
            fetch_anew=row["doubt"] in FETCH_ANEW,
        )
        for row in rows
    ]
