"""The ledger: one SQLite file that holds the complete state of a crawl.

Every photo has a typed outcome for its API call and for its picture. An outcome is committed before
the next call is made, so a crawl that was killed only repeats the requests that were in flight.
``docs/harvest.md`` describes the tables and columns.
"""

from collections.abc import Iterable

from flickr_emotion.harvest.flickr.answers import Answer
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.counts import (
    OutcomeCounts,
    SettledPictures,
    outcome_counts,
    settled_pictures,
)
from flickr_emotion.harvest.ledger.rows.due_photos import (
    ALL_ROWS,
    DuePhoto,
    find_photos,
    last_of_first,
    make_due,
    planned,
)
from flickr_emotion.harvest.ledger.rows.evidence import (
    Refusal,
    RefusalResult,
    believe,
    record_refusal,
    take_back,
    take_back_posts,
)
from flickr_emotion.harvest.ledger.rows.outcomes import NO_VIDEO
from flickr_emotion.harvest.ledger.rows.pictures import (
    drop_picture,
    settle_picture,
    store_picture,
    store_presence,
)
from flickr_emotion.harvest.ledger.rows.posts import settle_post, settle_videos, store_answers
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pictures.files import Picture

_LONGEST_REASON = 300


class Ledger(LedgerConnection):
    """The ledger of a harvest, open for a crawl or for reading."""

    def start_crawl(
        self, *, images: bool, verify_gone: bool, refresh: bool, limit: int | None
    ) -> int:
        """Make due what this crawl must request (``harvest.ledger.rows.due_photos.make_due``).

        Returns the row of the last photo to request: with a ``limit``, that of the last of the
        first ``limit`` due photos.
        """
        with self.transaction() as connection:
            make_due(connection, images=images, verify_gone=verify_gone, refresh=refresh)
        return ALL_ROWS if limit is None else last_of_first(self, limit)

    # Due photos. ``last_row``: only photos up to this row, which ``start_crawl`` returns.

    def due(
        self,
        what: str,
        *,
        now: float,
        count: int,
        last_row: int = ALL_ROWS,
        after_image: bool = False,
    ) -> list[DuePhoto]:
        """Return at most ``count`` photos whose ``image`` or ``api`` try is due, longest due first.

        ``after_image``: only those whose picture needs no further try.
        """
        return find_photos(
            self,
            what,
            f"{planned(what, after_image=after_image)} AND {what}_next_try <= ? AND rowid <= ? "
            f"ORDER BY {what}_next_try LIMIT ?",
            (now, last_row, count),
        )

    def due_post(self, photo_id: str) -> DuePhoto | None:
        """Return a photo if its ``api`` try is planned, due or not."""
        found = find_photos(self, "api", f"{planned('api')} AND photo_id = ?", (photo_id,))
        return found[0] if found else None

    def photo(self, what: str, photo_id: str) -> DuePhoto:
        """Return a photo, due or not, with its attempts for ``image`` or ``api``."""
        return find_photos(self, what, "photo_id = ?", (photo_id,))[0]

    def next_due(self, what: str, *, last_row: int = ALL_ROWS) -> float | None:
        """Return the unix time of the earliest planned try, or None."""
        row = self.query(
            f"SELECT min({what}_next_try) AS at FROM photos WHERE {planned(what)} AND rowid <= ?",
            (last_row,),
        )[0]
        return row["at"]  # type: ignore[no-any-return]

    def left(self, what: str, *, last_row: int = ALL_ROWS) -> int:
        """Return the number of photos for which an ``image`` or ``api`` try is planned."""
        rows = self.query(
            f"SELECT count(*) AS n FROM photos WHERE {planned(what)} AND rowid <= ?",
            (last_row,),
        )
        return int(rows[0]["n"])

    # Records of what happened.

    def record_call(self, method: str) -> None:
        """Record that a call is about to be made."""
        with self.transaction() as connection:
            connection.execute("INSERT INTO calls (at, method) VALUES (?, ?)", (now(), method))

    def record_answers(self, answers: Iterable[Answer], *, source: str) -> int:
        """Store the posts of listed photos, all or none; return how many were not known before.

        ``source``: where they come from: ``getInfo``, ``search`` or ``yfcc100m``. Posts of photos
        that no list names are skipped, and so are those that are stored already. If the list did
        not know where a picture is, or the known reference was dead, the picture becomes due under
        the answer's reference.
        """
        with self.transaction() as connection:
            return store_answers(connection, answers, source=source)

    def record_videos(self, photo_ids: Iterable[str]) -> None:
        """Settle listed photos that are videos; the caller removes their picture files before."""
        with self.transaction() as connection:
            settle_videos(connection, photo_ids)

    def record_picture(
        self,
        photo_id: str,
        picture: Picture,
        *,
        refresh: bool = False,
        headers: str | None = None,
    ) -> bool:
        """Record a picture that was written to disk; return False if it may not stay there.

        It may not stay if the API has said meanwhile that the photo is a video, or in a refresh
        that it is gone or private. ``headers``: what the answer's header fields stated, as JSON
        (``harvest.preferences.headers``); None if they are not known.
        """
        with self.transaction() as connection:
            return store_picture(connection, photo_id, picture, refresh=refresh, headers=headers)

    def record_seen(
        self, photo_id: str, *, refresh: bool = False, headers: str | None = None
    ) -> None:
        """Record that a picture exists; it stays ``pending`` if it is not on disk."""
        with self.transaction() as connection:
            store_presence(connection, photo_id, refresh=refresh, headers=headers)

    def record_final_post(
        self, photo_id: str, outcome: str, reason: str, *, refresh: bool = False
    ) -> None:
        """Record that a photo is ``gone`` or ``private`` according to the API.

        If Flickr has given the post before, its owner withdrew it: this is staged, and the post is
        dropped at the end of the refresh.
        """
        with self.transaction() as connection:
            settle_post(connection, photo_id, outcome, _one_line(reason), refresh=refresh)

    def record_final_picture(self, photo_id: str, outcome: str, reason: str) -> None:
        """Record a final outcome of a picture that is not on disk, and drop its record."""
        with self.transaction() as connection:
            settle_picture(connection, photo_id, outcome, _one_line(reason))

    def record_refusal(
        self, reference: PhotoReference, refusal: Refusal, *, settle: bool
    ) -> RefusalResult:
        """Record that a host refuses a picture (``rows.evidence.record_refusal`` has the rule)."""
        with self.transaction() as connection:
            return record_refusal(connection, reference, refusal, settle=settle)

    def believe_refusals(self) -> None:
        """Mark all refusals of pictures so far as sure (``harvest.ledger.rows.evidence``)."""
        with self.transaction() as connection:
            believe(connection)

    def take_back_refusals(self, host: str) -> int:
        """Make pictures due again whose refusal by a host is unsure; return how many."""
        with self.transaction() as connection:
            return take_back(connection, host)

    def take_back_posts(self) -> int:
        """Make posts due again that unsure refusals of pictures have settled; return how many."""
        with self.transaction() as connection:
            return take_back_posts(connection)

    def forget_picture(self, photo_id: str) -> None:
        """Forget what is recorded about a picture that is no longer on disk."""
        with self.transaction() as connection:
            drop_picture(connection, photo_id)

    def record_failure(self, what: str, photo_id: str, reason: str, *, delay: float | None) -> None:
        """Record a failed try; ``delay``: seconds until the next, None if there is none.

        A picture on disk stays ``ok`` even if a new request for it fails.
        """
        next_try = None if delay is None else now() + delay
        outcome = "'failed'"
        if what == "image":
            outcome = "CASE WHEN image_sha256 IS NULL THEN 'failed' ELSE 'ok' END"
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_outcome = {outcome}, {what}_error = ?, "
                f"{what}_attempts = {what}_attempts + 1, {what}_next_try = ? "
                f"WHERE photo_id = ? AND {NO_VIDEO}",
                (_one_line(reason), next_try, photo_id),
            )

    def postpone(self, what: str, photo_id: str, reason: str, *, delay: float) -> None:
        """Plan a try in ``delay`` seconds after a failure that does not count against the photo."""
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_error = ?, {what}_next_try = ? "
                f"WHERE photo_id = ? AND {NO_VIDEO}",
                (_one_line(reason), now() + delay, photo_id),
            )

    # Queries.

    def call_times(self, since: float) -> list[float]:
        """Return the unix times of the calls since a time, in order."""
        rows = self.query("SELECT at FROM calls WHERE at >= ? ORDER BY at", (since,))
        return [row["at"] for row in rows]

    def outcome_counts(self, *, last_row: int = ALL_ROWS) -> OutcomeCounts:
        """Return the number of photos up to a row by both outcomes, including zeros."""
        return outcome_counts(self, last_row=last_row)

    def settled_pictures(self) -> SettledPictures:
        """Return the number of settled pictures, dead and all."""
        return settled_pictures(self)


def _one_line(reason: str) -> str:
    """Return a reason in a form that can be stored and shown: it may contain untrusted text."""
    printable = "".join(c if c.isprintable() else " " for c in reason[:_LONGEST_REASON])
    return printable.encode("utf-8", errors="replace").decode("utf-8")
