"""Record posts from calls and files in the ledger, and remove them from it.

A page of a listing also shows posts that the call was not looking for. Those that a list names are
stored at once, and a post that was recorded as gone is stored again. A post that its owner withdrew
is dropped, and only its outcome stays.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice

from flickr_emotion.common.takedown.tombstones import POST, digest_of
from flickr_emotion.harvest.flickr.answers import Answer
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.evidence import (
    REFUSALS,
    VOUCHED,
    confirm,
    forget,
    record_evidence,
)
from flickr_emotion.harvest.ledger.rows.outcomes import VIDEO
from flickr_emotion.harvest.ledger.rows.references import add_references, leave_reference
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE, NO_PICTURE, NO_POST
from flickr_emotion.harvest.ledger.rows.tombstones import (
    begin_takedown,
    owners_withdrawn,
    store_tombstones,
)
from flickr_emotion.harvest.pace.clock import now

REFRESHED = "refresh answered"
"""The key in ``meta`` of the number of known posts that a refresh found alive."""
_PLACE = ("server", "farm", "secret")
_SOME = 500  # Photo ids per statement.


def store_answers(connection: sqlite3.Connection, answers: Iterable[Answer], *, source: str) -> int:
    """Store the posts of listed photos that are not stored yet; return how many those are.

    ``connection`` is in a transaction. A picture becomes due under the answer's reference if its
    reference was unknown or is another one, or if the picture was refused. The reference in a
    metadata file may be older than the list, so it is only used if the list has none.
    """
    stored = known = 0
    pending = iter(answers)
    while some := list(islice(pending, _SOME)):
        some = _unless_withdrawn(connection, some)
        wanted = _wanted(connection, [answer.reference.photo_id for answer in some])
        rows = [answer for answer in some if answer.reference.photo_id in wanted]
        for answer in rows:
            place = answer.reference
            _place_picture(connection, wanted[place.photo_id], place, source)
        names = [(answer.reference.photo_id,) for answer in rows]
        connection.executemany("DELETE FROM evidence WHERE photo_id = ? AND what = 'api'", names)
        connection.executemany("DELETE FROM withdrawals WHERE photo_id = ?", names)
        connection.executemany(
            "UPDATE photos SET api_outcome = 'ok', api_next_try = NULL, api_error = NULL, "
            "api_source = ?, farm = ifnull(farm, ?), title = ?, description = ?, tags = ?, "
            "owner = ?, license = ?, date_upload = ?, date_taken = ?, "
            # A listing's entry lacks the settings: what getInfo has said of them is kept.
            "safety_level = ifnull(?, safety_level), usage = ifnull(?, usage) WHERE photo_id = ?",
            [_row(answer, source) for answer in rows],
        )
        stored += len(wanted)
        known += sum(map(_of_flickr, wanted.values()))
    if known:
        connection.execute(
            "INSERT INTO meta VALUES (?1, ?2) "
            "ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + ?2",
            (REFRESHED, known),
        )
    return stored


def _unless_withdrawn(connection: sqlite3.Connection, answers: list[Answer]) -> list[Answer]:
    """Return the answers without those of owners who have withdrawn all their posts.

    Their photos are settled, and removed at the end of the crawl (``harvest.ledger.takedown``).
    """
    owners = owners_withdrawn(connection)
    if not owners:
        return answers
    kept = []
    for answer in answers:
        of_owner = owners.of_owner(answer.owner) if answer.owner else None
        if of_owner is None:
            kept.append(answer)
            continue
        photo_id = answer.reference.photo_id
        if connection.execute("SELECT 1 FROM photos WHERE photo_id = ?", (photo_id,)).fetchone():
            store_tombstones(connection, [of_owner.of_post(digest_of(POST, photo_id))])
            begin_takedown(connection)
            drop_post(connection, photo_id, "private", "", picture=True)
            connection.execute(
                "UPDATE photos SET image_next_try = NULL WHERE photo_id = ?", (photo_id,)
            )
    return kept


def _wanted(connection: sqlite3.Connection, photo_ids: Sequence[str]) -> dict[str, sqlite3.Row]:
    marks = ",".join("?" * len(photo_ids))
    found = connection.execute(
        "SELECT photo_id, server, farm, secret, image_sha256, api_source, (SELECT outcome "
        "FROM evidence WHERE photo_id = photos.photo_id AND what = 'image') AS doubt "
        f"FROM photos WHERE photo_id IN ({marks}) AND (api_outcome <> 'ok' "
        "OR api_next_try IS NOT NULL OR photo_id IN (SELECT photo_id FROM withdrawals))",
        photo_ids,
    )
    return {row["photo_id"]: row for row in found}


def _place_picture(
    connection: sqlite3.Connection, row: sqlite3.Row, place: PhotoReference, source: str
) -> None:
    """Make a picture due if an answer has news about its reference."""
    if not place.server or not place.secret:
        return
    on_disk = row["image_sha256"] is not None
    refused = row["doubt"] in REFUSALS
    moved = (row["server"], row["secret"]) != (place.server, place.secret)
    if row["server"] is not None and row["secret"] is not None:
        if source == METADATA_SOURCE or not (moved or refused):
            return
        if on_disk and moved and not refused and not _of_flickr(row):
            # The picture was just fetched under the list's reference; keep the answer's as another.
            add_references(connection, [place])
            return
    if moved and refused:
        leave_reference(
            connection,
            PhotoReference(**{name: row[name] for name in ("photo_id", *_PLACE)}),
        )
    connection.execute(
        "UPDATE photos SET image_outcome = ?1, image_attempts = 0, image_next_try = 0, "
        "image_error = NULL, server = ?2, farm = ?3, secret = ?4, "
        # A picture on disk is fetched anew unless it was fetched under this secret.
        "file_secret = CASE WHEN image_sha256 IS NULL THEN file_secret "
        "ELSE nullif(ifnull(file_secret, ifnull(secret, '')), ?4) END WHERE photo_id = ?5",
        ("ok" if on_disk else "pending", place.server, place.farm, place.secret, place.photo_id),
    )
    if on_disk or (refused and not moved):
        record_evidence(connection, place.photo_id, "image", None, sure=False, outcome=VOUCHED)
    else:
        forget(connection, place.photo_id, "image")


def _of_flickr(row: sqlite3.Row) -> bool:
    """Whether Flickr itself, and not just metadata, has answered for the post before."""
    return row["api_source"] not in (None, METADATA_SOURCE)


def _row(answer: Answer, source: str) -> tuple[str | int | None, ...]:
    return (
        *(source, answer.reference.farm, answer.title, answer.description),
        json.dumps(answer.tags, ensure_ascii=False),
        *(answer.owner, answer.license, answer.date_upload, answer.date_taken),
        *(answer.safety_level, json.dumps(answer.usage) if answer.usage else None),
        answer.reference.photo_id,
    )


def settle_post(
    connection: sqlite3.Connection, photo_id: str, outcome: str, reason: str, *, refresh: bool
) -> None:
    """Record that the API itself says that a photo is ``gone`` or ``private``.

    If Flickr has given the post before, its owner withdrew it; in a ``refresh`` this also holds if
    its picture is on disk. The withdrawal is staged, and all is kept until the end of the refresh
    (``harvest.crawl.withdrawals``).
    """
    row = connection.execute(
        "SELECT api_source, image_sha256 FROM photos WHERE photo_id = ?", (photo_id,)
    ).fetchone()
    known = row is not None and _of_flickr(row)
    if known or (refresh and row is not None and row["image_sha256"] is not None):
        connection.execute(
            "INSERT INTO withdrawals VALUES (?, ?, ?, ?, 1) ON CONFLICT (photo_id) DO UPDATE SET "
            "outcome = excluded.outcome, reason = excluded.reason, at = excluded.at, "
            "times = times + 1",
            (photo_id, outcome, reason, now()),
        )
    if known:
        connection.execute(
            "UPDATE photos SET api_outcome = 'ok', api_attempts = 0, api_next_try = NULL, "
            "api_error = NULL WHERE photo_id = ?",
            (photo_id,),
        )
        return
    of_metadata = row is not None and row["api_source"] is not None
    drop_post(connection, photo_id, outcome, reason, picture=of_metadata)


def drop_post(
    connection: sqlite3.Connection, photo_id: str, outcome: str, reason: str, *, picture: bool
) -> None:
    """Drop a post that Flickr no longer shows, and its ``picture``."""
    connection.execute(
        f"UPDATE photos SET {NO_POST}, api_outcome = ?, api_next_try = NULL, api_error = ? "
        "WHERE photo_id = ?",
        (outcome, reason, photo_id),
    )
    confirm(connection, photo_id, outcome)
    if not picture:
        return
    dropped = connection.execute(
        f"UPDATE photos SET image_outcome = ?, image_next_try = NULL, {NO_PICTURE} "
        "WHERE photo_id = ? AND image_sha256 IS NOT NULL",
        (outcome, photo_id),
    ).rowcount
    if dropped:
        record_evidence(connection, photo_id, "image", None, sure=True, outcome=outcome)


def settle_videos(connection: sqlite3.Connection, photo_ids: Iterable[str]) -> None:
    """Drop everything about listed photos that are videos; ``connection`` is in a transaction."""
    names = [(photo_id,) for photo_id in photo_ids]
    connection.executemany(
        f"UPDATE photos SET {NO_POST}, {NO_PICTURE}, api_outcome = '{VIDEO}', "
        f"api_next_try = NULL, api_error = NULL, image_outcome = '{VIDEO}', "
        "image_next_try = NULL, image_error = NULL WHERE photo_id = ?",
        names,
    )
    connection.executemany("DELETE FROM evidence WHERE photo_id = ?", names)
    connection.executemany("DELETE FROM withdrawals WHERE photo_id = ?", names)
