"""``crawl --plan``: what a crawl will cost, and why, before it is made.

A few listings are asked for one page each, and no other call is spent. They are named, and what
they show is kept: they are calls that the crawl would make first. What they say of how dense
listings are is carried over to the others by how many pictures a search found when VSO's list was
made: those counts are years old, but old alike.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from harvest.api_calls import ApiCalls
from harvest.crawl import calls_of, open_lists, take_in
from harvest.crawl_options import CrawlOptions
from harvest.harvest_folder import harvest_at_work
from harvest.ledger import Ledger
from harvest.listing_ledger import open_photos, search_counts, subjects, windows
from harvest.listings import Listing, word_listings
from harvest.sweep import Sweep

_PROBES = 8
_SHOWN = 5
# Outcomes of fewer pictures say nothing of the rest.
_ENOUGH_PICTURES = 100


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


def plan(options: CrawlOptions, say: Callable[[str], None]) -> str:
    """Return the plan of a crawl as text; its lists are in the harvest's ledger after it.

    Raises ``HarvestError``.
    """
    published = open_lists(options.published_lists)
    with harvest_at_work(options.out) as ledger:
        take_in(ledger, published, options, say)
        found = _open_subjects(ledger)
        with calls_of(options, ledger, say, threading.Event()) as calls:
            probes = _probe(calls, found)
        _predict(found)
        return _text(ledger, options, found, probes)


def _open_subjects(ledger: Ledger) -> list[_Subject]:
    counts = search_counts(ledger)
    found = []
    seen: set[int] = set()
    for name in subjects(ledger):
        # A photo under two subjects is found by the first.
        photo_ids = tuple(set(open_photos(ledger, name).photo_ids) - seen)
        seen.update(photo_ids)
        if len(photo_ids) > 1:
            listing = word_listings(name)[0]
            found.append(
                _Subject(
                    name=name,
                    listing=listing,
                    photo_ids=photo_ids,
                    search_count=counts.get(name),
                    sweep=Sweep(photo_ids, windows(ledger, listing)),
                )
            )
    return found


def _probe(calls: ApiCalls, found: list[_Subject]) -> list[_Subject]:
    """Ask for a page of some listings, dense and sparse ones; return those that answered."""
    unknown = [subject for subject in found if not subject.sweep.asked]
    unknown.sort(key=lambda it: (it.search_count or 0) / len(it.photo_ids))
    known = len(found) - len(unknown)
    count = min(max(_PROBES - known, 0), len(unknown))
    probes = [unknown[(2 * n + 1) * len(unknown) // (2 * count)] for n in range(count)]
    answered = []
    for subject in probes:
        start = subject.sweep.next_start()
        if start is not None and calls.ask_page(subject.listing, subject.sweep, start):
            answered.append(subject)
    return answered


def _predict(found: list[_Subject]) -> None:
    """Say for each subject what its listing will cost and leave."""
    asked = [
        (subject, window)
        for subject in found
        for window in subject.sweep.windows
        if window.results and window.page_span > 0
    ]
    spans = [window.page_span for _, window in asked]
    scales = [window.page_span * it.search_count for it, window in asked if it.search_count]
    sought = sum(window.sought for _, window in asked)
    hits = sum(window.found for _, window in asked) / sought if sought else 1.0
    for subject in found:
        if not subject.sweep.asked and spans:
            of_count = subject.search_count if scales else None
            subject.sweep = Sweep(
                subject.photo_ids,
                usual_span=median(scales) / of_count if of_count else median(spans),
                usual_hits=hits,
            )
        subject.calls, subject.left = subject.sweep.expected_calls()


def _text(
    ledger: Ledger, options: CrawlOptions, found: list[_Subject], probes: list[_Subject]
) -> str:
    api, image = ledger.outcome_counts()
    posts = ledger.left("api")
    listed = sum(len(subject.photo_ids) for subject in found)
    left = sum(subject.left for subject in found) + max(posts - listed, 0)
    calls = sum(subject.calls for subject in found) + left
    settled = sum(image.values()) - image["pending"] - image["failed"]
    lines = [f"{sum(api.values())} photos: {posts} posts to ask for, the others are settled"]
    if settled >= _ENOUGH_PICTURES:
        due = ledger.left("image")
        alive = image["ok"] / settled
        calls -= calls * min(due / max(posts, 1), 1.0) * (1 - alive)
        lines.append(
            f"pictures: {due} to ask for, at no cost; {1 - alive:.0%} of {settled} were gone, "
            "and those posts cost no call"
        )
    else:
        lines.append("pictures: asked for first, at no cost; each that is gone saves its call")
    lines += [
        f"listings of words: {len(found)} subjects of {listed} photos, "
        f"{sum(subject.calls for subject in found):.0f} calls bring "
        f"{listed - sum(subject.left for subject in found)}",
        f"getInfo, or an owner's listing where several are left: {left} photos",
        f"expected: {calls:.0f} calls, where getInfo alone would take {posts}",
    ]
    if options.quota:
        lines.append(
            f"at {options.quota} calls an hour: {calls / options.quota:.1f} hours, "
            f"not {posts / options.quota:.1f}"
        )
    if found:
        found.sort(key=lambda it: it.calls / max(len(it.photo_ids) - it.left, 1))
        lines += ["most for a call:", *(subject.line() for subject in found[:_SHOWN])]
        lines += ["least for a call:", *(subject.line() for subject in found[-_SHOWN:])]
    lines.append(
        f"spent on this plan: {len(probes)} calls"
        + (f", a page each of {', '.join(it.listing.key for it in probes)}" if probes else "")
        + "; their posts are kept"
    )
    return "\n".join(lines)
