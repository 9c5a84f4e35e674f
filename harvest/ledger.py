"""The ledger: one SQLite file that is the whole truth of a crawl.

Every photo has a typed outcome for its API call and for its picture. An outcome commits before the
next call is made, so a crawl that is killed at any moment asks nothing twice but what was in
flight. Tables and columns are described in ``docs/harvest.md``.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.answers import Answer
from harvest.clock import now
from harvest.evidence import (
    AGAIN,
    Believed,
    Refusal,
    doubt,
    forget,
    open_again,
    open_unverified,
    record_evidence,
    record_refusal,
)
from harvest.images import Picture
from harvest.ledger_file import METADATA_SOURCE, open_ledger_file
from harvest.outcomes import API_OUTCOMES, DEAD_PICTURES, IMAGE_OUTCOMES, VIDEO
from harvest.photo_url import PhotoReference
from harvest.post_rows import drop_picture, settle_post, settle_videos, store_answers

_LONGEST_REASON = 300
_ENDLESS = 2**63 - 1
# An answer may say it of a photo whose picture is being fetched: nothing that comes then counts.
_NO_VIDEO = f"api_outcome <> '{VIDEO}'"
_WITHDRAWN = (
    "api_outcome IN ('gone', 'private') AND EXISTS (SELECT 1 FROM evidence WHERE "
    "evidence.photo_id = photos.photo_id AND what = 'api' AND witness = 'api')"
)
_NO_MORE_PICTURE = "UPDATE photos SET image_next_try = NULL WHERE photo_id = ?"


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
    picture_unknown: bool
    """Whether its picture could be asked for and has not been."""
    fetch_anew: bool
    """Whether the picture that is on disk is to be replaced, not only asked for."""


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
        self._last_row = _ENDLESS
        self._refresh = False
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

    def start_crawl(
        self, *, images: bool, verify_gone: bool, refresh: bool, limit: int | None
    ) -> None:
        """Make due what this crawl is to ask for.

        That is what an earlier crawl gave up on; pictures that one with ``--no-images`` left; what
        a crawl that was killed could not be sure of; with ``verify_gone`` all that rests on a
        picture alone; with ``refresh`` everything. With a ``limit``, no more than so many of the
        photos that are due, the first.
        """
        self._refresh = refresh
        placed = "server IS NOT NULL AND secret IS NOT NULL"
        with self.transaction() as connection:
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
                    f"AND image_next_try IS NULL AND {placed}"
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
                    f"image_next_try = CASE WHEN {placed} AND NOT ({_WITHDRAWN}) THEN 0 END "
                    f"WHERE {_NO_VIDEO}"
                )
                connection.execute("DELETE FROM windows")
        self._last_row = self._row_of_limit(limit)

    def _row_of_limit(self, limit: int | None) -> int:
        if limit is None:
            return _ENDLESS
        rows = self.query(
            "SELECT max(row) AS last FROM (SELECT rowid AS row FROM photos WHERE "
            "api_next_try IS NOT NULL OR image_next_try IS NOT NULL ORDER BY rowid LIMIT ?)",
            (limit,),
        )
        return rows[0]["last"] or 0

    @property
    def last_row(self) -> int:
        """The rowid of the last photo that this crawl asks for (``--limit``)."""
        return self._last_row

    def limit_to(self, last_row: int) -> None:
        """Count and hand out only photos up to this rowid."""
        self._last_row = last_row

    def due(
        self, what: str, *, now: float, limit: int, after_image: bool = False
    ) -> list[DuePhoto]:
        """Return photos whose ``image`` or ``api`` try is due, the longest due first.

        With ``after_image`` only those whose picture needs no further try.
        """
        return self._photos(
            what,
            f"{_planned(what, after_image)} AND {what}_next_try <= ? AND rowid <= ? "
            f"ORDER BY {what}_next_try LIMIT ?",
            (now, self._last_row, limit),
        )

    def due_post(self, photo_id: str) -> DuePhoto | None:
        """Return a photo if its ``api`` try is planned, due or not."""
        found = self._photos("api", f"{_planned('api')} AND photo_id = ?", (photo_id,))
        return found[0] if found else None

    def photo(self, what: str, photo_id: str) -> DuePhoto:
        """Return a photo, due or not, with its attempts for ``image`` or ``api``."""
        return self._photos(what, "photo_id = ?", (photo_id,))[0]

    def _photos(self, what: str, where: str, parameters: Iterable[Any]) -> list[DuePhoto]:
        rows = self.query(
            "SELECT photo_id, server, farm, secret, image_next_try, api_source, image_sha256, "
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
                picture_goes=row["image_sha256"] is not None
                and row["api_source"] == METADATA_SOURCE,
                picture_known=row["image_sha256"] is not None,
                picture_unknown=row["image_next_try"] is not None,
                fetch_anew=row["doubt"] in AGAIN[1:],
            )
            for row in rows
        ]

    def next_due(self, what: str, *, after_image: bool = False) -> float | None:
        """Return the unix time of the earliest try that ``due`` would return, if there is one."""
        row = self.query(
            f"SELECT min({what}_next_try) AS at FROM photos WHERE {_planned(what, after_image)} "
            "AND rowid <= ?",
            (self._last_row,),
        )[0]
        return row["at"]  # type: ignore[no-any-return]

    def left(self, what: str) -> int:
        """Return the number of photos for which an ``image`` or ``api`` try is planned."""
        rows = self.query(
            f"SELECT count(*) AS n FROM photos WHERE {_planned(what)} AND rowid <= ?",
            (self._last_row,),
        )
        return int(rows[0]["n"])

    # What happened.

    def record_call(self, method: str) -> None:
        """Record that a call of the quota is about to be spent."""
        with self.transaction() as connection:
            connection.execute("INSERT INTO calls (at, method) VALUES (?, ?)", (now(), method))

    def record_answers(self, answers: Iterable[Answer], *, source: str) -> int:
        """Store the posts of listed photos, all or none; return how many were not known before.

        ``source``: what brought them: ``getInfo``, ``search`` or ``yfcc100m``. Posts of photos that
        no list names are passed over, and so are those that are stored already. Where the list did
        not know where a picture is, or the known place was dead, the picture becomes due under the
        reference of the answer.
        """
        with self.transaction() as connection:
            return store_answers(connection, answers, source=source)

    def record_videos(self, photo_ids: Iterable[str]) -> None:
        """Settle listed photos that are videos; their pictures' files are removed before."""
        with self.transaction() as connection:
            settle_videos(connection, photo_ids)

    @property
    def _may_be_seen(self) -> str:
        return f"{_NO_VIDEO} AND NOT ({_WITHDRAWN})" if self._refresh else _NO_VIDEO

    def record_picture(self, photo_id: str, picture: Picture) -> bool:
        """Record a picture that has been written to its place; False where it may not stay.

        That is where the API said meanwhile that it is a video; in a refresh, gone or private too.
        """
        with self.transaction() as connection:
            done = connection.execute(
                "UPDATE photos SET image_outcome = 'ok', image_next_try = NULL, image_error = NULL,"
                " image_sha256 = ?, image_bytes = ?, image_width = ?, image_height = ? "
                f"WHERE photo_id = ? AND {self._may_be_seen}",
                (picture.sha256, picture.size, picture.width, picture.height, photo_id),
            )
            if done.rowcount:
                forget(connection, photo_id, "image")
            else:
                connection.execute(_NO_MORE_PICTURE, (photo_id,))
            return done.rowcount > 0

    def record_seen(self, photo_id: str) -> None:
        """Record that a picture is there; a crawl that fetches none leaves it ``pending``."""
        with self.transaction() as connection:
            done = connection.execute(
                "UPDATE photos SET image_attempts = 0, image_next_try = NULL, image_error = NULL, "
                "image_outcome = CASE WHEN image_sha256 IS NULL THEN 'pending' ELSE 'ok' END "
                f"WHERE photo_id = ? AND {self._may_be_seen}",
                (photo_id,),
            )
            if not done.rowcount:
                connection.execute(_NO_MORE_PICTURE, (photo_id,))
                return
            connection.execute(
                "DELETE FROM evidence WHERE photo_id = ? AND what = 'image' "
                "AND outcome NOT IN ('replaced', 'broken')",
                (photo_id,),
            )

    def record_final(self, what: str, photo_id: str, outcome: str, reason: str) -> None:
        """Record an ``image`` or ``api`` outcome after which nothing is tried again.

        A post that Flickr gave before and now calls ``gone`` or ``private`` was withdrawn by its
        owner: that is staged, and dropped when the refresh has asked for all.
        """
        reason = _one_line(reason)
        with self.transaction() as connection:
            if what == "api":
                settle_post(connection, photo_id, outcome, reason, refresh=self._refresh)
                return
            drop_picture(connection, photo_id)
            connection.execute(
                "UPDATE photos SET image_outcome = ?, image_next_try = NULL, image_error = ? "
                "WHERE photo_id = ?",
                (outcome, reason, photo_id),
            )
            record_evidence(
                connection, photo_id, "image", None, sure=True, outcome=outcome, witness="picture"
            )

    def record_refusal(
        self, reference: PhotoReference, refusal: Refusal, *, settle: bool
    ) -> Believed:
        """Record that a picture's host refuses it (``harvest.evidence.record_refusal``)."""
        with self.transaction() as connection:
            return record_refusal(connection, reference, refusal, settle=settle)

    def record_failure(self, what: str, photo_id: str, reason: str, *, delay: float | None) -> None:
        """Record a failed try; ``delay``: seconds until the next, none where all are spent.

        A picture that is on disk stays ``ok`` whatever became of asking for it again.
        """
        next_try = None if delay is None else now() + delay
        outcome = "'failed'"
        if what == "image":
            outcome = "CASE WHEN image_sha256 IS NULL THEN 'failed' ELSE 'ok' END"
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_outcome = {outcome}, {what}_error = ?, "
                f"{what}_attempts = {what}_attempts + 1, {what}_next_try = ? "
                f"WHERE photo_id = ? AND {_NO_VIDEO}",
                (_one_line(reason), next_try, photo_id),
            )

    def postpone(self, what: str, photo_id: str, reason: str, *, delay: float) -> None:
        """Plan a try in ``delay`` seconds, after one that failed through no fault of the photo."""
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_error = ?, {what}_next_try = ? "
                f"WHERE photo_id = ? AND {_NO_VIDEO}",
                (_one_line(reason), now() + delay, photo_id),
            )

    # What is known.

    def call_times(self, since: float) -> list[float]:
        """Return the unix times of the calls spent since then, in order."""
        rows = self.query("SELECT at FROM calls WHERE at >= ? ORDER BY at", (since,))
        return [row["at"] for row in rows]

    def outcome_counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the photos of this crawl by ``api`` and by ``image`` outcome, zeros included."""
        api, image = dict.fromkeys(API_OUTCOMES, 0), dict.fromkeys(IMAGE_OUTCOMES, 0)
        for row in self.query(
            "SELECT api_outcome, image_outcome, count(*) AS n FROM photos WHERE rowid <= ? "
            "GROUP BY 1, 2",
            (self._last_row,),
        ):
            api[row["api_outcome"]] += row["n"]
            image[row["image_outcome"]] += row["n"]
        return api, image

    def settled_pictures(self) -> tuple[int, int]:
        """Return how many pictures are settled: the dead ones, and all."""
        dead = alive = 0
        for row in self.query(
            "SELECT api_outcome, image_outcome, count(*) AS n FROM photos GROUP BY 1, 2"
        ):
            if row["image_outcome"] in DEAD_PICTURES:
                dead += row["n"]
            elif row["image_outcome"] == "ok" or row["api_outcome"] == "ok":
                alive += row["n"]
        return dead, dead + alive
