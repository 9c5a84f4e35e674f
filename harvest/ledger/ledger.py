"""The ledger: one SQLite file that is the whole truth of a crawl.

Every photo has a typed outcome for its API call and for its picture. An outcome commits before the
next call is made, so a crawl that is killed at any moment asks nothing twice but what was in
flight. Tables and columns are described in ``docs/harvest.md``.
"""

from collections.abc import Iterable
from pathlib import Path

from flickr_emotion.harvest.flickr.answers import Answer
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.ledger.connection import LedgerConnection
from flickr_emotion.harvest.ledger.due_photos import (
    DuePhoto,
    find_photos,
    last_of_first,
    make_due,
    planned,
)
from flickr_emotion.harvest.ledger.evidence import Believed, Refusal, record_refusal
from flickr_emotion.harvest.ledger.outcomes import (
    API_OUTCOMES,
    DEAD_PICTURES,
    IMAGE_OUTCOMES,
    NO_VIDEO,
)
from flickr_emotion.harvest.ledger.pictures import settle_picture, store_picture, store_presence
from flickr_emotion.harvest.ledger.posts import settle_post, settle_videos, store_answers
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pictures.files import Picture

_LONGEST_REASON = 300
_ENDLESS = 2**63 - 1


class Ledger(LedgerConnection):
    """The ledger of a crawl, or of a harvest that is read."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open it, as ``LedgerConnection`` does."""
        super().__init__(path, create=create)
        self._last_row = _ENDLESS
        self._refresh = False

    # What is due.

    def start_crawl(
        self, *, images: bool, verify_gone: bool, refresh: bool, limit: int | None
    ) -> None:
        """Make due what this crawl is to ask for (``harvest.ledger.due_photos.make_due``).

        With a ``limit``, no more than so many of the photos that are due, the first.
        """
        self._refresh = refresh
        with self.transaction() as connection:
            make_due(connection, images=images, verify_gone=verify_gone, refresh=refresh)
        self._last_row = _ENDLESS if limit is None else last_of_first(self, limit)

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
        return find_photos(
            self,
            what,
            f"{planned(what, after_image=after_image)} AND {what}_next_try <= ? AND rowid <= ? "
            f"ORDER BY {what}_next_try LIMIT ?",
            (now, self._last_row, limit),
        )

    def due_post(self, photo_id: str) -> DuePhoto | None:
        """Return a photo if its ``api`` try is planned, due or not."""
        found = find_photos(self, "api", f"{planned('api')} AND photo_id = ?", (photo_id,))
        return found[0] if found else None

    def photo(self, what: str, photo_id: str) -> DuePhoto:
        """Return a photo, due or not, with its attempts for ``image`` or ``api``."""
        return find_photos(self, what, "photo_id = ?", (photo_id,))[0]

    def next_due(self, what: str) -> float | None:
        """Return the unix time of the earliest try that ``due`` would return, if there is one."""
        row = self.query(
            f"SELECT min({what}_next_try) AS at FROM photos WHERE {planned(what)} AND rowid <= ?",
            (self._last_row,),
        )[0]
        return row["at"]  # type: ignore[no-any-return]

    def left(self, what: str) -> int:
        """Return the number of photos for which an ``image`` or ``api`` try is planned."""
        rows = self.query(
            f"SELECT count(*) AS n FROM photos WHERE {planned(what)} AND rowid <= ?",
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

    def record_picture(self, photo_id: str, picture: Picture) -> bool:
        """Record a picture that has been written to its place; False where it may not stay.

        That is where the API said meanwhile that it is a video; in a refresh, gone or private too.
        """
        with self.transaction() as connection:
            return store_picture(connection, photo_id, picture, refresh=self._refresh)

    def record_seen(self, photo_id: str) -> None:
        """Record that a picture is there; a crawl that fetches none leaves it ``pending``."""
        with self.transaction() as connection:
            store_presence(connection, photo_id, refresh=self._refresh)

    def record_final(self, what: str, photo_id: str, outcome: str, reason: str) -> None:
        """Record an ``image`` or ``api`` outcome after which nothing is tried again.

        A post that Flickr gave before and now calls ``gone`` or ``private`` was withdrawn by its
        owner: that is staged, and dropped when the refresh has asked for all.
        """
        reason = _one_line(reason)
        with self.transaction() as connection:
            if what == "api":
                settle_post(connection, photo_id, outcome, reason, refresh=self._refresh)
            else:
                settle_picture(connection, photo_id, outcome, reason)

    def record_refusal(
        self, reference: PhotoReference, refusal: Refusal, *, settle: bool
    ) -> Believed:
        """Record that a picture's host refuses it (``harvest.ledger.evidence.record_refusal``)."""
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
                f"WHERE photo_id = ? AND {NO_VIDEO}",
                (_one_line(reason), next_try, photo_id),
            )

    def postpone(self, what: str, photo_id: str, reason: str, *, delay: float) -> None:
        """Plan a try in ``delay`` seconds, after one that failed through no fault of the photo."""
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE photos SET {what}_error = ?, {what}_next_try = ? "
                f"WHERE photo_id = ? AND {NO_VIDEO}",
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


def _one_line(reason: str) -> str:
    """Return a reason that can be stored and shown: answers are untrusted, and so are errors."""
    printable = "".join(c if c.isprintable() else " " for c in reason[:_LONGEST_REASON])
    return printable.encode("utf-8", errors="replace").decode("utf-8")
