"""``crawl --plan``: what a crawl will cost, and why, before it starts.

The only calls are for one page each of a few listings. The plan names them, and their posts are
kept: the crawl would make these calls first anyway. They show how dense these listings are. For the
other listings this is scaled by how many pictures a search found when VSO's list was made: these
counts are years old, but all equally old.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from statistics import median

from flickr_emotion.common.printing import say
from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.calls.sweep import Sweep
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.crawl.session import CrawlSession, open_session
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.listings import PAGE, Listing, word_listings
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import (
    open_photos,
    search_subjects,
    some_pictures,
    windows,
)
from flickr_emotion.harvest.ledger.rows.counts import due_without_secret
from flickr_emotion.harvest.ledger.rows.lists import search_counts
from flickr_emotion.harvest.pace.retry import TransientError, UnreachableError

_PROBES = 8
_SHOWN = 3
# How many pictures are probed: this gives the share of existing ones to about five points.
_SAMPLE = 200


@dataclass(kw_only=True, slots=True)
class _Subject:
    name: str
    listing: Listing
    photo_ids: tuple[int, ...]
    search_count: int | None
    sweep: Sweep
    calls: float = 0.0
    left: int = 0

    def line(self) -> str:
        won = len(self.photo_ids) - self.left
        return (
            f"  {self.name}: {len(self.photo_ids)} photos, {self.calls:.0f} calls bring {won}, "
            f"{self.left} left to getInfo"
        )


def plan(options: CrawlOptions, say: Callable[[str], None] = say) -> str:
    """Return the plan of a crawl as text, and add its lists to the harvest's ledger.

    Raises ``HarvestError``.

    >>> from pathlib import Path
    >>> from flickr_emotion import CrawlOptions, Sandbox, plan
    >>> with Sandbox() as flickr:
    ...     options = CrawlOptions(
    ...         published_lists=(flickr.write_lists(Path("lists")),), out=Path("planned"),
    ...         flickr_url=flickr.url, api_key=flickr.api_key, api_secret=flickr.api_secret,
    ...     )
    ...     "calls" in plan(options)
    True
    """
    if options.refresh:
        # A refresh first makes everything due, which a plan must not do.
        raise HarvestError(
            "--plan with --refresh: give only one of them; a refresh takes about as many calls as "
            "the harvest took, which `status` counts"
        )
    with open_session(options, say) as session:
        ledger, last_row = session.ledger, session.prepare().last_row
        pictures = _ask_pictures(session, last_row)
        found = _open_subjects(ledger, pictures.alive, last_row)
        with session.calls(threading.Event()) as calls:
            probes = _probe(calls, found, say)
        if probes:  # The ledger now has their posts, so they are no longer part of the plan.
            found = _open_subjects(ledger, pictures.alive, last_row)
        _predict(found, pictures.alive)
        posts = _Posts(
            all=sum(ledger.outcome_counts(last_row=last_row)[0].values()),
            due=ledger.left("api", last_row=last_row),
            without_secret=due_without_secret(ledger, last_row=last_row),
        )
        return _text(posts, options.quota, found, pictures, probes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Posts:
    all: int
    due: int
    """Number of posts that are still due."""
    without_secret: int
    """How many of them the list names without what their picture's URL needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pictures:
    due: int
    """Number of pictures that are still due; they cost no calls."""
    asked: int
    """Number of pictures that were probed for the plan."""
    alive: float
    """The share of the probed pictures that exist."""


def _ask_pictures(session: CrawlSession, last_row: int) -> _Pictures:
    """Estimate how many of the due pictures exist, by requesting the heads of some."""
    asked = alive = 0
    with session.probe() as probe:
        for reference in some_pictures(session.ledger, _SAMPLE, last_row=last_row):
            failure = probe(reference)
            if isinstance(failure, UnreachableError):
                raise HarvestError(failure.line())
            if not isinstance(failure, TransientError):
                asked += 1
                alive += failure is None
    due = session.ledger.left("image", last_row=last_row)
    return _Pictures(due=due, asked=asked, alive=alive / asked if asked else 1.0)


