"""Drop posts that their owners withdrew, but only at the end of a complete refresh.

The wrong server, or a service in trouble, tells a refresh that every post is gone. So withdrawn
posts are only staged at first (``harvest.ledger.rows.posts``). They are dropped once all posts have
been requested, the service has proved to be well, and the losses are not unusually many. Each is
requested once more before: a service that was in trouble for a while may have reported a few.
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
    staged_once,
    staged_posts,
)
from flickr_emotion.harvest.pictures.files import image_path

_FEW = 20
"""This many posts may be dropped however few are known."""
_SHOWN = 3
_CONTROLS = 3
"""Number of posts that were found alive and are requested again before any is dropped."""
_BATCH = 500
_TIMES = 2
"""So often the API has to report a post, unless the user allows more losses than usual."""


def _may_be_dropped(found: RefreshCounts, most: float) -> bool:
    """Whether staged posts may be dropped; ``most``: the largest fraction of the known posts."""
    if most > USUAL and found.staged <= most * found.known:
        return True
    return found.staged <= max(_FEW, most * found.known) and found.answered > found.staged


def now_allowed(ledger: Ledger, most: float) -> bool:
    """Whether a complete refresh was not allowed to drop its posts, and ``most`` now allows it.

    Then that refresh is finished and no new one is started.
    """
    found = refresh_counts(ledger)
    return (
        most > USUAL
        and found.staged > 0
        and _may_be_dropped(found, most)
        and not posts_are_due(ledger)
    )


def restart_count(ledger: Ledger) -> None:
    """Restart the count of posts found alive when an interrupted refresh goes on.

    The service may have been well before the interruption and be in trouble now.
    """
    if posts_are_due(ledger):
        forget_found_alive(ledger)


def controls(ledger: Ledger, most: float) -> list[DuePhoto]:
    """Return some of the first posts that were found alive, if others are about to be dropped.

    If the service began to report everything as gone during the refresh, it does so for these posts
    too, and then nothing is dropped.
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


def ask_again(ledger: Ledger, photos: Iterable[DuePhoto], ask: Callable[[DuePhoto], bool]) -> None:
    """Request posts that were found alive, and then those that were reported once.

    If one of the former is gone or none is answered, nothing is dropped. ``ask`` requests a post
    from the API, records the answer and returns whether there was one.
    """
    before = withdrawn_posts(ledger)
    answered = [ask(photo) for photo in photos]
    if not any(answered) or withdrawn_posts(ledger) > before:
        forget_found_alive(ledger)
        return
    for photo in staged_once(ledger):
        ask(photo)


def finish(ledger: Ledger, images: Path, *, most: float, say: Callable[[str], None]) -> int:
    """Drop the staged posts if they may be dropped; otherwise return how many are kept back.

    Nothing is dropped while posts are still due, since an interrupted refresh goes on.
    """
    found = refresh_counts(ledger)
    if not found.staged or posts_are_due(ledger):
        return 0
    if not _may_be_dropped(found, most):
        _refuse(ledger, found, say)
        return found.staged
    _drop(ledger, images, times=1 if most > USUAL else _TIMES)
    left = withdrawn_posts(ledger)
    if dropped := found.staged - left:
        say(
            f"{dropped} posts were withdrawn by their owners: their text, tags and pictures are "
            "dropped"
        )
    if left:
        say(
            f"{left} posts that the API reported as gone or private are kept, because it did not "
            "answer when they were requested once more: the next crawl requests them again"
        )
    return left


def _refuse(ledger: Ledger, found: RefreshCounts, say: Callable[[str], None]) -> None:
    rows = staged_posts(ledger, _SHOWN)
    shown = ", ".join(f"photo {it.photo_id} ({it.outcome}: {it.reason})" for it in rows)
    share = found.staged / max(found.known, 1)
    say(
        f"the API says that {found.staged} of {found.known} known posts are gone or private, and "
        f"answered for {found.answered} of them: a refresh drops fewer by default, so nothing is "
        f"deleted. They are {shown} and so on. If this is right, run the same command with "
        f"--max-withdrawn {min(share + 0.005, 1):.2f} to drop them without further calls; if the "
        "service was in trouble or --flickr-url was wrong, run --refresh again"
    )


def _drop(ledger: Ledger, images: Path, *, times: int) -> None:
    while some := staged_posts(ledger, _BATCH, times=times):
        for post in some:  # Before the commit: a kill in between must not leave a file behind.
            image_path(images, post.photo_id).unlink(missing_ok=True)
        drop_staged(ledger, some)
    forget_found_alive(ledger)
