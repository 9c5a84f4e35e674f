"""Posts that their owners withdrew: dropped when a refresh has asked for all, and not before.

A refresh that asks the wrong server, or a service on a bad day, hears of every post that it is
gone. So what the API says is staged first (``harvest.ledger.posts``), and nothing is dropped before
all has been asked, the service has been seen well, and the losses are as few as they usually are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.harvest.ledger.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.posts import REFRESHED, drop_post
from flickr_emotion.harvest.pictures.files import image_path

USUAL = 0.01
"""The fraction of the known posts that is dropped without being told."""
_FEW = 20
"""As many posts are, however few are known."""
_SHOWN = 3
_CONTROLS = 3
"""Posts that were found alive and are asked for again before any is dropped."""
_BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawals:
    """What is staged, and what it is to be judged by."""

    staged: int
    known: int
    """Posts that the harvest holds, the staged ones too."""
    answered: int
    """Known posts that the crawl which asked for the last of them found alive."""

    def allowed(self, most: float) -> bool:
        """Whether they may be dropped; ``most``: the fraction of known posts that may go."""
        if most > USUAL and self.staged <= most * self.known:
            return True
        return self.staged <= max(_FEW, most * self.known) and self.answered > self.staged


def withdrawals(ledger: Ledger) -> Withdrawals:
    """Return what is staged."""
    return Withdrawals(
        staged=ledger.query("SELECT count(*) AS n FROM withdrawals")[0]["n"],
        known=ledger.query("SELECT count(*) AS n FROM photos WHERE api_source IS NOT NULL")[0]["n"],
        answered=int(ledger.meta(REFRESHED) or 0),
    )


def told(ledger: Ledger, most: float) -> bool:
    """Whether a refresh that has asked for all was kept from dropping, and ``most`` now lets it.

    Then it is to be finished, and no other one begun.
    """
    found = withdrawals(ledger)
    return most > USUAL and found.staged > 0 and found.allowed(most) and not _asking(ledger)


def _asking(ledger: Ledger) -> bool:
    return bool(ledger.query("SELECT 1 FROM photos WHERE api_next_try IS NOT NULL LIMIT 1"))


def begin_anew(ledger: Ledger) -> None:
    """Forget what is staged: all posts are asked for again."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM withdrawals")
        connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))


def go_on(ledger: Ledger) -> None:
    """Count the posts that are found alive anew, where an interrupted refresh goes on.

    That the service was well when it was interrupted says nothing of what it answers now.
    """
    if _asking(ledger):
        with ledger.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))


def controls(ledger: Ledger, most: float) -> list[DuePhoto]:
    """Return a few posts that were found alive first, where others are about to be dropped unasked.

    A service that came to answer that everything is gone while the last posts were asked says so of
    these too: then nobody is believed.
    """
    found = withdrawals(ledger)
    if most > USUAL or not found.staged or _asking(ledger) or not found.allowed(most):
        return []
    rows = ledger.query(
        "SELECT photo_id FROM photos WHERE api_outcome = 'ok' AND api_source IS NOT NULL "
        "AND photo_id NOT IN (SELECT photo_id FROM withdrawals) ORDER BY rowid LIMIT ?",
        (_CONTROLS,),
    )
    return [ledger.photo("api", row["photo_id"]) for row in rows]


def ask_controls(
    ledger: Ledger, photos: Iterable[DuePhoto], ask: Callable[[DuePhoto], bool]
) -> None:
    """Ask for posts that were found alive; where one is not, or none answers, nothing is dropped.

    ``ask``: asks the API for a post, records what it says and returns whether it answered.
    """
    before = withdrawals(ledger).staged
    answered = [ask(photo) for photo in photos]
    if not any(answered) or withdrawals(ledger).staged > before:
        with ledger.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))


def finish(ledger: Ledger, images: Path, *, most: float, say: Callable[[str], None]) -> int:
    """Drop what is staged if it may be; return how many posts are kept back because they may not.

    Nothing is dropped while posts are still to be asked for: an interrupted refresh goes on.
    """
    found = withdrawals(ledger)
    if not found.staged or _asking(ledger):
        return 0
    if not found.allowed(most):
        _refuse(ledger, found, say)
        return found.staged
    _drop(ledger, images)
    say(
        f"{found.staged} posts were withdrawn by their owners: their text, tags and pictures are "
        "dropped"
    )
    return 0


def _refuse(ledger: Ledger, found: Withdrawals, say: Callable[[str], None]) -> None:
    rows = ledger.query("SELECT photo_id, outcome, reason FROM withdrawals LIMIT ?", (_SHOWN,))
    shown = ", ".join(f"photo {it['photo_id']} ({it['outcome']}: {it['reason']})" for it in rows)
    share = found.staged / max(found.known, 1)
    say(
        f"the API says that {found.staged} of {found.known} known posts are gone or private, and "
        f"answered for {found.answered} of them: more than a refresh drops unasked, so nothing is "
        f"deleted. They are {shown} and so on. If that is true, the same command with "
        f"--max-withdrawn {min(share + 0.005, 1):.2f} drops them without asking again; if the "
        "service was in trouble, or --flickr-url was wrong, --refresh asks again"
    )


def _drop(ledger: Ledger, images: Path) -> None:
    while rows := ledger.query("SELECT * FROM withdrawals LIMIT ?", (_BATCH,)):
        for row in rows:  # before the commit: a kill between the two must not leave a file behind
            image_path(images, row["photo_id"]).unlink(missing_ok=True)
        with ledger.transaction() as connection:
            for row in rows:
                drop_post(connection, row["photo_id"], row["outcome"], row["reason"], picture=True)
            connection.executemany(
                "DELETE FROM withdrawals WHERE photo_id = ?", [(row["photo_id"],) for row in rows]
            )
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (REFRESHED,))