def _open_subjects(ledger: Ledger, alive: float, last_row: int) -> list[_Subject]:
    """Return the pairs or emotions with their open photos, without the share that is dead."""
    counts = search_counts(ledger)
    found = []
    seen: set[int] = set()
    for name in search_subjects(ledger):
        opened = open_photos(ledger, name, last_row=last_row)
        # A photo of two subjects is found by the first.
        photo_ids = sorted(set(opened.photo_ids) - seen)
        seen.update(photo_ids)
        # It is not known which of the other pictures are dead, but how many: draw at random.
        unknown = opened.pictures_to_settle / max(len(opened.photo_ids), 1)
        living = round(len(photo_ids) * (1 - unknown * (1 - alive)))
        photo_ids = Random(name).sample(photo_ids, living)
        if len(photo_ids) > 1:
            listing = word_listings(name)[0]
            found.append(
                _Subject(
                    name=name,
                    listing=listing,
                    photo_ids=tuple(photo_ids),
                    search_count=counts.get(name),
                    sweep=Sweep(photo_ids, windows(ledger, listing)),
                )
            )
    return found


def _probe(calls: ApiCalls, found: list[_Subject], say: Callable[[str], None]) -> list[_Subject]:
    """List one page of some listings, dense and sparse ones; return the subjects of these pages."""
    unknown = [subject for subject in found if not subject.sweep.asked]
    unknown.sort(key=lambda it: (it.search_count or 0) / len(it.photo_ids))
    known = len(found) - len(unknown)
    count = min(max(_PROBES - known, 0), len(unknown))
    probes = []
    for number in range(count):
        subject = unknown[(2 * number + 1) * len(unknown) // (2 * count)]
        start = subject.sweep.next_start()
        if start is None:
            continue
        probes.append(subject)
        try:
            calls.list_page_once(subject.listing, subject.sweep, start)
        except UnreachableError as error:
            raise HarvestError(error.line()) from None
        except TransientError as error:
            say(f"the listing {subject.listing.key} failed ({error}): the plan is made without it")
    return probes


def _predict(found: list[_Subject], alive: float) -> None:
    """Set the calls and the photos left for each subject; ``alive``: share of existing pictures."""
    asked = [
        (subject, window)
        for subject in found
        for window in subject.sweep.windows
        if window.results and window.page_span > 0
    ]
    spans = [window.page_span for _, window in asked]
    scales = [window.page_span * it.search_count for it, window in asked if it.search_count]
    sought = sum(window.sought for _, window in asked)
    shown = sum(window.found for _, window in asked) / sought if sought else 1.0
    # Photos that a page did not show were mostly dead, and dead photos are not counted here.
    hits = min(shown / alive, 1.0) if alive else 1.0
    for subject in found:
        usual_span = median(spans) if spans else None
        if scales and subject.search_count:
            usual_span = median(scales) / subject.search_count
        subject.sweep.look_again(subject.photo_ids, usual_span=usual_span, usual_hits=hits)
        passed_over = len(subject.photo_ids) - subject.sweep.open_count
        subject.calls, left = subject.sweep.expected_calls() if spans else (0.0, 0)
        subject.left = min(left + passed_over, len(subject.photo_ids))


def _text(
    posts: _Posts,
    quota: int,
    found: list[_Subject],
    pictures: _Pictures,
    probes: list[_Subject],
) -> str:
    living = posts.due - round(min(pictures.due, posts.due) * (1 - pictures.alive))
    listed = sum(len(it.photo_ids) for it in found)
    won = listed - sum(it.left for it in found)
    listing_calls = sum(it.calls for it in found)
    left = max(living - won, 0)
    calls = listing_calls + left
    lines = [
        f"{posts.all:,} photos, {posts.due:,} posts to ask for",
        f"pictures   {pictures.due:,} to ask for, which costs no call; {1 - pictures.alive:.0%} of "
        f"{pictures.asked:,} are dead, which settles their posts: {living:,} posts left",
        f"listings   {listing_calls:,.0f} calls of {PAGE} posts, by the words of {len(found):,} "
        f"subjects, bring {won:,}",
        f"getInfo    {left:,} calls for the rest, fewer where several of an owner are listed",
        f"in all     {calls:,.0f} calls; getInfo alone would take {living:,}",
    ]
    if posts.without_secret:
        lines.append(
            f"           {posts.without_secret:,} photos are named without a secret, so each takes "
            "a call before its picture can be requested, also if it is gone"
        )
    if quota:
        lines.append(
            f"           {calls / quota:.1f} hours at {quota:,} calls an hour; "
            f"{living / quota:.1f} by getInfo alone"
        )
    if found:
        found.sort(key=lambda it: (it.left - len(it.photo_ids)) / max(it.calls, 1.0))
        lines += ["most for a call:", *(it.line() for it in found[:_SHOWN])]
        lines += ["least for a call:", *(it.line() for it in found[_SHOWN:][-_SHOWN:])]
    lines.append(
        f"spent on this plan: {len(probes)} calls"
        + (f", a page each of {', '.join(it.listing.key for it in probes)}" if probes else "")
        + "; their posts are kept"
    )
    return "\n".join(lines)
