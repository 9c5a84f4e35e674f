"""The ledger: one SQLite file that is the whole truth of a crawl.

Every photo has a typed outcome for its API call and for its picture. An outcome commits before the
next call is made, so a crawl that is killed at any moment asks nothing twice but what was in
flight. Tables and columns are described in ``docs/harvest.md``.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.answers import Answer
from harvest.images import Picture
from harvest.ledger_file import open_ledger_file
from harvest.photo_url import PhotoReference

_LONGEST_REASON = 300

API_OUTCOMES = ("pending", "ok", "gone", "private", "failed")
IMAGE_OUTCOMES = (*API_OUTCOMES, "placeholder", "corrupt")


@dataclass(frozen=True, kw_only=True, slots=True)
class DuePhoto:
    """A photo whose picture or post is to be asked for now."""

    reference: PhotoReference
    attempts: int
    """Failed attempts of this crawl so far."""
    picture_unknown: bool
    """Whether its picture could be asked for and has not been."""


def _planned(what: str, after_image: bool = False) -> str:
    # Worded as the partial indexes are, or SQLite would not use them.
    return f"{what}_next_try IS NOT NULL" + (" AND image_next_try IS NULL" if after_image else "")


def _one_line(reason: str) -> str:
    """Return a reason that can be stored and shown: answers are untrusted, and so are errors."""
    printable = "".join(c if c.isprintable() else " " for c in reason[:_LONGEST_REASON])
    return printable.encode("utf-8", errors="replace").decode("utf-8")


class Ledger:
    """An open ledger. All its methods may be called from any thread."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the ledger at ``path`` for reading; with ``create``, for a crawl, made if need be.

        Raises ``HarvestError`` where there is none, or it is no ledger, or one of a newer version.
        """
        self.path = path
        self._lock = threading.RLock()
        self._connection = open_ledger_file(path, create=create)

    def close(self) -> None:
        """Close the file; what was recorded is already in it."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> "Ledger":
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the ledger for several statements that commit together or not at all.

        One within another is a part of it: so the records of a batch share a commit.
        """
        with self._lock:
            within_another = self._connection.in_transaction
            if within_another:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, parameters: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of one read-only statement."""
        with self._lock:
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def stream(self, sql: str) -> Iterator[sqlite3.Row]:
        """Yield the rows of a statement too large to hold; the ledger must serve one thread."""
        yield from self._connection.execute(sql)

    def meta(self, key: str) -> str | None:
        """Return a fact about the whole harvest, for example ``kind``."""
        rows = self.query("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0]["value"] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the whole harvest."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # What is due.

    def start_crawl(self, *, images: bool, verify_gone: bool) -> None:
        """Make everything due that an earlier crawl gave up on.

        With ``images`` also the pictures that a crawl without them saw and left; with
        ``verify_gone`` also the posts that are ``gone`` only because their picture is.
        """
        with self.transaction() as connection:
            for what in ("api", "image"):
                connection.execute(
                    f"UPDATE photos SET {what}_attempts = 0, {what}_next_try = 0 "
                    f"WHERE {what}_outcome = 'failed'"
                )
            if images:
                connection.execute(
                    "UPDATE photos SET image_next_try = 0 WHERE image_outcome = 'pending' "
                    "AND image_next_try IS NULL AND server IS NOT NULL AND secret IS NOT NULL"
                )
            if verify_gone:
                connection.execute(
                    "UPDATE photos SET api_outcome = 'pending', api_next_try = 0, api_error = NULL "
                    "WHERE api_outcome = 'gone' AND api_error LIKE 'picture %'"
                )

    def due(
        self, what: str, *, now: float, limit: int, after_image: bool = False
    ) -> list[DuePhoto]:
        """Return photos whose ``image`` or ``api`` try is due, the longest due first.

        With ``after_image`` only those whose picture needs no further try.
        """
        rows = self.query(
            "SELECT photo_id, server, farm, secret, image_next_try, "
            f"{what}_attempts AS attempts FROM photos WHERE {_planned(what, after_image)} "
            f"AND {what}_next_try <= ? ORDER BY {what}_next_try LIMIT ?",
            (now, limit),
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
                picture_unknown=row["image_next_try"] is not None,
            )
            for row in rows
        ]

    def next_due(self, what: str, *, after_image: bool = False) -> float | None:
        """Return the unix time of the earliest try that ``due`` would return, if there is one."""
        row = self.query(
            f"SELECT min({what}_next_try) AS at FROM photos WHERE {_planned(what, after_image)}"
        )[0]
        return row["at"]  # type: ignore[no-any-return]

    def left(self, what: str) -> int:
        """Return the number of photos for which an ``image`` or ``api`` try is planned."""
        rows = self.query(f"SELECT count(*) AS n FROM photos WHERE {_planned(what)}")
        return int(rows[0]["n"])

    # What happened.

    def record_call(self, method: str) -> None:
        """Record that a call of the quota is about to be spent."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO calls (at, method) VALUES (?, ?)", (time.time(), method)
            )

    def record_answer(self, answer: Answer) -> None:
        """Store a post.

        Where the list did not know where its picture is, or the known place was dead, the picture
        becomes due under the reference of the answer.
        """
        reference = answer.reference
        with self.transaction() as connection:
            connection.execute(
                "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, "
                "image_next_try = 0, image_error = NULL, server = ?, farm = ?, secret = ? "
                "WHERE photo_id = ? AND image_outcome <> 'ok' "
                "AND (server IS NOT ? OR secret IS NOT ?)",
                (
                    *(reference.server, reference.farm, reference.secret, reference.photo_id),
                    *(reference.server, reference.secret),
                ),
            )
            connection.execute(
                "UPDATE photos SET api_outcome = 'ok', api_next_try = NULL, api_error = NULL, "
                "farm = ifnull(farm, ?), title = ?, description = ?, tags = ?, owner = ?, "
                "license = ?, date_upload = ?, date_taken = ? WHERE photo_id = ?",
                (
                    *(reference.farm, answer.title, answer.description),
                    json.dumps(answer.tags, ensure_ascii=False),
                    *(answer.owner, answer.license, answer.date_upload, answer.date_taken),
                    reference.photo_id,
                ),
            )

    def record_picture(self, photo_id: str, picture: Picture) -> None:
        """Record a picture that has been written to its place."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE photos SET image_outcome = 'ok', image_next_try = NULL, image_error = NULL,"
                " image_sha256 = ?, image_bytes = ?, image_width = ?, image_height = ? "
                "WHERE photo_id = ?",
                (picture.sha256, picture.size, picture.width, picture.height, photo_id),
            )

    def record_seen(self, photo_id: str) -> None:
        """Record that a picture is there; a crawl that fetches none leaves it ``pending``."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE photos SET image_outcome = 'pending', image_attempts = 0, "
                "image_next_try = NULL, image_error = NULL WHERE photo_id = ?",
                (photo_id,),
            )

    def record_final(self, what: str, photo_id: str, outcome: str, reason: str) -> None:
        """Record an ``image`` or ``api`` outcome after which nothing is tried again."""
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_outcome = ?, {what}_next_try = NULL, {what}_error = ? "
                "WHERE photo_id = ?",
                (outcome, _one_line(reason), photo_id),
            )

    def record_gone_picture(self, photo_id: str, reason: str) -> None:
        """Record a picture that is gone; it settles its post where no answer has come yet."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE photos SET image_outcome = 'gone', image_next_try = NULL, image_error = ? "
                "WHERE photo_id = ?",
                (reason, photo_id),
            )
            connection.execute(
                "UPDATE photos SET api_outcome = 'gone', api_next_try = NULL, api_error = ? "
                "WHERE photo_id = ? AND api_outcome IN ('pending', 'failed')",
                (f"picture {reason}", photo_id),
            )

    def record_failure(self, what: str, photo_id: str, reason: str, *, delay: float | None) -> None:
        """Record a failed try; ``delay``: seconds until the next, none where all are spent."""
        next_try = None if delay is None else time.time() + delay
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_outcome = 'failed', {what}_error = ?, "
                f"{what}_attempts = {what}_attempts + 1, {what}_next_try = ? WHERE photo_id = ?",
                (_one_line(reason), next_try, photo_id),
            )

    def postpone(self, what: str, photo_id: str, reason: str, *, delay: float) -> None:
        """Plan a try in ``delay`` seconds, after one that failed through no fault of the photo."""
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_error = ?, {what}_next_try = ? WHERE photo_id = ?",
                (_one_line(reason), time.time() + delay, photo_id),
            )

    # What is known.

    def call_times(self, since: float) -> list[float]:
        """Return the unix times of the calls spent since then, in order."""
        rows = self.query("SELECT at FROM calls WHERE at >= ? ORDER BY at", (since,))
        return [row["at"] for row in rows]

    def outcome_counts(self, what: str) -> dict[str, int]:
        """Return the number of photos by ``image`` or ``api`` outcome, zeros included."""
        outcomes = API_OUTCOMES if what == "api" else IMAGE_OUTCOMES
        rows = self.query(f"SELECT {what}_outcome AS o, count(*) AS n FROM photos GROUP BY 1")
        return dict.fromkeys(outcomes, 0) | {row["o"]: row["n"] for row in rows}
