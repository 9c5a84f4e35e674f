"""How posts come into the ledger's rows, whichever call or file brought them, and leave them.

A page of a listing shows posts that nobody asked for by id. Those that a list names are stored at
once, whatever the call was looking for; and one that was thought to be gone, and shows, is back.
What an owner has withdrawn is dropped, and only the outcome stays.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice

from harvest.answers import Answer
from harvest.outcomes import VIDEO

METADATA_SOURCE = "yfcc100m"
"""``api_source`` of a post that a file of metadata gave; Flickr's own are named by their method."""

_SOME = 500  # photo ids that one statement names
_NO_POST = (
    "title = NULL, description = NULL, tags = NULL, owner = NULL, license = NULL, "
    "date_upload = NULL, date_taken = NULL, api_source = NULL"
)
_NO_PICTURE = "image_sha256 = NULL, image_bytes = NULL, image_width = NULL, image_height = NULL"


def store_answers(connection: sqlite3.Connection, answers: Iterable[Answer], *, source: str) -> int:
    """Store the posts of listed photos that are not stored yet; return how many those are.

    ``connection`` is in a transaction. Where the list did not know where a picture is, or the known
    place was dead, the picture becomes due under the reference of the answer. The reference of a
    file of metadata only fills what the list left out: it may be older than the list.
    """
    stored = 0
    pending = iter(answers)
    while some := list(islice(pending, _SOME)):
        wanted = _wanted(connection, [answer.reference.photo_id for answer in some])
        rows = [answer for answer in some if answer.reference.photo_id in wanted]
        connection.executemany(
            "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, image_next_try = 0, "
            "image_error = NULL, server = ?1, farm = ?2, secret = ?3 WHERE photo_id = ?4 "
            "AND image_outcome <> 'ok' AND (server IS NULL OR secret IS NULL "
            "OR (?5 AND (api_outcome = 'gone' OR server IS NOT ?1 OR secret IS NOT ?3)))",
            [
                (place.server, place.farm, place.secret, place.photo_id, source != METADATA_SOURCE)
                for answer in rows
                if (place := answer.reference).server and place.secret
            ],
        )
        connection.executemany(
            "UPDATE photos SET api_outcome = 'ok', api_next_try = NULL, api_error = NULL, "
            "api_source = ?, farm = ifnull(farm, ?), title = ?, description = ?, tags = ?, "
            "owner = ?, license = ?, date_upload = ?, date_taken = ? WHERE photo_id = ?",
            [_row(answer, source) for answer in rows],
        )
        stored += len(wanted)
    return stored


def _wanted(connection: sqlite3.Connection, photo_ids: Sequence[str]) -> set[str]:
    marks = ",".join("?" * len(photo_ids))
    found = connection.execute(
        f"SELECT photo_id FROM photos WHERE photo_id IN ({marks}) "
        "AND (api_outcome <> 'ok' OR api_next_try IS NOT NULL)",
        photo_ids,
    )
    return {row["photo_id"] for row in found}


def _row(answer: Answer, source: str) -> tuple[str | int | None, ...]:
    return (
        *(source, answer.reference.farm, answer.title, answer.description),
        json.dumps(answer.tags, ensure_ascii=False),
        *(answer.owner, answer.license, answer.date_upload, answer.date_taken),
        answer.reference.photo_id,
    )


def withdraw_post(connection: sqlite3.Connection, photo_id: str, outcome: str) -> None:
    """Drop a post that Flickr does not show any more; its picture too, if the post was known."""
    connection.execute(
        "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_sha256 = NULL, "
        "image_bytes = NULL, image_width = NULL, image_height = NULL "
        "WHERE photo_id = ? AND api_source IS NOT NULL AND image_sha256 IS NOT NULL",
        (outcome, photo_id),
    )
    connection.execute(f"UPDATE photos SET {_NO_POST} WHERE photo_id = ?", (photo_id,))


def settle_videos(connection: sqlite3.Connection, photo_ids: Iterable[str]) -> None:
    """Keep nothing of listed photos that are videos; ``connection`` is in a transaction."""
    connection.executemany(
        f"UPDATE photos SET {_NO_POST}, {_NO_PICTURE}, api_outcome = ?1, api_next_try = NULL, "
        "api_error = NULL, image_outcome = ?1, image_next_try = NULL, image_error = NULL "
        "WHERE photo_id = ?2",
        ((VIDEO, photo_id) for photo_id in photo_ids),
    )


def drop_picture(connection: sqlite3.Connection, photo_id: str) -> None:
    """Drop what is known of a picture that is not on disk any more."""
    connection.execute(
        f"UPDATE photos SET {_NO_PICTURE} WHERE photo_id = ?",
        (photo_id,),
    )


def doubt_metadata(connection: sqlite3.Connection, photo_id: str) -> None:
    """Take back a post that a file of metadata gave: its owner may have withdrawn it since."""
    connection.execute(
        f"UPDATE photos SET api_outcome = 'pending', api_next_try = 0, {_NO_POST} "
        "WHERE photo_id = ? AND api_outcome = 'ok' AND api_source = ?",
        (photo_id, METADATA_SOURCE),
    )
