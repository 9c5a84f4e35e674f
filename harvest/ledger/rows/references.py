"""All known references of a photo, so that a dead one does not lose the photo.

A replaced photo has a new secret, and the picture under its old one is dead. Published lists name
some photos under two references (83 in VSO), and the API names the current one. ``photos`` has the
reference in use, and ``places`` the others.

The picture of a private photo is refused with 403 under its current reference, and with 404 under
an old one. So if all references are refused, one with a private picture settles the photo.
"""

import sqlite3
from collections.abc import Iterable

from flickr_emotion.harvest.flickr.photo_url import PhotoReference

# The values of ``places.dead``. Any but the first means that the picture was refused.
_UNTRIED, _DEAD, _PRIVATE = 0, 1, 2


def add_references(connection: sqlite3.Connection, listed: Iterable[PhotoReference]) -> None:
    """Store a list's references of photos that have another reference in ``photos``, or none."""
    placed = [
        (it.server, it.farm, it.secret, it.photo_id) for it in listed if it.server and it.secret
    ]
    connection.executemany(
        "UPDATE photos SET server = ?1, farm = ?2, secret = ?3, "
        "image_next_try = CASE WHEN image_outcome = 'pending' THEN 0 ELSE image_next_try END "
        "WHERE photo_id = ?4 AND (server IS NULL OR secret IS NULL)",
        placed,
    )
    connection.executemany(
        "INSERT OR IGNORE INTO places (photo_id, server, farm, secret) "
        "SELECT photo_id, ?1, ?2, ?3 FROM photos "
        "WHERE photo_id = ?4 AND (server IS NOT ?1 OR secret IS NOT ?3)",
        placed,
    )


def leave_reference(
    connection: sqlite3.Connection, reference: PhotoReference, *, private: bool = False
) -> None:
    """Store a reference as dead, because the picture was refused under it, perhaps as private."""
    connection.execute(
        "INSERT OR REPLACE INTO places (photo_id, server, farm, secret, dead) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            *(reference.photo_id, reference.server, reference.farm, reference.secret),
            _PRIVATE if private else _DEAD,
        ),
    )


def move_on(
    connection: sqlite3.Connection, refused: PhotoReference, *, private: bool = False
) -> bool:
    """Replace a refused reference by another known one; return whether there was one.

    ``private``: the picture was refused as private. If it was not, and no other reference is left,
    one whose picture was private is requested once more.
    """
    other = connection.execute(
        "SELECT server, farm, secret FROM places WHERE photo_id = ? AND dead IN (?, ?) "
        "AND (server IS NOT ? OR secret IS NOT ?) ORDER BY dead LIMIT 1",
        (
            *(refused.photo_id, _UNTRIED, _UNTRIED if private else _PRIVATE),
            *(refused.server, refused.secret),
        ),
    ).fetchone()
    if other is None:
        return False
    leave_reference(connection, refused, private=private)
    connection.execute(
        "UPDATE photos SET server = ?, farm = ?, secret = ?, image_attempts = 0, "
        "image_next_try = 0 WHERE photo_id = ?",
        (*other, refused.photo_id),
    )
    return True
