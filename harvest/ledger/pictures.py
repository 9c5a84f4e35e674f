"""How pictures come into the ledger's rows, and leave them.

While a picture is fetched, the API may say that its photo is a video, or in a refresh that it is
not public any more. What comes after that does not count: the row keeps what the API said.
"""

import sqlite3

from flickr_emotion.harvest.ledger.evidence import FETCH_ANEW, WITHDRAWN, forget, record_evidence
from flickr_emotion.harvest.ledger.outcomes import NO_VIDEO, quoted
from flickr_emotion.harvest.ledger.schema import NO_PICTURE
from flickr_emotion.harvest.pictures.files import Picture


def store_picture(
    connection: sqlite3.Connection, photo_id: str, picture: Picture, *, refresh: bool
) -> bool:
    """Store what is recorded of a picture on disk; False where it may not stay there."""
    done = connection.execute(
        "UPDATE photos SET image_outcome = 'ok', image_next_try = NULL, image_error = NULL,"
        " image_sha256 = ?, image_bytes = ?, image_width = ?, image_height = ? "
        f"WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (picture.sha256, picture.size, picture.width, picture.height, photo_id),
    )
    if done.rowcount:
        forget(connection, photo_id, "image")
    else:
        _ask_no_more(connection, photo_id)
    return done.rowcount > 0


def store_presence(connection: sqlite3.Connection, photo_id: str, *, refresh: bool) -> None:
    """Store that a picture is there, which was not fetched."""
    done = connection.execute(
        "UPDATE photos SET image_attempts = 0, image_next_try = NULL, image_error = NULL, "
        "image_outcome = CASE WHEN image_sha256 IS NULL THEN 'pending' ELSE 'ok' END "
        f"WHERE photo_id = ? AND {_may_be_shown(refresh)}",
        (photo_id,),
    )
    if not done.rowcount:
        _ask_no_more(connection, photo_id)
        return
    connection.execute(
        "DELETE FROM evidence WHERE photo_id = ? AND what = 'image' "
        f"AND outcome NOT IN ({quoted(FETCH_ANEW)})",
        (photo_id,),
    )


def settle_picture(
    connection: sqlite3.Connection, photo_id: str, outcome: str, reason: str
) -> None:
    """Store an outcome after which a picture is not asked for again, and drop what was known."""
    drop_picture(connection, photo_id)
    connection.execute(
        "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_error = ? "
        "WHERE photo_id = ?",
        (outcome, reason, photo_id),
    )
    record_evidence(
        connection, photo_id, "image", None, sure=True, outcome=outcome, witness="picture"
    )


def drop_picture(connection: sqlite3.Connection, photo_id: str) -> None:
    """Drop what is known of a picture that is not on disk any more."""
    connection.execute(f"UPDATE photos SET {NO_PICTURE} WHERE photo_id = ?", (photo_id,))


def _may_be_shown(refresh: bool) -> str:
    return f"{NO_VIDEO} AND NOT ({WITHDRAWN})" if refresh else NO_VIDEO


def _ask_no_more(connection: sqlite3.Connection, photo_id: str) -> None:
    connection.execute("UPDATE photos SET image_next_try = NULL WHERE photo_id = ?", (photo_id,))
