"""Posts that their owners withdrew: dropped when a refresh has asked for all, and not before.

A refresh that asks the wrong server, or a service on a bad day, hears of every post that it is
gone. So what the API says is staged first (``harvest.ledger.rows.posts``), and nothing is dropped
before all has been asked, the service has been seen well, and the losses are as few as they usually
are.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from flickr_emotion.harvest.crawl.options import USUAL
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.counts import withdrawn_posts
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.rows.withdrawals import (
    RefreshCounts,
    drop_staged,
    first_found_alive,
    forget_found_alive,
    posts_are_due,
    refresh_counts,
    staged_posts,
)
from flickr_emotion.harvest.pictures.files import image_path

_FEW = 20
"""As many posts are, however few are known."""
_SHOWN = 3
_CONTROLS = 3
"""Posts that were found alive and are asked for again before any is dropped."""
_BATCH = 500


def _may_be_dropped(found: RefreshCounts, most: float) -> bool:
    """Whether what is staged may go; ``most``: the fraction of the known posts that may."""
    if most > USUAL and found.staged <= most * found.known:
        return True
    return found.staged <= max(_FEW, most * found.known) and found.answered > found.staged


def told(ledger: Ledger, most: float) -> bool:
    """Whether a refresh that has asked for all was kept from dropping, and ``most`` now lets it.

    Then it is to be finished, and no other one begun.
    """
    found = refresh_counts(ledger)
    return (
        most > USUAL
        and found.staged > 0
        and _may_be_dropped(found, most)
        and not posts_are_due(ledger)
    )


def go_on(ledger: Ledger) -> None:
    """Count the posts that are found alive anew, where an interrupted refresh goes on.

    That the service was well when it was interrupted says nothing of what it answers now.
    """
    if posts_are_due(ledger):
        forget_found_alive(ledger)


def controls(ledger: Ledger, most: float) -> list[DuePhoto]:
    """Return a few posts that were found alive first, where others are about to be dropped unasked.

    A service that came to answer that everything is gone while the last posts were asked says so of
    these too: then nobody is believed.
    """
    found = refresh_counts(ledger)
    if (
        most > USUAL
        or not found.staged
        or posts_are_due(ledger)
        or not _may_be_dropped(found, most)
    ):
        return []
    return first_found_alive(ledger, _CONTROLS)


def ask_controls(
    ledger: Ledger, photos: Iterable[DuePhoto], ask: Callable[[DuePhoto], bool]
) -> None:
    """Ask for posts that were found alive; where one is not, or none answers, nothing is dropped.

    ``ask``: asks the API for a post, records what it says and returns whether it answered.
    """
    before = withdrawn_posts(ledger)
    answered = [ask(photo) for photo in photos]
    if not any(answered) or withdrawn_posts(ledger) > before:
        forget_found_alive(ledger)


def finish(ledger: Ledger, images: Path, *, most: float, say: Callable[[str], None]) -> int:
    """Drop what is staged if it may be; return how many posts are kept back because they may not.

    Nothing is dropped while posts are still to be asked for: an interrupted refresh goes on.
    """
    found = refresh_counts(ledger)
    if not found.staged or posts_are_due(ledger):
        return 0
    if not _may_be_dropped(found, most):
        _refuse(ledger, found, say)
        return found.staged
    _drop(ledger, images)
    say(
        f"{found.staged} posts were withdrawn by their owners: their text, tags and pictures are "
        "dropped"
    )
    return 0


def _refuse(ledger: Ledger, found: RefreshCounts, say: Callable[[str], None]) -> None:
    rows = staged_posts(ledger, _SHOWN)
    shown = ", ".join(f"photo {it.photo_id} ({it.outcome}: {it.reason})" for it in rows)
    share = found.staged / max(found.known, 1)
    say(
        f"the API says that {found.staged} of {found.known} known posts are gone or private, and "
        f"answered for {found.answered} of them: more than a refresh drops unasked, so nothing is "
        f"deleted. They are {shown} and so on. If that is true, the same command with "
        f"--max-withdrawn {min(share + 0.005, 1):.2f} drops them without asking again; if the "
        "service was in trouble, or --flickr-url was wrong, --refresh asks again"
    )


def _drop(ledger: Ledger, images: Path) -> None:
    while some := staged_posts(ledger, _BATCH):
        for post in some:  # before the commit: a kill between the two must not leave a file behind
            image_path(images, post.photo_id).unlink(missing_ok=True)
        drop_staged(ledger, some)
    forget_found_alive(ledger)
