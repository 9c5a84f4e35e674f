"""What a harvest contains, as text and as data; can be called while a crawl is running."""

import sqlite3
from pathlib import Path
from typing import TypedDict

from flickr_emotion.harvest.calls.forecast import forecast
from flickr_emotion.harvest.crawl.progress import left
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import check_ledger
from flickr_emotion.harvest.ledger.facts import last_quota
from flickr_emotion.harvest.ledger.folder import is_at_work
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.counts import (
    call_count,
    failure_counts,
    pictures_never_named,
    posts_by_picture_alone,
    withdrawn_posts,
)
from flickr_emotion.harvest.ledger.rows.outcomes import IMAGE_OUTCOMES
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR


class Calls(TypedDict):
    """API calls that were spent."""

    total: int
    last_hour: int
    quota: int
    """Calls per hour of the last crawl; 0 for no limit."""


class Left(TypedDict):
    """What is still due."""

    posts: int
    pictures: int
    calls: int
    """Expected number of calls by the plan."""
    seconds: float | None
    """The time that the calls take at the quota; None without a quota."""


class Failure(TypedDict):
    """A reason why posts or pictures failed."""

    what: str
    """``api`` or ``image``."""
    reason: str
    photos: int


class Status(TypedDict):
    """The number of photos in a harvest by outcome; zeros are included."""

    at_work: bool
    """Whether a crawl is running on the folder."""
    photos: int
    api: dict[str, int]
    image: dict[str, int]
    calls: Calls
    left: Left
    picture_alone: int
    """Number of posts that are ``gone`` or ``private`` only because of a dead picture."""
    never_named: int
    """Number of pictures that stay ``pending``: the list has no secret, and the post is lost."""
    withdrawn: int
    """Number of posts that a refresh found withdrawn but has not dropped."""
    failures: list[Failure]
    """The most frequent first."""


def harvest_status(folder: Path) -> Status:
    """Return the state of a harvest folder.

    Raises ``HarvestError`` if it is not a harvest folder.

    >>> from pathlib import Path
    >>> from flickr_emotion import harvest_status
    >>> harvest_status(Path("harvest"))["photos"] > 1000
    True
    """
    path = folder / FILE_NAME
    try:
        with Ledger(path) as ledger:
            check_ledger(ledger)
            return _status(ledger, at_work=is_at_work(folder))
    except sqlite3.Error as error:
        raise HarvestError(f"{path} cannot be read: {error}") from None


def _status(ledger: Ledger, *, at_work: bool) -> Status:
    api, image = ledger.outcome_counts()
    quota = last_quota(ledger)
    ahead = forecast(ledger, quota=quota)
    return Status(
        at_work=at_work,
        photos=sum(api.values()),
        api=api,
        image=image,
        calls=Calls(
            total=call_count(ledger),
            last_hour=len(ledger.call_times(since=now() - HOUR)),
            quota=quota,
        ),
        left=Left(
            posts=ahead.posts,
            pictures=ledger.left("image"),
            calls=ahead.calls,
            seconds=ahead.seconds,
        ),
        picture_alone=posts_by_picture_alone(ledger),
        never_named=pictures_never_named(ledger),
        withdrawn=withdrawn_posts(ledger),
        failures=[
            Failure(what=it.what, reason=it.reason, photos=it.photos)
            for it in failure_counts(ledger)
        ],
    )


def describe(status: Status) -> str:
    """Return the outcomes as a table, with the quota used, the time left, and the failures."""
    lines = [f"{'outcome':<12}{'posts':>10}{'pictures':>10}"]
    for outcome in IMAGE_OUTCOMES:
        posts, pictures = status["api"].get(outcome), status["image"][outcome]
        if posts or pictures:
            lines.append(f"{outcome:<12}{'' if posts is None else posts:>10}{pictures:>10}")
    calls, ahead = status["calls"], status["left"]
    of_quota = f" of {calls['quota']}" if calls["quota"] else ""
    lines.append(
        f"{status['photos']} photos, {calls['total']} API calls "
        f"({calls['last_hour']}{of_quota} in the last hour)"
    )
    if ahead["posts"]:
        at_quota = f", {left(ahead['seconds'])} at this quota" if ahead["seconds"] else ""
        lines.append(f"{ahead['posts']} posts left, in about {ahead['calls']} calls{at_quota}")
    if ahead["pictures"]:
        lines.append(f"{ahead['pictures']} pictures left")
    if status["picture_alone"]:
        lines.append(
            f"{status['picture_alone']} posts are gone or private by their picture alone "
            "(--verify-gone asks the API)"
        )
    if status["never_named"]:
        lines.append(
            f"{status['never_named']} pictures stay pending: their posts are gone or private, and "
            "the list holds no secret to request them by"
        )
    if status["withdrawn"]:
        lines.append(f"{status['withdrawn']} posts were withdrawn, and are not dropped yet")
    # Force each reason onto one line: the ledger may be untrusted.
    lines += [
        f"{it['photos']} x {it['what']}: {' '.join(it['reason'].split())}"
        for it in status["failures"]
    ]
    return "\n".join(lines)
